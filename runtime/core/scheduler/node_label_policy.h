// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// On a node whose labels keep all hard rules of the strategy: one with room before one without,
/// among those one that keeps the soft rules, too, and then the least busy one, the own before
/// others. Infeasible while there is none. Ray counterpart: NodeLabelSchedulingPolicy.
class NodeLabelPolicy final : public SchedulingPolicy {
 public:
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;
};

}  // namespace mobula::scheduler
