// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/base/tracked_map.h"
#include "runtime/core/worker/actor_client.h"
#include "runtime/core/worker/death.h"
#include "runtime/core/worker/failure_log.h"
#include "runtime/core/worker/gcs_client.h"
#include "runtime/core/worker/lease_client.h"
#include "runtime/core/worker/lineage.h"
#include "runtime/core/worker/object_values.h"
#include "runtime/core/worker/stream_table.h"
#include "runtime/core/worker/worker.h"

namespace mobula::worker {

/// The tasks that this process submitted: their arguments, attempts, answers and lineage. View: one
/// process's.
///
/// State of a task | meaning                                       | leaves by
/// waiting         | an argument is not known yet                  | its last argument
/// queued          | ready; the lease or actor client has it       | Push
/// pushed          | a worker has it                               | an answer, a death
/// creating        | an actor's creation that the GCS has, until   | the actor's end
///                 | the actor cannot be started again             |
/// finished        | kept as lineage, because a return value in a  | its loss (waiting again), the
///                 | store can be lost                             | last value's end, the byte cap
///
/// Counts kept by a task, on each reference among or inside its arguments (and, for a call, on the
/// actor's handle): kSubmitted until it is finished for good, kLineage while it is kept as lineage.
///
/// Refines the paper in one point: an inline value that lineage needs is kept (it counts as part of
/// the spec) instead of the lineage of the task that made it, so only tasks with stored results are
/// kept.
class TaskManager : public Dispatcher {
 public:
  TaskManager(Context& context, ReferenceTable& references, ObjectValues& values,
              WatchList& watch_list, GcsClient& gcs, StreamTable& streams);

  void Submit(const TaskSpec& spec);
  void Kill(const ActorKillRequested& event);
  void Cancel(TaskId task, bool force, bool recursive);
  /// Cancels what a cancelled task of this process has submitted.
  void CancelChildren(TaskId parent, bool force);
  /// An argument of a task is known.
  void OnNotice(TaskId task);
  void OnTaskDone(const Address& source, const TaskDone& message);
  void OnTaskReturned(const Address& source, const TaskReturned& message);
  void OnStreamItem(const Address& source, const StreamItem& message);
  void OnActorRegistered(TaskId creation, const ErrorInfo& error);
  void OnActorUpdate(const ActorView& view);
  /// The handle of a called actor stands for a value or an error by now.
  void OnHandleResolved(ObjectId handle);
  /// Which actors the GCS knows: one that is not among them and whose owner is dead will never be.
  void OnActorsListed(const std::vector<ActorView>& actors);
  /// A worker or node is dead: its tasks are run again, or fail.
  void OnDeath(const Death& death);
  /// Somebody needs an object that has no copy left.
  void Recover(ObjectId object);
  /// The record of a stored return value is being forgotten.
  void ReturnErased(ObjectId object);
  /// No handle to an actor of this process is left.
  void HandleErased(ActorId actor);
  void Pump();

  LeaseClient& Leases() { return leases_; }
  ActorClient& Actors() { return actors_; }
  [[nodiscard]] const LeaseClient& Leases() const { return leases_; }
  [[nodiscard]] const ActorClient& Actors() const { return actors_; }
  [[nodiscard]] const FailureLog& Failures() const { return failures_; }
  [[nodiscard]] std::vector<PendingTask> PendingTasks() const;
  /// Those that are not finished.
  [[nodiscard]] std::size_t PendingCount() const { return tasks_.size() - lineage_.Size(); }
  [[nodiscard]] std::optional<TaskView> Find(TaskId task) const;
  /// Notes from here on which tasks are touched. The tasks touched since the last `ForgetTouched`.
  void NoteTouched() { tasks_.Track(); }
  void ForgetTouched() { tasks_.ForgetTouched(); }
  [[nodiscard]] std::vector<TaskId> Touched() const;
  /// The process that has the task; nothing when none has.
  [[nodiscard]] std::optional<Address> PushedTo(TaskId task) const;
  /// The arguments that a task waits for before it can be pushed.
  [[nodiscard]] std::vector<ObjectId> AwaitedBy(TaskId task) const;
  [[nodiscard]] bool HasLineage(ObjectId object) const;
  /// Of the task that makes it; 0 when it is not known.
  [[nodiscard]] std::uint32_t AttemptOf(ObjectId object) const;
  /// Adds to `counts` what its tasks count.
  void CheckInvariants(ExpectedCounts& counts) const;

  // Dispatcher.
  [[nodiscard]] bool IsReady(TaskId task) const override;
  bool Push(TaskId task, const Address& worker, std::uint64_t sequence,
            const std::vector<std::uint32_t>& gpus) override;
  void Fail(TaskId task, ErrorInfo error) override;
  [[nodiscard]] const TaskSpec& SpecOf(TaskId task) const override;
  [[nodiscard]] std::vector<NodeId> PreferredNodes(TaskId task) const override;

 private:
  enum class State : std::uint8_t { kWaiting, kQueued, kPushed, kCreating, kFinished };
  struct Task {
    TaskSpec spec;
    /// Its place among the submissions of this process.
    std::uint64_t order = 0;
    std::uint32_t unresolved = 0;
    State state = State::kWaiting;
    bool cancelled = false;
    /// Where it was pushed.
    Address worker;
    /// Executions that make good for nothing that failed: they do not count as retries.
    std::uint32_t free_attempts = 0;
    /// Finished only: return values in stores, and the place in the lineage.
    std::uint32_t stored_returns = 0;
    Rare<Lineage::Place> place;
    /// The handle that a call holds, nil when none is known.
    Rare<ObjectId> handle;
  };
  using Table = TrackedMap<OrderedHashMap<TaskId, Task>>;
  using Entry = Table::iterator;

  void HoldReferences(const Task& task, Count count);
  void DropReferences(const Task& task, Count count);
  static void AddCounts(const Task& task, ExpectedCounts& counts);
  /// Finds out the arguments; goes on with `Ready` when all are known.
  void Resolve(Task& task);
  void Ready(Task& task);
  /// The payload that stands for all returns when an argument is an exception or error.
  [[nodiscard]] std::optional<Payload> BrokenArgument(const Task& task) const;
  /// The spec as it is sent: known small values in the place of references, hints for the others.
  /// Nothing, and the task waits, when an argument is gone.
  std::optional<TaskSpec> Prepare(Task& task);
  void RegisterActor(Task& task);

  bool MayRetry(const Task& task) const;
  /// How many return values there are: of a generator, as far as is known.
  [[nodiscard]] std::uint32_t ReturnCount(const TaskSpec& spec) const;
  /// Whether the answer is that of the attempt that is awaited.
  [[nodiscard]] bool IsAwaited(Entry entry, const Address& source, std::uint32_t attempt);
  /// The worker of an attempt is dead. It may have sealed results of which it told nobody any more:
  /// its node is to free them.
  void DiscardResults(const Task& task);
  void Retry(Task& task, const std::string& reason);
  void TakeResult(const Address& source, const Task& task, const TaskResult& result);
  /// The generator has answered.
  void EndStream(const Address& source, const Task& task, const std::vector<TaskResult>& results);
  static bool HasAllReturns(const TaskSpec& spec, const std::vector<TaskResult>& results);
  /// The answer of a worker whose language layer forgot some.
  void FailMissingReturns(const TaskSpec& spec);
  /// A value that nobody waits for: frees it, and gives back the registrations that came with it.
  void DropResult(const Address& source, const TaskResult& result);
  /// One of an attempt that was given up. Its copy goes, unless the same copy is, or will be, that
  /// of another attempt which ran on the same node.
  void DropLateResult(const Address& source, const TaskResult& result);
  void DropReferencesOf(const Address& source, const TaskResult& result);
  void FailWith(Entry entry, const Payload& payload);
  /// Those of its return values that are known and in stores.
  [[nodiscard]] std::vector<ObjectId> StoredReturns(const TaskSpec& spec) const;
  /// Finished for good: drops the task, or keeps it as lineage.
  void Complete(Entry entry);
  void SetRemakeable(ObjectId object, bool remakeable);
  void DropLineage(Entry entry);
  void Forget(Entry entry);
  void EvictExcess();
  void ExpectAgain(Task& task);
  void ActorEnded(const ActorView& view);
  /// An actor that the GCS has not spoken of may never be registered: its handle's owner knows.
  void WatchHandle(ActorId actor);
  /// Called actors of dead owners of which the GCS has said nothing.
  [[nodiscard]] std::vector<ActorId> Orphans() const;

  Context& context_;
  ReferenceTable& references_;
  ObjectValues& values_;
  WatchList& watch_list_;
  GcsClient& gcs_;
  StreamTable& streams_;
  LeaseClient leases_;
  ActorClient actors_;
  Lineage lineage_;
  FailureLog failures_;
  Table tasks_;
  /// Creation tasks of living actors.
  std::map<ActorId, TaskId> creations_;
  /// Actors with calls that may be sendable.
  std::vector<ActorId> actors_to_pump_;
  std::uint64_t last_order_ = 0;
};

}  // namespace mobula::worker
