// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// The nodes with room in turn, from the node after the last chosen; at first after the own, so
/// that nodes do not all begin with the same. Without room anywhere the request waits here, or on
/// the next node whose total holds it. Ray counterpart: SpreadSchedulingPolicy.
class SpreadPolicy final : public SchedulingPolicy {
 public:
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;

 private:
  /// The node chosen last; nil before the first.
  NodeId last_;
};

}  // namespace mobula::scheduler
