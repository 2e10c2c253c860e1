// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/random_policy.h"

#include <limits>

namespace mobula::scheduler {

Decision RandomPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  // All count as empty, so that the first from the place on is found.
  NodeSearch search{request.resources, NodeSearch::In::kAvailable, 0,
                    std::numeric_limits<double>::infinity(), /*spares_gpus=*/false};
  const NodeEntry* best = nullptr;
  for (int choice = 0; choice < choices_; ++choice) {
    search.first = rng_.Below(view.Nodes().size());
    const NodeEntry* drawn = view.Find(search);
    if (drawn == nullptr) return WithoutRoom(search, view);
    if (best == nullptr || drawn->Utilisation() < best->Utilisation()) best = drawn;
  }
  return Decision::At(*best, view, /*has_room=*/true);
}

}  // namespace mobula::scheduler
