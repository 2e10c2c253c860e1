// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/host/daemon/fault_links.h"
#include "runtime/host/daemon/node_links.h"
#include "runtime/host/local/clock.h"
#include "tests/conformance/transport.h"

namespace mobula::conformance {
namespace {

/// What a daemon has between its machine and the wire.
struct Side {
  std::unique_ptr<host::NodeLinks> links;
  std::unique_ptr<host::FaultLinks> faults;
  std::string address;
};

/// gRPC over the loopback interface, behind the daemons' fault layers; three daemons' worth of it
/// in one loop.
class RealTransport final : public Transport {
 public:
  RealTransport(std::uint64_t seed, link::Options options) : Transport(options) {
    std::map<NodeId, std::string> names;
    for (NodeNumber node = 0; node < kNodes; ++node) names[IdOf(node)] = NameOf(node);
    for (NodeNumber node = 0; node < kNodes; ++node) {
      Side& side = sides_[node];
      side.links = std::make_unique<host::NodeLinks>(loop_, HandlersOf(node));
      const auto address = side.links->Listen("127.0.0.1", 0);
      CHECK(address.ok()) << address.status();
      side.address = *address;
      side.faults = std::make_unique<host::FaultLinks>(loop_, *side.links, seed);
      side.faults->SetSelf(NameOf(node));
      side.faults->SetNames(names);
    }
  }
  ~RealTransport() override {
    for (auto& [node, side] : sides_) side.faults.reset();
  }

  void SendChunk(NodeNumber source, NodeNumber target, std::uint64_t offset,
                 std::string data) override {
    sides_.at(source).faults->SendChunk(
        AddressOf(target), {IdOf(source), IdOf(target), ObjectId{}, offset, std::move(data)});
  }

  void Begin(faults::FaultId id, const faults::Kind& kind) override {
    for (auto& [node, side] : sides_) {
      if (Runs(node)) side.faults->Begin(id, kind);
    }
  }
  void End(faults::FaultId id) override {
    for (auto& [node, side] : sides_) {
      if (Runs(node)) side.faults->End(id);
    }
  }

  void Crash(NodeNumber node, bool silent) override {
    StopNode(node);
    for (auto& [peer, side] : sides_) {
      if (silent && Runs(peer)) side.faults->Silence(IdOf(node));
    }
    sides_.at(node).faults.reset();
    sides_.at(node).links.reset();
  }

  [[nodiscard]] Instant Now() const override { return host::SteadyNow(); }
  bool RunUntil(const std::function<bool()>& done, Duration span) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(span.nanoseconds);
    loop_.restart();
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return done();
      loop_.run_one_for(std::chrono::milliseconds(5));
      if (loop_.stopped()) loop_.restart();
    }
    return true;
  }

 private:
  const std::string& AddressOf(NodeNumber node) const { return sides_.at(node).address; }

  host::NodeLinks::Handlers HandlersOf(NodeNumber node) {
    return {
        .on_frame = [this](link::Frame frame) { FrameArrived(frame); },
        .on_chunk =
            [this, node](host::ObjectBytes chunk) {
              chunks[node].push_back({NumberOf(chunk.source), chunk.offset, std::move(chunk.data)});
            },
        .on_broken =
            [this, node](NodeId peer, const std::string&, bool refused) {
              if (Runs(node) && sides_.at(node).faults->MayLearnOfBreak(peer)) {
                breaks[node].push_back({NumberOf(peer), refused});
              }
            },
    };
  }

  void After(Duration delay, std::function<void()> act) override {
    auto timer = std::make_shared<boost::asio::steady_timer>(
        loop_, std::chrono::nanoseconds(delay.nanoseconds));
    timer->async_wait([timer, act = std::move(act)](const boost::system::error_code& error) {
      if (!error) act();
    });
  }
  void Transmit(NodeNumber source, NodeNumber target, const link::Frame& frame) override {
    sides_.at(source).faults->SendFrame(AddressOf(target), frame);
  }

  boost::asio::io_context loop_{1};
  std::map<NodeNumber, Side> sides_;
};

}  // namespace

std::unique_ptr<Transport> MakeRealTransport(std::uint64_t seed, link::Options options) {
  return std::make_unique<RealTransport>(seed, options);
}

}  // namespace mobula::conformance
