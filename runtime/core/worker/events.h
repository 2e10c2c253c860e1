// SPDX-License-Identifier: Apache-2.0
/// What a Worker machine hears and says. One machine serves one process: a driver, or a worker that
/// runs tasks. The language layer (Python, C++) posts events and is answered by `Fulfil...` and
/// `RunTask`.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/core/protocol/effects.h"

namespace mobula::worker {

/// Names a blocking call of the language layer within its process; chosen by the layer, never
/// reused.
using RequestId = std::uint64_t;

// Events: from the language layer.

/// The process is connected to its daemon; the machine registers. Answered by `Registered`.
struct Started {
  RegisterWorker registration;
  /// The node of that daemon. When the host does not know it (nil), the registration is addressed
  /// to nobody and the host hands it to the daemon it is connected to.
  NodeId node;
  MOBULA_FIELDS(Started, registration, node)
};

/// A normal task, an actor's creation (`actor_options` set) or an actor call. Each return value
/// gets one local reference of this process; an actor's creation has one return, which stands for
/// the handle. REQUIRES: its owner is this process and spec.task was derived with ChildTask.
struct TaskSubmitted {
  TaskSpec spec;
  MOBULA_FIELDS(TaskSubmitted, spec)
};

/// A small `put`. The object gets one local reference.
struct ObjectPut {
  ObjectId object;
  Payload value;
  std::vector<ObjectRef> contained;
  MOBULA_FIELDS(ObjectPut, object, value, contained)
};

/// Room in the node's store for a large `put` (owner: this process; the object then gets one local
/// reference) or for a large result of `object.task` (owner: that task's). Answered by
/// `FulfilCreate`.
struct BufferRequested {
  RequestId request = 0;
  ObjectRef object;
  std::uint64_t size = 0;
  MOBULA_FIELDS(BufferRequested, request, object, size)
};
/// The buffer is written. For a `put` only; results are sealed by `TaskExecuted`.
struct BufferSealed {
  ObjectId object;
  PayloadKind kind = PayloadKind::kValue;
  std::uint64_t size = 0;
  std::vector<ObjectRef> contained;
  MOBULA_FIELDS(BufferSealed, object, kind, size, contained)
};

/// Blocks until every object is there, one has failed, or the timeout passes. Answered by
/// `FulfilGet`. REQUIRES: the process holds a reference to each.
struct GetRequested {
  RequestId request = 0;
  std::vector<ObjectId> objects;
  std::optional<Duration> timeout;
  /// The caller is not a running task that gives its CPU back while it waits (the driver, a
  /// background thread).
  bool releases_cpu = true;
  MOBULA_FIELDS(GetRequested, request, objects, timeout, releases_cpu)
};
/// Answered by `FulfilWait` once `num_returns` of the objects are ready (a failed object is ready).
struct WaitRequested {
  RequestId request = 0;
  std::vector<ObjectId> objects;
  std::uint32_t num_returns = 1;
  std::optional<Duration> timeout;
  /// Ready means: here on this node.
  bool fetch_local = true;
  bool releases_cpu = true;
  MOBULA_FIELDS(WaitRequested, request, objects, num_returns, timeout, fetch_local, releases_cpu)
};
/// The caller went away (an interrupt): the request will not be fulfilled.
struct RequestAbandoned {
  RequestId request = 0;
  MOBULA_FIELDS(RequestAbandoned, request)
};

/// The language layer made one more reference object for this id (unpickled, copied). Where the
/// reference came out of another object's value or a running task's arguments, `container` names
/// that object, or is {task, 0} with `container_is_task`: it is held until the owner knows this
/// process as a borrower.
struct ReferenceAdded {
  ObjectRef reference;
  ObjectId container;
  bool container_is_task = false;
  MOBULA_FIELDS(ReferenceAdded, reference, container, container_is_task)
};
/// One reference object of the language layer is gone.
struct ReferenceRemoved {
  ObjectId object;
  MOBULA_FIELDS(ReferenceRemoved, object)
};
/// The language layer no longer maps the object's memory (one `FulfilGet` or `RunTask` buffer).
struct BufferReleased {
  ObjectId object;
  MOBULA_FIELDS(BufferReleased, object)
};

/// A question to the GCS: any message with a `request` field. The machine numbers it, repeats it
/// until it is answered and answers with `FulfilGcs`.
struct GcsRequested {
  RequestId request = 0;
  Message question;
  /// How long to wait for the answer; for ever when it is left out.
  std::optional<Duration> timeout;
  MOBULA_FIELDS(GcsRequested, request, question, timeout)
};
/// Answered by `FulfilGcs` when the GCS has done it, for good, or the actor is dead already.
struct ActorKillRequested {
  RequestId request = 0;
  ActorId actor;
  bool no_restart = true;
  MOBULA_FIELDS(ActorKillRequested, request, actor, no_restart)
};
struct CancelRequested {
  ObjectId object;
  bool force = false;
  bool recursive = true;
  MOBULA_FIELDS(CancelRequested, object, force, recursive)
};

/// The values of these objects are wanted no more, although there may be references: whoever asks
/// gets `kObjectFreed`. Only what this process owns and what is there is freed.
struct FreeRequested {
  std::vector<ObjectId> objects;
  MOBULA_FIELDS(FreeRequested, objects)
};

/// The language layer finished a `RunTask`. Every large result was written to a buffer before.
struct TaskExecuted {
  TaskId task;
  std::uint32_t attempt = 0;
  std::vector<TaskResult> results;
  bool application_error = false;
  /// The process must not be used again (`exit_actor`, `max_calls`): it leaves after answering.
  bool exit_after = false;
  MOBULA_FIELDS(TaskExecuted, task, attempt, results, application_error, exit_after)
};

/// A running generator made an item; a large one was written to a buffer before. Answered by
/// `FulfilStream`, when the next item may be made (kNext), or with what ends the generator.
struct ItemYielded {
  RequestId request = 0;
  TaskId task;
  std::uint32_t attempt = 0;
  /// Its object is the task's next return; the first is 1.
  TaskResult item;
  /// As of `GetRequested`, while it waits for its consumer.
  bool releases_cpu = true;
  MOBULA_FIELDS(ItemYielded, request, task, attempt, item, releases_cpu)
};
/// Waits until the next item of a generator of this process is there, or there will be none.
/// Answered by `FulfilStream`. Takes nothing.
struct NextRequested {
  RequestId request = 0;
  TaskId task;
  std::optional<Duration> timeout;
  bool releases_cpu = true;
  MOBULA_FIELDS(NextRequested, request, task, timeout, releases_cpu)
};
/// The language layer has a reference to the next item, whether or not it is there. REQUIRES: the
/// generator was not dropped.
struct NextTaken {
  TaskId task;
  MOBULA_FIELDS(NextTaken, task)
};
/// Nobody will take another item.
struct StreamDropped {
  TaskId task;
  MOBULA_FIELDS(StreamDropped, task)
};

using Event = std::variant<MessageReceived, TimerFired, Started, TaskSubmitted, ObjectPut,
                           BufferRequested, BufferSealed, GetRequested, WaitRequested,
                           RequestAbandoned, ReferenceAdded, ReferenceRemoved, BufferReleased,
                           GcsRequested, ActorKillRequested, CancelRequested, FreeRequested,
                           TaskExecuted, ItemYielded, NextRequested, NextTaken, StreamDropped>;

// Effects: to the language layer.

/// A value in this node's store, pinned for the language layer until it posts `BufferReleased`.
struct StoredValue {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  PayloadKind kind = PayloadKind::kValue;
  MOBULA_FIELDS(StoredValue, offset, size, kind)
};
/// One fetched object: in the store when `stored`, else `value` (which may be an error).
struct FetchedValue {
  ObjectId object;
  Payload value;
  std::optional<StoredValue> stored;
  MOBULA_FIELDS(FetchedValue, object, value, stored)

  [[nodiscard]] bool IsFailure() const {
    return (stored ? stored->kind : value.kind) != PayloadKind::kValue;
  }
};

/// The process is a member: its address, job and node are known.
struct Registered {
  WorkerRegistered answer;
  MOBULA_FIELDS(Registered, answer)
};
/// In the order asked for. On timeout `timed_out` and no values; when one has failed, only that one
/// (the first of several).
struct FulfilGet {
  RequestId request = 0;
  bool timed_out = false;
  std::vector<FetchedValue> values;
  MOBULA_FIELDS(FulfilGet, request, timed_out, values)
};
/// The ready ones, at most `num_returns`, in the order asked for.
struct FulfilWait {
  RequestId request = 0;
  std::vector<ObjectId> ready;
  MOBULA_FIELDS(FulfilWait, request, ready)
};
struct FulfilCreate {
  RequestId request = 0;
  std::uint64_t offset = 0;
  ErrorInfo error;
  MOBULA_FIELDS(FulfilCreate, request, offset, error)
};
struct FulfilGcs {
  RequestId request = 0;
  /// When `timed_out`: the question.
  Message answer;
  bool timed_out = false;
  MOBULA_FIELDS(FulfilGcs, request, answer, timed_out)
};
enum class StreamStep {
  kNext,       ///< The next item is there; of the producer: may be made.
  kEnd,        ///< There is none; of the producer: none is wanted.
  kCancelled,  ///< Producer only: its task was cancelled.
  kTimedOut,   ///< Consumer only.
};
BOOST_DESCRIBE_ENUM(StreamStep, kNext, kEnd, kCancelled, kTimedOut)
/// How a generator goes on, to its consumer or its producer.
struct FulfilStream {
  RequestId request = 0;
  StreamStep step = StreamStep::kNext;
  MOBULA_FIELDS(FulfilStream, request, step)
};
/// Run this. `arguments[i]` is the value for `spec.arguments[i]`. Calls of an actor with
/// concurrency above one may overlap; else the machine hands out one task at a time.
struct RunTask {
  TaskSpec spec;
  std::vector<FetchedValue> arguments;
  /// The numbers of those that it holds.
  std::vector<std::uint32_t> gpus = {};
  MOBULA_FIELDS(RunTask, spec, arguments, gpus)
};
/// Interrupt a running task (raise in it, cancel its coroutine).
struct InterruptTask {
  TaskId task;
  MOBULA_FIELDS(InterruptTask, task)
};
/// Leave the process. Nothing runs any more, and the language layer does first what it does at the
/// end of a process (exit handlers); or, at once, whatever runs is broken off.
struct ExitProcess {
  std::string reason;
  bool at_once = false;
  MOBULA_FIELDS(ExitProcess, reason, at_once)
};
/// Tell the user (driver only): infeasible resources, a lost node.
struct Warn {
  std::string message;
  MOBULA_FIELDS(Warn, message)
};
/// A value that is an error went without anybody having looked at it (driver only): what failed
/// would otherwise go unnoticed.
struct UnhandledError {
  Payload value;
  MOBULA_FIELDS(UnhandledError, value)
};
/// Show a worker's output (driver only).
struct ShowLogs {
  LogLines logs;
  MOBULA_FIELDS(ShowLogs, logs)
};
/// For the trace and the report: a task is executed once more, and why.
struct TaskRetried {
  TaskId task;
  std::uint32_t attempt = 0;
  std::string name;
  std::string reason;
  MOBULA_FIELDS(TaskRetried, task, attempt, name, reason)
};

using Effect = std::variant<Send, StartTimer, Registered, FulfilGet, FulfilWait, FulfilCreate,
                            FulfilGcs, FulfilStream, RunTask, InterruptTask, ExitProcess, Warn,
                            UnhandledError, ShowLogs, TaskRetried>;
using Effects = std::vector<Effect>;

}  // namespace mobula::worker
