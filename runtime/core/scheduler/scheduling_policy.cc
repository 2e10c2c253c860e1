// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

Decision SchedulingPolicy::WithoutRoom(NodeSearch search, const ClusterView& view) {
  if (view.Self().Total().Covers(search.need))
    return Decision::At(view.Self(), view, /*has_room=*/false);
  search.in = NodeSearch::In::kTotal;
  const NodeEntry* feasible = view.Find(search);
  if (feasible == nullptr) return Decision::Infeasible();
  return Decision::At(*feasible, view, /*has_room=*/false);
}

}  // namespace mobula::scheduler
