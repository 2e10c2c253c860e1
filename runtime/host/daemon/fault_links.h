// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "faults/link_faults.h"
#include "runtime/host/daemon/node_links.h"

namespace mobula::host {

/// In front of NodeLinks: lets what this daemon sends suffer from the partitions and link faults of
/// a plan, before gRPC sees it. Without faults everything passes straight through. View: one
/// daemon's; what others send is their own fault layers' affair. Called in the loop's thread only.
///
/// Frames and chunks to a node are two streams, each in order but for faults. What waits for a
/// narrow or slow link is bounded: beyond that, frames and chunks are dropped, as by a switch whose
/// buffer is full, and the machines repeat them.
class FaultLinks {
 public:
  /// Of each stream.
  static constexpr std::uint64_t kWaitingBytesMax = 64ull << 20;

  /// `links` must outlive it. The same seed gives the same losses, item by item.
  FaultLinks(boost::asio::io_context& loop, NodeLinks& links, std::uint64_t seed);

  // As NodeLinks.
  void SendFrame(const std::string& address, const link::Frame& frame);
  void SendChunk(const std::string& address, ObjectBytes chunk);
  void Close(NodeId peer);
  /// Whether this node may learn that its connection to the peer broke: not when the peer is silent
  /// or cut off, for who would have told?
  [[nodiscard]] bool MayLearnOfBreak(NodeId peer) const;

  /// The plan's names of this and of the other nodes, by incarnation. Nothing happens to what goes
  /// to a node without a name.
  void SetSelf(std::string name) { self_ = std::move(name); }
  void SetNames(std::map<NodeId, std::string> names) { names_ = std::move(names); }
  /// Empty when unknown.
  [[nodiscard]] const std::string& NameOf(NodeId node) const;

  void Begin(faults::FaultId id, const faults::Kind& kind);
  void End(faults::FaultId id) { faults_.Remove(id); }
  /// This incarnation is dead to the world: nothing goes to it, and nobody answers for it.
  void Silence(NodeId peer);

 private:
  enum class Stream { kFrames, kChunks };
  using StreamKey = std::pair<NodeId, Stream>;
  struct Wire {
    /// When it is free again, and when the last item arrives: later ones do not overtake it.
    Instant free_at;
    Instant last_arrival;
    std::uint64_t waiting_bytes = 0;
  };
  struct Waiting {
    StreamKey stream;
    std::uint64_t bytes = 0;
    std::function<void()> send;
  };

  void Send(StreamKey key, std::uint64_t bytes, std::function<void()> send);
  void SendLater(Instant at, Waiting waiting);
  void AwaitNext();
  void SendDue();

  NodeLinks& links_;
  faults::LinkFaults faults_;
  std::string self_;
  std::map<NodeId, std::string> names_;
  std::set<NodeId> silent_;
  std::map<StreamKey, Wire> wires_;
  /// What is on its way, by when it is due.
  std::multimap<Instant, Waiting> waiting_;
  boost::asio::steady_timer timer_;
};

}  // namespace mobula::host
