// SPDX-License-Identifier: Apache-2.0
/// What a Worker machine shows of its tables: copies, for people, tools, traces and tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula::worker {

/// A task this process submitted that has not finished, for people.
struct PendingTask {
  TaskId task;
  std::string name;
  std::uint32_t attempt = 0;
  /// "waiting for arguments", "waiting for a lease", "running on <worker>", ...
  std::string state;
  /// Whose call it is; nil for other tasks.
  ActorId actor;
  MOBULA_FIELDS(PendingTask, task, name, attempt, state, actor)
};

/// A task this process submitted that has failed, for people.
struct FailedTask {
  /// Counts the failures of the process from 1.
  std::uint64_t number = 0;
  TaskId task;
  std::string name;
  std::uint32_t attempt = 0;
  /// The exception or error in the place of its results.
  Payload failure;
  MOBULA_FIELDS(FailedTask, number, task, name, attempt, failure)
};

/// Registrations of one borrower that it has not given back.
struct BorrowerView {
  Address borrower;
  std::uint64_t registrations = 0;
  MOBULA_FIELDS(BorrowerView, borrower, registrations)
};

/// What the process knows of one object, for tools and tests.
struct ReferenceView {
  ObjectRef reference;
  bool owned = false;
  std::uint64_t local = 0;
  /// Arguments of tasks submitted by, or pushed to, this process.
  std::uint64_t submitted = 0;
  std::uint64_t contained = 0;
  std::vector<Address> borrowers;
  ObjectStatus status;
  bool lineage = false;
  /// Of the task that makes it, while this process knows it; 0 otherwise.
  std::uint32_t attempt = 0;
  /// The actor it stands for; nil for ordinary objects.
  ActorId actor;
  MOBULA_FIELDS(ReferenceView, reference, owned, local, submitted, contained, borrowers, status,
                lineage, attempt, actor)
};

/// The same, count by count, for a trace. See `Count` and `ObjectRecord`.
struct ObjectView {
  Address owner;
  bool owned = false;
  ObjectPhase phase = ObjectPhase::kPending;
  PayloadKind kind = PayloadKind::kValue;
  std::uint64_t size = 0;
  std::vector<NodeId> locations;
  /// Owned, stored, and no copy is left.
  bool lost = false;
  // Counts.
  std::uint32_t local = 0;
  std::uint32_t submitted = 0;
  std::uint32_t contained = 0;
  std::uint32_t held = 0;
  std::uint32_t executing = 0;
  std::uint32_t lineage = 0;
  std::vector<BorrowerView> borrowers;
  /// Borrower only: what it has heard of, and what it has asked for.
  std::uint64_t registrations = 0;
  std::uint32_t registering = 0;
  /// References inside the value.
  std::vector<ObjectId> contains;
  /// The task that makes it is kept, for making it again; or its lineage went to the byte cap.
  bool has_lineage = false;
  bool lineage_evicted = false;
  /// Waiters of this process, and borrowers that asked.
  std::uint32_t waiters = 0;
  std::uint32_t askers = 0;
  ActorId actor;
  MOBULA_FIELDS(ObjectView, owner, owned, phase, kind, size, locations, lost, local, submitted,
                contained, held, executing, lineage, borrowers, registrations, registering,
                contains, has_lineage, lineage_evicted, waiters, askers, actor)
};

/// A task that this process submitted and still knows.
struct TaskView {
  std::string name;
  TaskKind task_kind = TaskKind::kNormal;
  /// "waiting for arguments", "waiting for a lease", "waiting for its actor", "pushed", "creates an
  /// actor", "kept as lineage".
  std::string state;
  std::uint32_t attempt = 0;
  /// System failures it may still survive; -1 for without end.
  std::int32_t retries_left = 0;
  Address worker;
  std::uint32_t unresolved = 0;
  std::vector<ObjectId> arguments;
  bool cancelled = false;
  /// Kept as lineage: return values in stores, and the bytes it counts.
  std::uint32_t stored_returns = 0;
  std::uint64_t lineage_bytes = 0;
  ActorId actor;
  MOBULA_FIELDS(TaskView, name, task_kind, state, attempt, retries_left, worker, unresolved,
                arguments, cancelled, stored_returns, lineage_bytes, actor)
};

/// A worker leased by this process.
struct LeaseView {
  LeaseId lease;
  Address worker;
  NodeId raylet;
  /// "open", "idle", "blocked", "reclaimed".
  std::string state;
  std::vector<TaskId> in_flight;
  MOBULA_FIELDS(LeaseView, lease, worker, raylet, state, in_flight)
};

/// A lease request of this process that is not answered.
struct LeaseRequestView {
  std::uint64_t request = 0;
  NodeId raylet;
  std::string name;
  std::uint32_t backlog = 0;
  MOBULA_FIELDS(LeaseRequestView, request, raylet, name, backlog)
};

/// An actor that this process calls.
struct CalledActorView {
  ActorId actor;
  std::string class_name;
  std::string name;
  ActorState state = ActorState::kPending;
  Address worker;
  std::uint32_t incarnation = 0;
  bool unreachable = false;
  std::uint64_t waiting = 0;
  std::vector<TaskId> in_flight;
  MOBULA_FIELDS(CalledActorView, actor, class_name, name, state, worker, incarnation, unreachable,
                waiting, in_flight)
};

/// A task that was pushed to this process.
struct ExecutionView {
  TaskId task;
  std::uint32_t attempt = 0;
  std::string name;
  TaskKind task_kind = TaskKind::kNormal;
  ActorId actor;
  /// "queued", "running", "finishing".
  std::string state;
  Address sender;
  std::uint32_t missing_arguments = 0;
  std::uint32_t acknowledgements_missing = 0;
  MOBULA_FIELDS(ExecutionView, task, attempt, name, task_kind, actor, state, sender,
                missing_arguments, acknowledgements_missing)
};

/// What the last event may have changed among the tables that can be large.
struct Touched {
  std::vector<ObjectId> objects;
  std::vector<TaskId> tasks;
};

}  // namespace mobula::worker
