// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// The first node with room that holds arguments of the request, most bytes first; else, or when
/// there are none, as `otherwise` decides. Ray counterpart: LocalityAwareLeasePolicy, by which the
/// owner chooses the raylet that it asks; here its own raylet does.
class LocalityPolicy final : public SchedulingPolicy {
 public:
  explicit LocalityPolicy(std::unique_ptr<SchedulingPolicy> otherwise)
      : otherwise_(std::move(otherwise)) {}
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;

 private:
  std::unique_ptr<SchedulingPolicy> otherwise_;
};

}  // namespace mobula::scheduler
