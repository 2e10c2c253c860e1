// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/fault_links.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "runtime/host/local/clock.h"
#include "runtime/wire/codec.h"

namespace mobula::host {
namespace {

/// A frame that comes twice comes this much later again.
constexpr Duration kRepetition = Microseconds(100);

std::uint64_t SizeOf(const link::Frame& frame) {
  std::string bytes;
  wire::Encode(frame, bytes);
  return bytes.size();
}

}  // namespace

FaultLinks::FaultLinks(boost::asio::io_context& loop, NodeLinks& links, std::uint64_t seed)
    : links_(links), faults_(Rng(seed)), timer_(loop) {}

void FaultLinks::SendFrame(const std::string& address, const link::Frame& frame) {
  if (faults_.IsEmpty() && waiting_.empty() && silent_.empty()) {
    return links_.SendFrame(address, frame);
  }
  Send({frame.target, Stream::kFrames}, SizeOf(frame),
       [this, address, frame] { links_.SendFrame(address, frame); });
}

void FaultLinks::SendChunk(const std::string& address, ObjectBytes chunk) {
  if (faults_.IsEmpty() && waiting_.empty() && silent_.empty()) {
    return links_.SendChunk(address, std::move(chunk));
  }
  const StreamKey key{chunk.target, Stream::kChunks};
  const std::uint64_t bytes = chunk.data.size();
  Send(key, bytes, [this, address, chunk = std::move(chunk)] { links_.SendChunk(address, chunk); });
}

void FaultLinks::Send(StreamKey key, std::uint64_t bytes, std::function<void()> send) {
  const NodeId peer = key.first;
  if (silent_.contains(peer)) return;
  const std::string& name = NameOf(peer);
  // A second daemon of this node is no link away.
  const bool is_link = !name.empty() && name != self_;
  const faults::Suffering suffering = is_link ? faults_.Suffer(self_, name) : faults::Suffering{};
  if (suffering.lost) return;
  Wire& wire = wires_[key];
  if (wire.waiting_bytes + bytes > kWaitingBytesMax && wire.waiting_bytes > 0) return;
  const Instant now = MachineNow();
  wire.free_at = std::max(now, wire.free_at);
  if (suffering.bytes_per_second > 0) {
    wire.free_at =
        wire.free_at + FromSeconds(static_cast<double>(bytes) / suffering.bytes_per_second);
  }
  Instant arrival = wire.free_at + suffering.late;
  if (!suffering.overtaken) {
    arrival = std::max(arrival, wire.last_arrival);
    wire.last_arrival = arrival;
  }
  if (suffering.twice) SendLater(arrival + kRepetition, {key, bytes, send});
  if (arrival <= now && wire.waiting_bytes == 0) return send();
  SendLater(arrival, {key, bytes, std::move(send)});
}

void FaultLinks::SendLater(Instant at, Waiting waiting) {
  wires_[waiting.stream].waiting_bytes += waiting.bytes;
  const bool is_first = waiting_.empty() || at < waiting_.begin()->first;
  waiting_.emplace(at, std::move(waiting));
  if (is_first) AwaitNext();
}

void FaultLinks::AwaitNext() {
  const Duration delay = std::max(waiting_.begin()->first - MachineNow(), Duration{});
  timer_.expires_after(std::chrono::nanoseconds(delay.nanoseconds));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) SendDue();
  });
}

void FaultLinks::SendDue() {
  const Instant now = MachineNow();
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const Waiting due = std::move(waiting_.extract(waiting_.begin()).mapped());
    wires_[due.stream].waiting_bytes -= due.bytes;
    if (!silent_.contains(due.stream.first)) due.send();
  }
  if (!waiting_.empty()) AwaitNext();
}

void FaultLinks::Close(NodeId peer) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.stream.first == peer; });
  wires_.erase({peer, Stream::kFrames});
  wires_.erase({peer, Stream::kChunks});
  links_.Close(peer);
}

bool FaultLinks::MayLearnOfBreak(NodeId peer) const {
  if (silent_.contains(peer)) return false;
  return !faults_.IsCut(NameOf(peer), self_);
}

const std::string& FaultLinks::NameOf(NodeId node) const {
  static const std::string nobody;
  const auto found = names_.find(node);
  return found == names_.end() ? nobody : found->second;
}

void FaultLinks::Begin(faults::FaultId id, const faults::Kind& kind) {
  if (const auto* partition = std::get_if<faults::Partition>(&kind)) faults_.Add(id, *partition);
  if (const auto* fault = std::get_if<faults::LinkFault>(&kind)) faults_.Add(id, *fault);
}

void FaultLinks::Silence(NodeId peer) {
  silent_.insert(peer);
  names_.erase(peer);
}

}  // namespace mobula::host
