// SPDX-License-Identifier: Apache-2.0
/// What processes say to their daemon, owners to raylets about leases, and owners to workers about
/// tasks.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/protocol/cluster.h"
#include "runtime/core/protocol/task_spec.h"

namespace mobula {

// Process and its daemon.

/// First message of a worker or driver to its daemon.
struct RegisterWorker {
  WorkerId worker;
  std::uint32_t pid = 0;
  Language language = Language::kPython;
  bool is_driver = false;
  /// Drivers only.
  JobConfig job_config;
  MOBULA_FIELDS(RegisterWorker, worker, pid, language, is_driver, job_config)
};

/// Answer to `RegisterWorker`; for a driver, once the GCS knows the job.
struct WorkerRegistered {
  Address address;
  JobId job;
  JobConfig job_config;
  /// The driver of the job: the address of its root task.
  Address driver;
  NodeInfo node;
  MOBULA_FIELDS(WorkerRegistered, address, job, job_config, driver, node)
};

/// A worker waits in `get` or `wait` for something that is not here: its lease's CPU may be lent
/// out.
struct TaskBlocked {
  WorkerId worker;
  MOBULA_FIELDS(TaskBlocked, worker)
};
struct TaskUnblocked {
  WorkerId worker;
  MOBULA_FIELDS(TaskUnblocked, worker)
};

/// A worker is about to exit on purpose (`exit_actor`, `max_calls`): its death is not a failure.
struct WorkerExiting {
  WorkerId worker;
  std::string reason;
  MOBULA_FIELDS(WorkerExiting, worker, reason)
};

/// Asks a daemon to report the death of one of its workers. Answered at once when it is dead or
/// unknown.
struct WatchWorker {
  WorkerId worker;
  MOBULA_FIELDS(WatchWorker, worker)
};

/// A process is gone for ever. Sent to its watchers, and instead of delivery to whoever writes to
/// it.
struct WorkerDied {
  Address worker;
  std::string reason;
  /// It meant to exit.
  bool intended = false;
  /// It was ended because its node's memory ran out.
  bool out_of_memory = false;
  MOBULA_FIELDS(WorkerDied, worker, reason, intended, out_of_memory)
};

/// A daemon tells its processes that a node is gone for ever, with all its workers and copies.
struct NodeDied {
  NodeId node;
  std::string reason;
  MOBULA_FIELDS(NodeDied, node, reason)
};

/// Lines that a worker wrote, on their way to the driver of its job.
struct LogLines {
  WorkerId worker;
  std::uint32_t pid = 0;
  /// Function or class that runs there.
  std::string name;
  std::string node_name;
  bool is_error = false;
  std::vector<std::string> lines;
  MOBULA_FIELDS(LogLines, worker, pid, name, node_name, is_error, lines)
};

// Leases.

/// An owner asks a raylet for one worker. `request` is unique per owner; a repeated request gets
/// the same answer, never a second worker.
struct RequestLease {
  std::uint64_t request = 0;
  Address owner;
  JobId job;
  ResourceSet resources;
  SchedulingStrategy strategy;
  Language language = Language::kPython;
  std::string runtime_env;
  /// Shown to people: what will run.
  std::string name;
  /// Tasks of this class still waiting at the owner, this one included.
  std::uint32_t backlog = 1;
  /// The actor that will live in the worker; nil for tasks. Such a lease ends with the worker.
  ActorId actor;
  /// How often it was sent on; a raylet that cannot serve a spilled request queues it.
  std::uint32_t spill_count = 0;
  /// Nodes that hold the large arguments, most bytes first.
  std::vector<NodeId> preferred;
  /// What its node must have, where that is more than the lease takes; see ActorOptions.
  ResourceSet placement;
  /// What runs there may be run again when its worker dies.
  bool retriable = false;
  MOBULA_FIELDS(RequestLease, request, owner, job, resources, strategy, language, runtime_env, name,
                backlog, actor, spill_count, preferred, placement, retriable)

  /// What decides where it can run; `resources` is what it takes there.
  [[nodiscard]] const ResourceSet& Needed() const {
    return placement.IsEmpty() ? resources : placement;
  }

  /// What tasks with this header ask for; who asks, and how often, is the sender's to fill in.
  static RequestLease For(const TaskHeader& header);
};
struct LeaseGranted {
  std::uint64_t request = 0;
  LeaseId lease;
  Address worker;
  std::uint32_t pid = 0;
  /// The numbers of the GPUs that go with it: of each the whole, or a part of one.
  std::vector<std::uint32_t> gpus = {};
  MOBULA_FIELDS(LeaseGranted, request, lease, worker, pid, gpus)
};
/// Ask `node` instead.
struct LeaseSpilled {
  std::uint64_t request = 0;
  NodeId node;
  MOBULA_FIELDS(LeaseSpilled, request, node)
};
/// It will never be granted here (hard affinity to a dead node, the environment cannot be made).
struct LeaseRefused {
  std::uint64_t request = 0;
  ErrorInfo error;
  MOBULA_FIELDS(LeaseRefused, request, error)
};
/// No node of the cluster could grant it as things stand. It stays queued; the owner warns its
/// user.
struct LeaseInfeasible {
  std::uint64_t request = 0;
  std::string message;
  MOBULA_FIELDS(LeaseInfeasible, request, message)
};
/// The owner has no use for it any more. A grant under way is returned by the owner.
struct CancelLeaseRequest {
  std::uint64_t request = 0;
  Address owner;
  MOBULA_FIELDS(CancelLeaseRequest, request, owner)
};
struct ReturnLease {
  LeaseId lease;
  MOBULA_FIELDS(ReturnLease, lease)
};
/// Others wait for these resources: the owner lets what was pushed finish, then returns the lease.
struct ReclaimLease {
  LeaseId lease;
  MOBULA_FIELDS(ReclaimLease, lease)
};
/// GCS to raylet: end the process (killed actor, dead owner). Others cannot ask this. In order (an
/// actor whose last handle is gone), the raylet passes it on to the worker, which leaves by itself
/// after what it runs, and kills that only when it is not gone after a while.
struct KillWorker {
  WorkerId worker;
  std::string reason;
  bool in_order = false;
  MOBULA_FIELDS(KillWorker, worker, reason, in_order)
};

// Tasks.

/// Owner (or the GCS, for an actor's creation) to a leased worker or an actor.
struct PushTask {
  TaskSpec spec;
  /// Of the lease.
  std::vector<std::uint32_t> gpus = {};
  MOBULA_FIELDS(PushTask, spec, gpus)
};
/// The answer to a `PushTask`, to its sender.
struct TaskDone {
  TaskId task;
  std::uint32_t attempt = 0;
  std::vector<TaskResult> results;
  /// The application raised; the results hold its exception.
  bool application_error = false;
  /// References from the arguments that the executor still holds and whose owner is the task's
  /// sender: it becomes a borrower of each. For other owners it has registered there before this is
  /// sent.
  std::vector<ObjectId> retained;
  /// Run time, from which the owner learns how many tasks to keep in flight.
  Duration run_time;
  MOBULA_FIELDS(TaskDone, task, attempt, results, application_error, retained, run_time)
};
/// The worker gives back a pushed task it has not started (it blocks, exits, or was cancelled
/// before the start). It counts as no attempt.
struct TaskReturned {
  TaskId task;
  std::uint32_t attempt = 0;
  MOBULA_FIELDS(TaskReturned, task, attempt)
};
struct CancelTask {
  TaskId task;
  std::uint32_t attempt = 0;
  /// End the process if need be.
  bool force = false;
  bool recursive = true;
  MOBULA_FIELDS(CancelTask, task, attempt, force, recursive)
};

// Deadlocks.

/// What a blocked `get` waits for, and what that waits for; see DeadlockWatch.
struct TraceWait {
  /// The blocked process, and its request.
  Address origin;
  std::uint64_t request = 0;
  /// The task that is waited for.
  TaskId task;
  /// Addressed to the process that has the task; otherwise to its owner.
  bool executing = false;
  /// The tasks that wait, from the origin's on, and their names for people.
  std::vector<TaskId> tasks;
  std::vector<std::string> steps;
  MOBULA_FIELDS(TraceWait, origin, request, task, executing, tasks, steps)
};
/// To the driver: it tells its user, once for the same tasks (or, without any, the same message).
struct DeadlockFound {
  std::vector<TaskId> tasks;
  std::string message;
  MOBULA_FIELDS(DeadlockFound, tasks, message)
};

}  // namespace mobula
