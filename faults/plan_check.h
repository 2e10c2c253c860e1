// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "faults/plan.h"
#include "faults/selector.h"

namespace mobula::faults {

/// InvalidArgument when the plan could mean nothing on any cluster: no trigger or two, a negative
/// probability, an unknown message. The text begins with where it is, "plan.textproto:7: ", when
/// the plan came from a file, and says what was expected.
absl::Status CheckPlan(const Plan& plan);
/// Also when it names a node that is not among `nodes`, or would crash the head.
absl::Status CheckPlan(const Plan& plan, const std::vector<NodeFacts>& nodes);

}  // namespace mobula::faults
