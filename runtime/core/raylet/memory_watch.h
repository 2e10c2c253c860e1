// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "runtime/core/raylet/lease_manager.h"
#include "runtime/core/raylet/options.h"
#include "runtime/core/raylet/worker_pool.h"

namespace mobula::raylet {

/// Ends a worker when the memory of the node runs out, before the kernel ends whatever it chooses.
/// View: one node's.
///
///   timer -> MeasureMemory{} -> MemoryMeasured: enough is left      -> timer
///                               too much is used                    -> MeasureMemory{workers}
///            MeasureMemory{workers} -> MemoryMeasured: one is ended -> timer
///
/// One at a time: what the last one gives back is seen first. Only leased workers are ended, since
/// neither a driver nor an idle process can be had again. Of those the ones that use at least half
/// as much as the largest, as ending another would help little; of these first what may run again,
/// of the owner that has most of that here, and then what has its lease for the shortest time, so
/// that the least work is lost. Ray counterpart: MemoryMonitor and
/// GroupByOwnerIdWorkerKillingPolicy, which does not look at what a worker uses.
class MemoryWatch {
 public:
  /// The references must outlive this.
  MemoryWatch(const Options& options, WorkerPool& pool, const LeaseManager& leases);

  void Start(Outbox& out);
  void HandleTimer(Outbox& out);
  void HandleMeasured(const MemoryMeasured& event, Outbox& out);

 private:
  [[nodiscard]] bool IsTooMuch(const MemoryMeasured& event) const;
  [[nodiscard]] std::vector<WorkerId> Leased() const;
  [[nodiscard]] std::optional<ProcessMemory> Choose(const MemoryMeasured& event) const;
  [[nodiscard]] std::string Reason(const MemoryMeasured& event, const ProcessMemory& victim) const;
  [[nodiscard]] std::string Describe(const ProcessMemory& process) const;

  MemoryOptions options_;
  std::string node_name_;
  WorkerPool& pool_;
  const LeaseManager& leases_;
  /// What is awaited is the answer about workers. All of them may be gone by then.
  bool asked_for_workers_ = false;
  /// Ended, but perhaps not gone yet.
  WorkerId victim_;
};

}  // namespace mobula::raylet
