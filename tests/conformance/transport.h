// SPDX-License-Identifier: Apache-2.0
/// The network between daemons as the machines see it, in both worlds: what the tests of the
/// contract are written against.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faults/injector.h"
#include "runtime/core/link/link.h"

namespace mobula::conformance {

/// One of n1, n2, n3, counted from 0.
using NodeNumber = std::size_t;
inline constexpr std::size_t kNodes = 3;

inline NodeId IdOf(NodeNumber node) { return NodeId{node + 1, 0}; }
inline NodeNumber NumberOf(NodeId node) { return static_cast<NodeNumber>(node.high - 1); }
inline std::string NameOf(NodeNumber node) { return "n" + std::to_string(node + 1); }

/// A part of an object that arrived.
struct Chunk {
  NodeNumber source = 0;
  std::uint64_t offset = 0;
  std::string data;
};
struct Break {
  NodeNumber peer = 0;
  bool refused = false;
};

/// Three nodes, each with its Links machine, on one of the two networks. Whoever derives from it
/// moves frames and chunks, tells of broken connections, and lets time pass.
class Transport {
 public:
  explicit Transport(link::Options options);
  virtual ~Transport() = default;

  /// Gives an envelope to the link; `content` comes with it.
  void Send(NodeNumber source, NodeNumber target, std::string content = "");
  virtual void SendChunk(NodeNumber source, NodeNumber target, std::uint64_t offset,
                         std::string data) = 0;

  virtual void Begin(faults::FaultId id, const faults::Kind& kind) = 0;
  virtual void End(faults::FaultId id) = 0;
  /// The daemon is gone at once; when silently, nobody answers for it.
  virtual void Crash(NodeNumber node, bool silent) = 0;

  /// Lets time pass until `done` or for `span`; returns `done()`.
  virtual bool RunUntil(const std::function<bool()>& done, Duration span) = 0;
  void Run(Duration span) {
    RunUntil([] { return false; }, span);
  }

  [[nodiscard]] virtual Instant Now() const = 0;

  // What arrived, in order of arrival.
  struct Arrival {
    NodeNumber source = 0;
    /// Counts what `source` sent to this node, from 1.
    std::uint64_t number = 0;
    std::string content;
  };
  std::map<NodeNumber, std::vector<Arrival>> arrivals;
  std::map<NodeNumber, std::vector<Chunk>> chunks;
  std::map<NodeNumber, std::vector<Break>> breaks;
  /// Frames that links gave to the network, by direction.
  std::map<std::pair<NodeNumber, NodeNumber>, std::uint64_t> frames;

  [[nodiscard]] std::size_t Unacknowledged(NodeNumber source, NodeNumber target) const {
    return links_[source].Unacknowledged(IdOf(target));
  }

 protected:
  virtual void Transmit(NodeNumber source, NodeNumber target, const link::Frame& frame) = 0;
  virtual void After(Duration delay, std::function<void()> act) = 0;

  /// The network has brought a frame.
  void FrameArrived(const link::Frame& frame);
  void StopNode(NodeNumber node) { runs_[node] = false; }
  [[nodiscard]] bool Runs(NodeNumber node) const { return runs_[node]; }

 private:
  class Output;

  std::vector<link::Links> links_;
  std::vector<bool> runs_ = std::vector<bool>(kNodes, true);
  std::map<std::pair<NodeNumber, NodeNumber>, std::uint64_t> sent_;
};

/// Makes one of the worlds; `seed` is of what faults draw.
using MakeTransport =
    std::function<std::unique_ptr<Transport>(std::uint64_t seed, link::Options options)>;

std::unique_ptr<Transport> MakeSimTransport(std::uint64_t seed, link::Options options);
std::unique_ptr<Transport> MakeRealTransport(std::uint64_t seed, link::Options options);

}  // namespace mobula::conformance
