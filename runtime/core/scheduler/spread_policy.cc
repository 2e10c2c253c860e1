// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/spread_policy.h"

#include <algorithm>
#include <limits>

namespace mobula::scheduler {

Decision SpreadPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  if (last_.IsNil()) last_ = view.Self().node;
  const auto& nodes = view.Nodes();
  const auto after =
      std::upper_bound(nodes.begin(), nodes.end(), last_,
                       [](NodeId id, const NodeEntry& entry) { return id < entry.node; });
  const auto first = static_cast<std::size_t>(after - nodes.begin());
  // Whatever the nodes do: all count as empty.
  NodeSearch search{request.resources, NodeSearch::In::kAvailable, first % nodes.size(),
                    std::numeric_limits<double>::infinity(), /*spares_gpus=*/false};
  if (const NodeEntry* next = view.Find(search)) {
    last_ = next->node;
    return Decision::At(*next, view, /*has_room=*/true);
  }
  return WithoutRoom(search, view);
}

}  // namespace mobula::scheduler
