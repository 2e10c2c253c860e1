// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/hybrid_policy.h"

namespace mobula::scheduler {

Decision HybridPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  const NodeEntry& self = view.Self();
  const bool spares_gpus = request.resources.Units(ResourceSet::kGpu) <= 0;
  // Nothing can be better than the own node while it counts as empty.
  if (self.Available().Covers(request.resources) && !(spares_gpus && self.HasGpus()) &&
      self.Utilisation() < spread_threshold_) {
    return Decision::At(self, view, /*has_room=*/true);
  }
  NodeSearch search{request.resources, NodeSearch::In::kAvailable, view.SelfIndex(),
                    spread_threshold_, spares_gpus};
  if (const NodeEntry* best = view.Find(search))
    return Decision::At(*best, view, /*has_room=*/true);
  return WithoutRoom(search, view);
}

}  // namespace mobula::scheduler
