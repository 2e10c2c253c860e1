// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "runtime/core/protocol/cluster.h"

namespace mobula::gcs {

/// What a node could give to bundles.
struct Offer {
  NodeId node;
  ResourceSet available;
};

/// Bundles of one group that need nodes.
struct BundleDemand {
  PlacementStrategy strategy = PlacementStrategy::kPack;
  std::vector<ResourceSet> bundles;
  /// Nodes that hold bundles of the group already.
  std::set<NodeId> used;
};

/// A node for each bundle, so that all of them fit at once and the strategy is kept; nothing when
/// there is no such choice. Bundles that few nodes can hold choose first; among nodes that are
/// equally good for the strategy, the one that is left with most.
[[nodiscard]] std::optional<std::vector<NodeId>> PlaceBundles(const BundleDemand& demand,
                                                              const std::vector<Offer>& offers);

}  // namespace mobula::gcs
