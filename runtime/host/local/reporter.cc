// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/reporter.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "runtime/host/local/clock.h"

namespace mobula::host {
namespace {

constexpr std::size_t kPacketMax = 1 << 16;

Fd ConnectToPath(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Fd();
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  if (connect(socket.Get(), name, sizeof(address)) != 0) return Fd();
  return socket;
}

/// Without the prefix of enumerators, as plan files and controllers say it: "TaskStarted".
std::string EventName(faults::Happening event) {
  return boost::describe::enum_to_string(event, "k?") + 1;
}

template <class Number>
Number NumberIn(const std::string& word) {
  Number number = 0;
  if constexpr (std::is_floating_point_v<Number>) {
    (void)absl::SimpleAtod(word, &number);
  } else {
    (void)absl::SimpleAtoi(word, &number);
  }
  return number;
}

}  // namespace

std::unique_ptr<Reporter> Reporter::Connect(Obey obey) {
  const char* const place = std::getenv(kVariable);
  if (place == nullptr) return nullptr;
  const std::vector<std::string> parts = absl::StrSplit(place, absl::MaxSplits(':', 1));
  if (parts.size() != 2) return nullptr;
  Fd socket = ConnectToPath(parts[1]);
  if (!socket.IsOpen()) return nullptr;
  return std::unique_ptr<Reporter>(new Reporter(parts[0], std::move(socket), std::move(obey)));
}

void Reporter::Introduce(const std::string& role, const std::string& id) {
  Send({"hello", role, node_, id});
  AwaitGo();
}

void Reporter::Report(const faults::Observation& observation) {
  if (!ListensFor(observation)) return;
  Send({"saw", EventName(observation.event), observation.name, observation.from, observation.to});
  AwaitGo();
}

void Reporter::ReportMessage(const Message& message, const std::string& to) {
  if (listens_.empty()) return;
  for (const auto& observation : faults::ObservationsOf(message, node_, to)) Report(observation);
}

void Reporter::Tell(const Words& news) {
  if (is_watched_) Send(news);
}

bool Reporter::ListensFor(const faults::Observation& observation) const {
  const auto names = listens_.find(EventName(observation.event));
  if (names == listens_.end()) return false;
  return names->second.contains("") || names->second.contains(observation.name);
}

void Reporter::Send(const Words& words) {
  if (gone_) return;
  std::string packet;
  for (const std::string& word : words) (packet += word).push_back('\0');
  while (send(socket_.Get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    gone_ = true;
    return;
  }
}

void Reporter::AwaitGo() {
  while (!gone_ && Receive(true) != Received::kGo) continue;
}

bool Reporter::HandleReadable() {
  for (;;) {
    switch (Receive(false)) {
      case Received::kNothing:
        return true;
      case Received::kGone:
        return false;
      case Received::kGo:
      case Received::kOrder:
        break;
    }
  }
}

Reporter::Received Reporter::Receive(bool wait) {
  std::array<char, kPacketMax> packet;
  ssize_t size = 0;
  do {
    size = recv(socket_.Get(), packet.data(), packet.size(), wait ? 0 : MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::kNothing;
  if (size <= 0) {
    gone_ = true;
    listens_.clear();
    is_watched_ = false;
    return Received::kGone;
  }
  const std::string text(packet.data(), static_cast<std::size_t>(size) - 1);
  const Words words = absl::StrSplit(text, '\0');
  if (words[0] == "go") return Received::kGo;
  if (words.size() >= 2) Follow(words);
  return Received::kOrder;
}

void Reporter::Follow(const Words& order) {
  if (order[0] == "listen" && order.size() >= 3) {
    is_watched_ = order[2] == "1";
    listens_.clear();
    for (std::size_t i = 3; i + 1 < order.size(); i += 2) listens_[order[i]].insert(order[i + 1]);
  } else if (order[0] == "clock" && order.size() == 5) {
    SetClockLaw({Instant{NumberIn<std::int64_t>(order[2])},
                 Instant{NumberIn<std::int64_t>(order[3])}, NumberIn<double>(order[4])});
  }
  if (obey_) obey_(order);
  Send({"done", order[1]});
}

}  // namespace mobula::host
