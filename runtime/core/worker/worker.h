// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/time.h"
#include "runtime/core/worker/events.h"
#include "runtime/core/worker/options.h"

namespace mobula::worker {

/// A task this process submitted that has not finished, for people.
struct PendingTask {
  TaskId task;
  std::string name;
  std::uint32_t attempt = 0;
  /// "waiting for arguments", "waiting for a lease", "running on <worker>", ...
  std::string state;
  MOBULA_FIELDS(PendingTask, task, name, attempt, state)
};

/// What the process knows of one object, for tools and tests.
struct ReferenceView {
  ObjectRef reference;
  bool owned = false;
  std::uint64_t local = 0;
  std::uint64_t submitted = 0;
  std::uint64_t contained = 0;
  std::vector<Address> borrowers;
  ObjectStatus status;
  bool lineage = false;
  MOBULA_FIELDS(ReferenceView, reference, owned, local, submitted, contained, borrowers, status,
                lineage)
};

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
  [[nodiscard]] std::vector<ReferenceView> References() const;
  /// The owner of an object this process has a reference to; nil when it has none.
  [[nodiscard]] ObjectRef FindReference(ObjectId object) const;
  /// Objects in the node's store that this process maps.
  [[nodiscard]] std::vector<ObjectId> MappedObjects() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mobula::worker
