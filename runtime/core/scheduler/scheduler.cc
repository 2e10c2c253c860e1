// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/scheduler.h"

#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/scheduler/central_policy.h"
#include "runtime/core/scheduler/hybrid_policy.h"
#include "runtime/core/scheduler/locality_policy.h"
#include "runtime/core/scheduler/random_policy.h"
#include "runtime/core/scheduler/spread_policy.h"

namespace mobula::scheduler {
namespace {

using PolicyPointer = std::unique_ptr<SchedulingPolicy>;

PolicyPointer MakeRule(const Options& options, NodeId self) {
  const Rng rng(MixBits(options.seed ^ self.high, self.low));
  switch (options.policy) {
    case PolicyKind::kHybrid:
    case PolicyKind::kCentral:
      return std::make_unique<HybridPolicy>(options.spread_threshold);
    case PolicyKind::kSpread:
      return std::make_unique<SpreadPolicy>();
    case PolicyKind::kRandom:
      return std::make_unique<RandomPolicy>(rng, 1);
    case PolicyKind::kPowerOfTwo:
      return std::make_unique<RandomPolicy>(rng, 2);
  }
  return nullptr;
}

PolicyPointer WithLocality(const Options& options, PolicyPointer rule) {
  if (!options.locality) return rule;
  return std::make_unique<LocalityPolicy>(std::move(rule));
}

/// Where the rule is followed: in each node, or in one.
PolicyPointer Seated(const Options& options, PolicyPointer rule) {
  if (!options.IsCentral()) return rule;
  return std::make_unique<CentralPolicy>(std::move(rule));
}

}  // namespace

Scheduler::Scheduler(const Options& options, NodeId self)
    : usual_(Seated(options, WithLocality(options, MakeRule(options, self)))),
      spread_(Seated(options, std::make_unique<SpreadPolicy>())),
      affinity_(*usual_) {}

SchedulingPolicy& Scheduler::PolicyFor(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::kDefault:
      return *usual_;
    case StrategyKind::kSpread:
      return *spread_;
    case StrategyKind::kNodeAffinity:
      return affinity_;
    case StrategyKind::kNodeLabel:
      return labels_;
    case StrategyKind::kPlacementGroup:
      CHECK(false) << "the group decides, not the node";
  }
  return *usual_;
}

Decision Scheduler::Decide(const RequestLease& message, const ClusterView& view) {
  const SchedulingRequest request{message.Needed(), message.strategy, message.preferred};
  const NodeEntry& self = view.Self();
  SchedulingPolicy& policy = PolicyFor(request.strategy.kind);
  const Welcome welcome =
      message.spill_count > 0 ? policy.WelcomeFor(request, view) : Welcome::kNone;
  if (welcome != Welcome::kNone && self.Available().Covers(request.resources)) {
    return Decision::At(self, view, /*has_room=*/true);
  }
  Decision decision = policy.Decide(request, view);
  const bool stays = welcome == Welcome::kStays && message.spill_count >= kSpillsMax;
  if (decision.kind == Decision::Kind::kSpill && stays && self.Total().Covers(request.resources)) {
    return Decision::At(self, view, /*has_room=*/false);
  }
  return decision;
}

}  // namespace mobula::scheduler
