// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// Packs, then spreads. Among the nodes with room, in this order:
///   1. one without GPUs, when none are asked for;
///   2. the least utilised, where anything below the threshold counts as empty;
///   3. the own node, then the next after it in the order of ids, so that nodes do not all pick the
///   same.
/// Without room anywhere the request waits here, or on the best node whose total holds it.
/// Utilisation is that of the busiest of CPU, memory and object store.
/// Ray counterpart: HybridSchedulingPolicy.
class HybridPolicy final : public SchedulingPolicy {
 public:
  explicit HybridPolicy(double spread_threshold) : spread_threshold_(spread_threshold) {}
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;

 private:
  double spread_threshold_;
};

}  // namespace mobula::scheduler
