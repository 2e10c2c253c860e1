// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/spread_policy.h"

#include <algorithm>

namespace mobula::scheduler {

Decision SpreadPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  const auto& nodes = view.Nodes();
  const auto after =
      std::upper_bound(nodes.begin(), nodes.end(), last_,
                       [](NodeId id, const NodeEntry& entry) { return id < entry.node; });
  const auto first = static_cast<std::size_t>(after - nodes.begin());
  const NodeEntry* feasible = nullptr;
  for (std::size_t turn = 0; turn < nodes.size(); ++turn) {
    const NodeEntry& entry = nodes[(first + turn) % nodes.size()];
    if (entry.Available().Covers(request.resources)) {
      last_ = entry.node;
      return Decision::At(entry, view, /*has_room=*/true);
    }
    if (feasible == nullptr && entry.Total().Covers(request.resources)) feasible = &entry;
  }
  if (feasible == nullptr) return Decision::Infeasible();
  const bool here = view.Self().Total().Covers(request.resources);
  return Decision::At(here ? view.Self() : *feasible, view, /*has_room=*/false);
}

}  // namespace mobula::scheduler
