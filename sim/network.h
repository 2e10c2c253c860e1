// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "faults/injector.h"
#include "runtime/base/rng.h"
#include "sim/options.h"

namespace mobula::sim {

/// Index of a node in the world's list; stays the same through restarts.
using NodeIndex = std::uint32_t;

/// What a fault does to everything sent from one of some nodes to one of others.
struct LinkRule {
  std::set<NodeIndex> from;
  std::set<NodeIndex> to;
  bool both_ways = false;
  /// Nothing gets through; else as `fault` says.
  bool cut = false;
  faults::LinkFault fault;

  [[nodiscard]] bool Applies(NodeIndex source, NodeIndex target) const {
    if (from.contains(source) && to.contains(target)) return true;
    return both_ways && from.contains(target) && to.contains(source);
  }
};

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

  void AddRule(faults::FaultId id, LinkRule rule);
  void RemoveRule(faults::FaultId id) { rules_.erase(id); }
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
    bool used = false;
  };
  struct ActiveRule {
    LinkRule rule;
    Rng rng;
    /// Forked from `rng` for each direction, when first used.
    std::map<Direction, Rng> streams;
  };
  /// What the faults of a direction come to, for one item.
  struct Suffering {
    bool lost = false;
    bool twice = false;
    bool overtaken = false;
    Duration late;
    double bytes_per_second = 0;
  };

  Link& Get(NodeIndex source, NodeIndex target);
  Suffering Suffer(Direction direction);
  Arrivals Send(Instant now, Direction direction, Stream Link::* stream, std::uint64_t bytes);

  Timing timing_;
  Rng rng_;
  /// From (source, target); made when first used.
  std::map<Direction, Link> links_;
  std::map<faults::FaultId, ActiveRule> rules_;
  /// How often a rule of the same content was added: each time it draws anew.
  std::map<std::uint64_t, std::uint64_t> repeats_;
};

}  // namespace mobula::sim
