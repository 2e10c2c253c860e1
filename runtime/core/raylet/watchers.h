// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/raylet/outbox.h"
#include "runtime/core/raylet/worker_pool.h"
#include "runtime/core/scheduler/cluster_view.h"

namespace mobula::raylet {

/// Who wants to hear of the death of which process: others of this node's workers, and this node of
/// the owners of its leases and objects. View: one node's.
class Watchers {
 public:
  /// Both must outlive this.
  Watchers(const WorkerPool& pool, const scheduler::ClusterView& view);

  /// Somebody watches a worker of this node: told at once when it is dead or unknown.
  void AddWatcher(const Address& watcher, WorkerId worker, Outbox& out);
  /// A worker of this node died.
  void HandleLocalDeath(const WorkerDied& death, Outbox& out);
  /// The GCS must know, even if it restarts just then.
  void ReportToGcs(const ReportWorkerDied& report, Outbox& out);
  void HandleReportRecorded(WorkerId worker) { unrecorded_.erase(worker); }
  /// What the GCS has not taken note of.
  void RepeatReports(Outbox& out) const;
  /// This node depends on `process`. When that is dead already, `TakeDead` returns it.
  void Watch(const Address& process, Outbox& out);
  /// A process elsewhere died. False when nobody here depended on it.
  bool HandleRemoteDeath(const Address& process);
  /// Every watched process there is dead.
  [[nodiscard]] std::vector<Address> HandleNodeDied(NodeId node);
  /// Processes that were dead when Watch named them, since the last call.
  [[nodiscard]] std::vector<Address> TakeDead() { return std::exchange(found_dead_, {}); }

 private:
  const WorkerPool& pool_;
  const scheduler::ClusterView& view_;
  /// Watchers of this node's workers. Added by AddWatcher; removed with the worker.
  std::map<WorkerId, std::set<Address>> watchers_;
  /// Processes elsewhere whose daemons were asked. Added by Watch; removed when they die.
  std::set<Address> watched_;
  std::vector<Address> found_dead_;
  /// Deaths here that the GCS has not taken note of.
  std::map<WorkerId, ReportWorkerDied> unrecorded_;
};

}  // namespace mobula::raylet
