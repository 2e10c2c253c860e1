// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/core/gcs/node_table.h"
#include "runtime/core/gcs/placement_group_table.h"

namespace mobula::gcs {

/// Which raylet to ask first for an actor's worker. That raylet may know better and send the
/// request on.
struct Placement {
  /// Nil when no node lives, or its placement group is not placed (wait), or there is an error.
  NodeId node;
  /// The actor can never run: it insists on a node or a placement group that is gone.
  ErrorInfo error;
};

/// In a placement group: the node of its bundle, or the `turn`-th of those of bundles that could
/// hold it. Default: the creator's own node if it could ever hold the actor; else, and for kSpread,
/// the `turn`-th of the nodes with room, or that could ever have it. When nobody could: the
/// creator's node, where the request waits for a larger node to join.
[[nodiscard]] Placement Place(const NodeTable& nodes, const PlacementGroupTable& groups,
                              const TaskSpec& creation, std::uint64_t turn);

}  // namespace mobula::gcs
