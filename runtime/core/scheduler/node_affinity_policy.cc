// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/node_affinity_policy.h"

namespace mobula::scheduler {

bool NodeAffinityPolicy::FallsBack(const SchedulingRequest& request, const ClusterView& view) {
  if (!request.strategy.soft) return false;
  const NodeEntry* entry = view.Find(request.strategy.node);
  return entry == nullptr || !entry->Total().Covers(request.resources);
}

Welcome NodeAffinityPolicy::WelcomeFor(const SchedulingRequest& request,
                                       const ClusterView& view) const {
  return FallsBack(request, view) ? fallback_.WelcomeFor(request, view) : Welcome::kNone;
}

Decision NodeAffinityPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  if (FallsBack(request, view)) return fallback_.Decide(request, view);
  const NodeId node = request.strategy.node;
  if (const NodeEntry* entry = view.Find(node)) {
    if (!entry->Total().Covers(request.resources)) return Decision::Infeasible();
    return Decision::At(*entry, view, entry->Available().Covers(request.resources));
  }
  const bool dead = view.IsDead(node);
  return Decision::Never(dead ? Decision::Kind::kRefuse : Decision::Kind::kUnknownNode,
                         "It must run on node " + node.Hex() + ", which " +
                             (dead ? "is dead" : "is not part of the cluster") +
                             "; soft affinity would let it run elsewhere.");
}

}  // namespace mobula::scheduler
