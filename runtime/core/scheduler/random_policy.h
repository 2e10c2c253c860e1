// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/rng.h"
#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// Draws nodes with room at random, `choices` of them, and takes the least utilised. With one this
/// is Ray's RandomSchedulingPolicy. With two it is the power of two choices (Mitzenmacher 2001;
/// Sparrow, SOSP 2013, which asks the nodes where this looks into the view). Without room anywhere
/// the request waits here, or on a node whose total holds it.
///
/// What is drawn is a place in the order of ids, from which the next node with room counts: where
/// full nodes lie side by side, the one behind them is drawn more often.
class RandomPolicy final : public SchedulingPolicy {
 public:
  RandomPolicy(Rng rng, int choices) : rng_(rng), choices_(choices) {}
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;

 private:
  Rng rng_;
  int choices_;
};

}  // namespace mobula::scheduler
