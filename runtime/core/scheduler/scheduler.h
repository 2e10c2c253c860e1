// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/protocol/messages.h"
#include "runtime/core/scheduler/hybrid_policy.h"
#include "runtime/core/scheduler/node_affinity_policy.h"
#include "runtime/core/scheduler/spread_policy.h"

namespace mobula::scheduler {

/// Decides where a lease request runs: picks the policy of its strategy and keeps requests from
/// travelling for ever between nodes whose views are stale. View: one node's.
class Scheduler {
 public:
  /// A request that was sent on this often stays where it is, unless that node could never hold it.
  static constexpr std::uint32_t kSpillsMax = 3;

  explicit Scheduler(double spread_threshold) : hybrid_(spread_threshold) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Decision Decide(const RequestLease& request, const ClusterView& view);

 private:
  SchedulingPolicy& PolicyFor(StrategyKind kind);

  HybridPolicy hybrid_;
  SpreadPolicy spread_;
  NodeAffinityPolicy affinity_{hybrid_};
};

}  // namespace mobula::scheduler
