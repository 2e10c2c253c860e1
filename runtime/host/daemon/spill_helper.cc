// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/spill_helper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mobula::host {
namespace {

namespace json = boost::json;

/// For the helper to remove what is left, at the end of a node; after that it goes on alone.
constexpr int kPatienceMs = 3000;
/// No answer is longer, apart from the bytes behind it.
constexpr std::size_t kAnswerMax = 64 << 10;

std::uint64_t TotalOf(const std::vector<std::span<const std::byte>>& parts) {
  std::uint64_t total = 0;
  for (const std::span<const std::byte> part : parts) total += part.size();
  return total;
}

}  // namespace

SpillHelper::~SpillHelper() { Abandon(); }

absl::Status SpillHelper::Write(std::uint64_t file,
                                const std::vector<std::span<const std::byte>>& parts) {
  return Ask(absl::StrCat(R"({"op":"write","file":)", file, R"(,"size":)", TotalOf(parts), "}\n"),
             parts, {});
}

absl::Status SpillHelper::Read(std::uint64_t file, std::uint64_t offset,
                               std::span<std::byte> target) {
  return Ask(absl::StrCat(R"({"op":"read","file":)", file, R"(,"offset":)", offset, R"(,"size":)",
                          target.size(), "}\n"),
             {}, target);
}

void SpillHelper::Delete(std::uint64_t file) {
  // A file that stays goes with the others of this node.
  (void)Ask(absl::StrCat(R"({"op":"delete","file":)", file, "}\n"), {}, {});
}

void SpillHelper::Interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (socket_.IsOpen()) shutdown(socket_.Get(), SHUT_RDWR);
}

absl::Status SpillHelper::Start() {
  if (process_.pid != 0) return absl::OkStatus();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket for the spill helper");
  }
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const Fd log(open(options_.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  SpawnOptions options;
  options.argv = options_.command;
  options.argv.push_back(options_.place);
  options.argv.push_back(options_.folder);
  options.environment["MOBULA_SPILL_FD"] = absl::StrCat(theirs.Get());
  options.output = options.error = log.Get();
  options.inherited = {theirs.Get()};
  options.outlives_starter = true;
  absl::StatusOr<SpawnedProcess> process = Spawn(options);
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  const std::lock_guard lock(mutex_);
  socket_ = std::move(ours);
  if (interrupted_) shutdown(socket_.Get(), SHUT_RDWR);
  return absl::OkStatus();
}

absl::Status SpillHelper::Ask(const std::string& question,
                              const std::vector<std::span<const std::byte>>& parts,
                              std::span<std::byte> target) {
  if (absl::Status status = Start(); !status.ok()) return status;
  absl::Status status = Exchange(question, parts, target);
  // Its word, and not that of the place, failed: nobody knows where it stands.
  if (absl::IsUnavailable(status)) Abandon();
  return status;
}

absl::Status SpillHelper::Exchange(const std::string& question,
                                   const std::vector<std::span<const std::byte>>& parts,
                                   std::span<std::byte> target) {
  if (absl::Status status = Send(std::as_bytes(std::span(question))); !status.ok()) return status;
  for (const std::span<const std::byte> part : parts) {
    if (absl::Status status = Send(part); !status.ok()) return status;
  }
  std::string answer;
  while (!answer.ends_with('\n')) {
    std::byte next{};
    if (absl::Status status = Receive({&next, 1}); !status.ok()) return status;
    answer.push_back(static_cast<char>(next));
    if (answer.size() > kAnswerMax) return absl::UnavailableError("the spill helper is confused");
  }
  boost::system::error_code error;
  const json::value parsed = json::parse(answer, error);
  const json::string* problem =
      error || !parsed.is_object() || !parsed.as_object().contains("error")
          ? nullptr
          : parsed.as_object().at("error").if_string();
  if (problem == nullptr) return absl::UnavailableError("the spill helper is confused");
  if (!problem->empty()) return absl::UnknownError(std::string(*problem));
  return Receive(target);
}

absl::Status SpillHelper::Send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::UnavailableError(
          absl::StrCat("the spill helper has ended; see ", options_.log_file));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status SpillHelper::Receive(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = recv(socket_.Get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return absl::UnavailableError(
          absl::StrCat("the spill helper has ended; see ", options_.log_file));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return absl::OkStatus();
}

void SpillHelper::Abandon() {
  {
    const std::lock_guard lock(mutex_);
    socket_.Reset();
  }
  if (process_.pid == 0) return;
  pollfd end{process_.pidfd.Get(), POLLIN, 0};
  if (poll(&end, 1, kPatienceMs) > 0) waitpid(process_.pid, nullptr, 0);
  process_ = {};
}

}  // namespace mobula::host
