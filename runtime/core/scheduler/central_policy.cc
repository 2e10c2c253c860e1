// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/central_policy.h"

namespace mobula::scheduler {

Decision CentralPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  const NodeEntry* head = view.Head();
  if (head == nullptr) return rule_->Decide(request, view);
  const Decision at_head = Decision::At(*head, view, /*has_room=*/false);
  if (at_head.kind == Decision::Kind::kSpill) return at_head;
  const Decision decision = rule_->Decide(request, view);
  const bool waits = decision.kind == Decision::Kind::kSpill && !decision.has_room;
  return waits ? at_head : decision;
}

Welcome CentralPolicy::WelcomeFor(const SchedulingRequest& request, const ClusterView& view) const {
  const NodeEntry* head = view.Head();
  if (head == nullptr) return rule_->WelcomeFor(request, view);
  return head->node == view.Self().node ? Welcome::kNone : Welcome::kTaken;
}

}  // namespace mobula::scheduler
