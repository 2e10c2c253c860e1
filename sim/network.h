// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "faults/link_faults.h"
#include "runtime/base/rng.h"
#include "sim/options.h"

namespace mobula::sim {

/// Index of a node in the world's list; stays the same through restarts.
using NodeIndex = std::uint32_t;

/// When what is sent arrives. Neither: it is lost. Both: it comes twice.
struct Arrivals {
  std::optional<Instant> first;
  std::optional<Instant> again;
};

/// When what is sent arrives: latency with jitter, and a queue for each direction's bandwidth. A
/// link is a pair of streams, as between real daemons: messages, which arrive in order (but for
/// faults) and overtake chunks, and object chunks. View: the cluster's.
///
/// Every link draws its jitter from a random stream of its own, and so does every fault on every
/// link: a fault that is taken away changes nothing but what it did.
class Network {
 public:
  Network(const Timing& timing, Rng rng);

  Arrivals SendMessage(Instant now, NodeIndex source, NodeIndex target, std::uint64_t bytes);
  Arrivals SendChunk(Instant now, NodeIndex source, NodeIndex target, std::uint64_t bytes);

  /// A faults::Partition or LinkFault, with the names n1, n2, ... of the nodes 0, 1, ...
  template <class Fault>
  void Add(faults::FaultId id, const Fault& fault) {
    faults_.Add(id, fault);
  }
  void Remove(faults::FaultId id) { faults_.Remove(id); }
  /// Whether no fault cuts this direction.
  [[nodiscard]] bool IsUp(NodeIndex source, NodeIndex target) const;
  /// Whether a connection exists: something was sent since the last `Forget` of either.
  [[nodiscard]] bool HaveTalked(NodeIndex a, NodeIndex b) const;
  /// The node's connections are gone.
  void Forget(NodeIndex node);

 private:
  using Direction = std::pair<NodeIndex, NodeIndex>;
  struct Stream {
    /// When the wire is free again, and when the last item arrives: later ones do not overtake it.
    Instant free_at;
    Instant last_arrival;
  };
  struct Link {
    Rng rng;
    Stream messages;
    Stream chunks;
    /// The epoch in which it was last used.
    std::optional<std::uint64_t> used_in;
  };

  /// Grows whenever one of the two is forgotten.
  [[nodiscard]] std::uint64_t EpochOf(Direction direction) const;
  Link& Get(NodeIndex source, NodeIndex target);
  Arrivals Send(Instant now, Direction direction, Stream Link::* stream, std::uint64_t bytes);

  Timing timing_;
  Rng rng_;
  /// From (source, target); made when first used.
  std::map<Direction, Link> links_;
  /// By node: how often it was forgotten.
  std::vector<std::uint64_t> epochs_;
  faults::LinkFaults faults_;
};

}  // namespace mobula::sim
