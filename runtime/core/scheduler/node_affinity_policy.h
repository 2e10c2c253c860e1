// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// On the node that the strategy names, even if the request has to wait there. Hard: refused when
/// that node is dead, kUnknownNode when it was never heard of. Soft: as `fallback` decides when it
/// is gone, or could never hold the request. Ray counterpart: NodeAffinitySchedulingPolicy.
class NodeAffinityPolicy final : public SchedulingPolicy {
 public:
  /// `fallback` must outlive this.
  explicit NodeAffinityPolicy(SchedulingPolicy& fallback) : fallback_(fallback) {}
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;
  [[nodiscard]] Welcome WelcomeFor(const SchedulingRequest& request,
                                   const ClusterView& view) const override;

 private:
  [[nodiscard]] static bool FallsBack(const SchedulingRequest& request, const ClusterView& view);

  SchedulingPolicy& fallback_;
};

}  // namespace mobula::scheduler
