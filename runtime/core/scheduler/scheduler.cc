// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/scheduler.h"

namespace mobula::scheduler {

SchedulingPolicy& Scheduler::PolicyFor(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::kDefault:
      return hybrid_;
    case StrategyKind::kSpread:
      return spread_;
    case StrategyKind::kNodeAffinity:
      return affinity_;
  }
  return hybrid_;
}

Decision Scheduler::Decide(const RequestLease& request, const ClusterView& view) {
  const NodeEntry& self = view.Self();
  const bool chosen_by_another =
      request.spill_count > 0 && request.strategy.kind != StrategyKind::kNodeAffinity;
  if (chosen_by_another && self.Available().Covers(request.resources)) {
    return Decision::At(self, view, /*has_room=*/true);
  }
  Decision decision = PolicyFor(request.strategy.kind)
                          .Decide({request.resources, request.strategy, request.preferred}, view);
  const bool tired = request.spill_count >= kSpillsMax;
  if (decision.kind == Decision::Kind::kSpill && chosen_by_another && tired &&
      self.Total().Covers(request.resources)) {
    return Decision::At(self, view, /*has_room=*/false);
  }
  return decision;
}

}  // namespace mobula::scheduler
