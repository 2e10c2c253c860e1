// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/locality_policy.h"

namespace mobula::scheduler {

Decision LocalityPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  for (const NodeId node : request.preferred) {
    const NodeEntry* entry = view.Find(node);
    if (entry != nullptr && entry->Available().Covers(request.resources)) {
      return Decision::At(*entry, view, /*has_room=*/true);
    }
  }
  return otherwise_->Decide(request, view);
}

}  // namespace mobula::scheduler
