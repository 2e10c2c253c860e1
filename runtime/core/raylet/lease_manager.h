// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "runtime/core/raylet/bundle_table.h"
#include "runtime/core/raylet/group_directory.h"
#include "runtime/core/raylet/job_table.h"
#include "runtime/core/raylet/lease_queue.h"
#include "runtime/core/raylet/lease_table.h"
#include "runtime/core/raylet/worker_pool.h"
#include "runtime/core/scheduler/scheduler.h"

namespace mobula::raylet {

/// Grants leases: decides for each request whether it runs here, elsewhere, or not at all, takes
/// the resources, finds it a worker, and gives the resources back exactly once however the lease
/// ends. View: one node's.
///
///   owner             raylet                        worker
///     | RequestLease    |                              |
///     |---------------->| resources, then a process    |
///     |                 | StartProcess / RegisterWorker|
///     |                 |<---------------------------->|
///     |<- LeaseGranted -|        or LeaseSpilled, LeaseInfeasible (stays queued), LeaseRefused
///     |------------------ PushTask ... --------------->|
///     | ReturnLease     |
///     |---------------->|
///
/// A request in a placement group is served out of a bundle of it, on the node that has that.
///
/// Invariant: the node's total = available + what bundles reserve + what leases hold + what
/// requests waiting for a worker hold, those in bundles left out; and likewise in each bundle, and
/// of each GPU. Ray counterpart: LocalTaskManager and ClusterTaskManager.
class LeaseManager {
 public:
  /// The references must outlive this. Tick comes every `options.report_period`.
  LeaseManager(const Options& options, scheduler::ClusterView& view,
               scheduler::Scheduler& scheduler, WorkerPool& pool, JobTable& jobs, GpuTable& gpus,
               BundleTable& bundles, GroupDirectory& groups);

  void HandleRequest(Instant now, const RequestLease& message, Outbox& out);
  void HandleCancel(const CancelLeaseRequest& message);
  void HandleReturn(Instant now, LeaseId lease, Outbox& out);
  void SetBlocked(WorkerId worker, bool blocked);
  /// Its requests are dropped; workers that it leased are ended, because they may run its tasks.
  void HandleOwnerDied(WorkerId owner, Outbox& out);
  void HandleWorkerDied(const WorkerExit& exit, Outbox& out);
  /// Bundles are given back: what has their resources is ended, what waits with them waits anew.
  void HandleReturned(Instant now, const ReturnBundles& message, Outbox& out);
  /// The cluster view or the pool changed: a request may be served that was not.
  void MarkChanged() { changed_ = true; }
  /// Time passed: leases that were reclaimed in vain may be asked for again, unknown nodes be given
  /// up, users be warned. Call periodically.
  void Tick(Instant now, Outbox& out);
  /// Serves what can be served. Call after each event.
  void Schedule(Instant now, Outbox& out);

  /// What waits for resources, one entry per class.
  [[nodiscard]] std::vector<PendingDemand> Demand() const;
  [[nodiscard]] const Lease* FindByWorker(WorkerId worker) const {
    return leases_.FindByWorker(worker);
  }
  [[nodiscard]] const LeaseTable& Granted() const { return leases_; }
  [[nodiscard]] const LeaseQueue& Queue() const { return queue_; }
  /// Leases and lease requests of the GCS.
  [[nodiscard]] std::vector<ActorLease> OfActors() const;
  void CheckInvariants() const;

 private:
  bool TryHead(Instant now, RequestClass& requests, Outbox& out);
  bool TryHeadInGroup(Instant now, const RequestClass& requests, Outbox& out);
  [[nodiscard]] std::vector<NodeId> GroupNodes(const PlacementGroupView& group,
                                               const RequestLease& message) const;
  void Release(const std::optional<BundleKey>& bundle, const ResourceSet& resources,
               const GpuShares& gpus);
  /// Whether the node has it, apart from bundles, and which GPUs those are.
  [[nodiscard]] std::optional<GpuShares> FindRoom(const ResourceSet& need) const;
  [[nodiscard]] LeaseGranted Answer(const Lease& lease) const;
  void RefuseHead(const RequestKey& key, const std::string& reason, Outbox& out);
  void TellInfeasible(RequestClass& requests, Outbox& out);
  void Refuse(const RequestKey& key, ErrorInfo error, Outbox& out);
  void AssignWorkers(Instant now, Outbox& out);
  void Grant(const RequestKey& key, WorkerId worker, Outbox& out);
  void Reclaim(Instant now, Outbox& out);
  /// Out of the bundle, or of what the node has besides.
  bool ReclaimFrom(Instant now, const std::optional<BundleKey>& bundle,
                   const RequestClass& requests, Outbox& out);
  void Drop(const RequestKey& key);
  /// Requests wait, and whoever has resources, here or elsewhere, waits for something, too.
  [[nodiscard]] bool AllWait() const;
  void TellStuck(Instant now, Outbox& out);

  Duration tick_period_;
  Duration stuck_patience_;
  Bugs bugs_;
  scheduler::ClusterView& view_;
  scheduler::Scheduler& scheduler_;
  WorkerPool& pool_;
  JobTable& jobs_;
  GpuTable& gpus_;
  BundleTable& bundles_;
  GroupDirectory& groups_;
  /// Takes turns among the nodes of placement groups.
  std::uint64_t turn_ = 0;
  LeaseQueue queue_;
  LeaseTable leases_;
  std::uint64_t next_lease_ = 1;
  bool changed_ = false;
};

}  // namespace mobula::raylet
