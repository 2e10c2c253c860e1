// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/core/scheduler/scheduling_policy.h"

namespace mobula::scheduler {

/// One scheduler for the cluster, to compare the others with: every raylet sends what it is asked
/// for to the head's, which decides as `rule` does and keeps what has no room anywhere in its own
/// queue. The GCS tells the head's raylet of every change at once and the others of none, so its
/// view is as old as one message. A node whose room is gone when the request arrives sends it back,
/// however often: the news of that were sent before. Without a head each node decides.
///
///     owner        its raylet         head's raylet      chosen raylet
///       |--RequestLease-->|                 |                  |
///       |<-LeaseSpilled---|                 |                  |
///       |--RequestLease------------------->| waits for room   |
///       |<-LeaseSpilled--------------------|                  |
///       |--RequestLease-------------------------------------->|
///       |<-LeaseGranted---------------------------------------|
class CentralPolicy final : public SchedulingPolicy {
 public:
  explicit CentralPolicy(std::unique_ptr<SchedulingPolicy> rule) : rule_(std::move(rule)) {}
  Decision Decide(const SchedulingRequest& request, const ClusterView& view) override;
  [[nodiscard]] Welcome WelcomeFor(const SchedulingRequest& request,
                                   const ClusterView& view) const override;

 private:
  std::unique_ptr<SchedulingPolicy> rule_;
};

}  // namespace mobula::scheduler
