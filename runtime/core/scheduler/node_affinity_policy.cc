// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/node_affinity_policy.h"

namespace mobula::scheduler {

Decision NodeAffinityPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  const NodeId node = request.strategy.node;
  const NodeEntry* entry = view.Find(node);
  if (entry != nullptr && entry->Total().Covers(request.resources)) {
    return Decision::At(*entry, view, entry->Available().Covers(request.resources));
  }
  if (request.strategy.soft) return fallback_.Decide(request, view);
  if (entry != nullptr) return Decision::Infeasible();
  const bool dead = view.IsDead(node);
  return Decision::Never(dead ? Decision::Kind::kRefuse : Decision::Kind::kUnknownNode,
                         "It must run on node " + node.Hex() + ", which " +
                             (dead ? "is dead" : "is not part of the cluster") +
                             "; soft affinity would let it run elsewhere.");
}

}  // namespace mobula::scheduler
