// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/core/protocol/messages.h"
#include "runtime/core/scheduler/node_affinity_policy.h"
#include "runtime/core/scheduler/node_label_policy.h"
#include "runtime/core/scheduler/options.h"

namespace mobula::scheduler {

/// Decides where a lease request runs: picks the policy of its strategy and keeps requests from
/// travelling for ever between nodes whose views are stale. View: one node's.
class Scheduler {
 public:
  /// A request that was sent on this often stays where it is, unless that node could never hold it.
  static constexpr std::uint32_t kSpillsMax = 3;

  Scheduler(const Options& options, NodeId self);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Decision Decide(const RequestLease& message, const ClusterView& view);

 private:
  SchedulingPolicy& PolicyFor(StrategyKind kind);

  /// Of requests without a strategy of their own.
  std::unique_ptr<SchedulingPolicy> usual_;
  std::unique_ptr<SchedulingPolicy> spread_;
  NodeAffinityPolicy affinity_;
  NodeLabelPolicy labels_;
};

}  // namespace mobula::scheduler
