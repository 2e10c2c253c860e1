// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "runtime/base/time.h"
#include "runtime/core/worker/events.h"
#include "runtime/core/worker/options.h"
#include "runtime/core/worker/views.h"

namespace mobula::worker {

/// The runtime of one process: ownership and reference counts of its objects, the tasks it
/// submitted with their retries and lineage, the leases and actors it uses, and (in a worker) the
/// execution of tasks. View: one process's. Pure: no clock, thread or I/O; the same events give the
/// same effects in order.
class Worker {
 public:
  Worker(WorkerId id, Options options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The only mutator. Appends to `out`, which the caller clears.
  void Handle(Instant now, const Event& event, Effects& out);
  void CheckInvariants() const;

  [[nodiscard]] std::vector<PendingTask> PendingTasks() const;
  /// Tasks of this process that are not finished, wherever they are.
  [[nodiscard]] std::size_t PendingCount() const;
  /// Calls of the actor that this process has made and that are not answered.
  [[nodiscard]] std::size_t PendingCalls(ActorId actor) const;
  /// The last ones, oldest first.
  [[nodiscard]] std::vector<FailedTask> FailedTasks() const;
  [[nodiscard]] std::vector<ReferenceView> References() const;
  /// The owner of an object this process has a reference to; nil when it has none.
  [[nodiscard]] ObjectRef FindReference(ObjectId object) const;
  /// The values of objects, when each is an inline one that this process has.
  [[nodiscard]] std::optional<std::vector<FetchedValue>> Peek(
      const std::vector<ObjectId>& objects) const;
  /// Objects in the node's store that this process maps.
  [[nodiscard]] std::vector<ObjectId> MappedObjects() const;

  // For a trace.

  /// What the last event may have changed; empty unless `Options::note_touched`.
  [[nodiscard]] Touched LastTouched() const;
  /// Nothing when it is not known (any more).
  [[nodiscard]] std::optional<ObjectView> FindObject(ObjectId object) const;
  [[nodiscard]] std::optional<TaskView> FindTask(TaskId task) const;
  [[nodiscard]] std::vector<LeaseView> Leases() const;
  [[nodiscard]] std::vector<LeaseRequestView> LeaseRequests() const;
  [[nodiscard]] std::vector<CalledActorView> CalledActors() const;
  [[nodiscard]] std::vector<ExecutionView> Executions() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mobula::worker
