// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "faults/plan.h"
#include "runtime/base/rng.h"
#include "tests/properties/draw.h"

namespace mobula::properties {

/// Faults for a program that runs about as long as `program_time` if nothing breaks.
faults::Plan DrawPlan(Rng& rng, const Shape& shape, const ClusterShape& cluster,
                      Duration program_time);

}  // namespace mobula::properties
