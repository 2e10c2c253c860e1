// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "runtime/base/rng.h"
#include "sim/options.h"

namespace mobula::sim {

/// Index of a node in the world's list; stays the same through restarts.
using NodeIndex = std::uint32_t;

/// When what is sent arrives: latency with jitter, and a queue for each direction's bandwidth. A
/// link is a pair of streams, as between real daemons: messages, which arrive in order and overtake
/// chunks, and object chunks. View: the cluster's. Every link draws from a random stream of its
/// own.
class Network {
 public:
  Network(const Timing& timing, Rng rng);

  /// Nothing when the link is down: it is lost.
  std::optional<Instant> SendMessage(Instant now, NodeIndex source, NodeIndex target,
                                     std::uint64_t bytes);
  std::optional<Instant> SendChunk(Instant now, NodeIndex source, NodeIndex target,
                                   std::uint64_t bytes);
  /// Both directions.
  void SetUp(NodeIndex a, NodeIndex b, bool up);
  [[nodiscard]] bool IsUp(NodeIndex a, NodeIndex b) const;
  /// Whether a connection exists: something was sent since the last `Forget` of either.
  [[nodiscard]] bool HaveTalked(NodeIndex a, NodeIndex b) const;
  /// The node's connections are gone.
  void Forget(NodeIndex node);

 private:
  struct Stream {
    /// When the wire is free again, and when the last item arrives: later ones do not overtake it.
    Instant free_at;
    Instant last_arrival;
  };
  struct Link {
    Rng rng;
    Stream messages;
    Stream chunks;
    bool up = true;
    bool used = false;
  };

  Link& Get(NodeIndex source, NodeIndex target);
  Instant Arrival(Instant now, Link& link, Stream& stream, std::uint64_t bytes) const;

  Timing timing_;
  Rng rng_;
  /// From (source, target); made when first used.
  std::map<std::pair<NodeIndex, NodeIndex>, Link> links_;
};

}  // namespace mobula::sim
