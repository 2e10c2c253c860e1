// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>
#include <variant>

#include "sim/event_queue.h"
#include "sim/network.h"
#include "tests/conformance/transport.h"

namespace mobula::conformance {
namespace {

/// The simulated network in virtual time.
class SimTransport final : public Transport {
 public:
  SimTransport(std::uint64_t seed, link::Options options)
      : Transport(options), network_(sim::Timing{}, Rng(seed)) {}

  void SendChunk(NodeNumber source, NodeNumber target, std::uint64_t offset,
                 std::string data) override {
    const auto [first, again] = network_.SendChunk(now_, Index(source), Index(target), data.size());
    for (const auto& arrival : {first, again}) {
      if (!arrival) continue;
      queue_.Push(*arrival, [this, source, target, offset, data] {
        if (Runs(target)) chunks[target].push_back({source, offset, data});
      });
    }
  }

  void Begin(faults::FaultId id, const faults::Kind& kind) override {
    if (const auto* cut = std::get_if<faults::Partition>(&kind)) network_.Add(id, *cut);
    if (const auto* fault = std::get_if<faults::LinkFault>(&kind)) network_.Add(id, *fault);
  }
  void End(faults::FaultId id) override { network_.Remove(id); }

  void Crash(NodeNumber node, bool silent) override {
    StopNode(node);
    silent_[node] = silent;
    for (NodeNumber peer = 0; peer < kNodes && !silent; ++peer) {
      if (peer == node || !network_.HaveTalked(Index(node), Index(peer))) continue;
      if (!network_.IsUp(Index(node), Index(peer))) continue;
      After(sim::Timing{}.link_latency, [this, peer, node] { Broke(peer, node); });
    }
    network_.Forget(Index(node));
  }

  [[nodiscard]] Instant Now() const override { return now_; }
  bool RunUntil(const std::function<bool()>& done, Duration span) override {
    const Instant end = now_ + span;
    while (!done()) {
      if (queue_.IsEmpty() || queue_.NextTime() > end) {
        now_ = end;
        return done();
      }
      now_ = queue_.NextTime();
      queue_.Pop()();
    }
    return true;
  }

 private:
  static sim::NodeIndex Index(NodeNumber node) { return static_cast<sim::NodeIndex>(node); }

  void After(Duration delay, std::function<void()> act) override {
    queue_.Push(now_ + delay, std::move(act));
  }

  void Transmit(NodeNumber source, NodeNumber target, const link::Frame& frame) override {
    const auto [first, again] = network_.SendMessage(now_, Index(source), Index(target), 100);
    for (const auto& arrival : {first, again}) {
      if (arrival) queue_.Push(*arrival, [this, source, frame] { Arrived(source, frame); });
    }
  }

  void Arrived(NodeNumber source, const link::Frame& frame) {
    const NodeNumber target = NumberOf(frame.target);
    if (Runs(target)) return FrameArrived(frame);
    if (!silent_[target]) Broke(source, target);
  }
  void Broke(NodeNumber node, NodeNumber peer) {
    if (Runs(node) && network_.IsUp(Index(peer), Index(node))) breaks[node].push_back({peer, true});
  }

  Instant now_{1'000'000'000};
  sim::Network network_;
  sim::EventQueue<std::function<void()>> queue_;
  std::map<NodeNumber, bool> silent_;
};

}  // namespace

std::unique_ptr<Transport> MakeSimTransport(std::uint64_t seed, link::Options options) {
  return std::make_unique<SimTransport>(seed, options);
}

}  // namespace mobula::conformance
