// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "runtime/core/worker/expected_counts.h"
#include "runtime/core/worker/object_values.h"
#include "runtime/core/worker/views.h"
#include "runtime/core/worker/watch_list.h"

namespace mobula::worker {

/// Runs the tasks that were pushed to this process. View: one process's.
///
/// State of a task | meaning                                         | leaves by
/// queued          | its stored arguments are fetched                | its turn, or given back
/// running         | the language layer has it                       | TaskExecuted
/// finishing       | its answer waits until the owners of references | the last BorrowerAdded, the
///                 | that leave with it know the new borrowers       | owner's death
///
/// Tasks of one sender start in the order they came (an actor's calls: by sequence, but see
/// OutOfTurn); of the senders whose next task has its arguments, the one that came first is next.
/// One task at a time, or up to `max_concurrency` in an actor.
///
/// A process whose only task blocks, or whose next task waits for an argument to be made again,
/// lends its CPU out and gives the normal tasks behind it back to their owners, who may have
/// another worker for them. A task that waits for its argument for long is given back, too: making
/// the argument again may need what the lease holds besides CPUs.
class Executor {
 public:
  Executor(Context& context, ReferenceTable& references, ObjectValues& values, StoreClient& store,
           WatchList& watch_list)
      : context_(context),
        references_(references),
        values_(values),
        store_(store),
        watch_list_(watch_list) {}

  void OnPush(const Address& source, const PushTask& push);
  void OnExecuted(const TaskExecuted& event);
  /// An argument of a queued task has come.
  void OnNotice(TaskId task, std::uint32_t slot, const Boxed<ErrorInfo>& failure);
  /// An owner has acknowledged (or will never) what the answer of `task` waited for.
  void OnAcknowledged(TaskId task);
  /// An argument could not be fetched at the first try: its tasks may wait for long.
  void OnArgumentFailed(ObjectId object);
  void OnStallTimer(std::uint64_t arrival);
  /// The node's store is full: arguments that are not needed yet are let go.
  void OnRoomWanted();
  /// The process leaves when what runs is over; it takes nothing more.
  void Leave(const std::string& reason);
  /// Returns whether the task is here.
  bool Cancel(const CancelTask& message);

  /// A running generator made an item.
  void OnYielded(const ItemYielded& event);
  void OnProgress(const Address& source, const StreamProgress& message);
  /// The language layer does not wait for the consumer any more (it was interrupted).
  void Abandon(RequestId request);
  /// Nobody waits for what generators of dead owners make.
  void ForgetDead();

  /// A `get` or `wait` of the language layer has to wait. Returns whether that counts as a running
  /// task's (the caller owes an `Unblock` then).
  bool Block();
  void Unblock();
  /// The reference came out of a running task's arguments: the task's sender keeps it alive.
  /// Returns whether the task is running here.
  bool HoldFor(TaskId task, const ObjectRef& reference);
  [[nodiscard]] bool IsRunning() const { return running_ > 0; }
  /// What runs, in a process that runs one task at a time; null when nothing does, or in others.
  [[nodiscard]] const TaskSpec* OnlyRunning() const;
  /// A task that is queued or runs here; null for others.
  [[nodiscard]] const TaskSpec* FindUnfinished(TaskId task) const;
  [[nodiscard]] std::vector<ExecutionView> Views() const;
  /// Adds to `counts` what its tasks count.
  void CheckInvariants(ExpectedCounts& counts) const;

 private:
  enum class State { kQueued, kRunning, kFinishing };
  /// What a generator makes, on its way to the task's sender (executor_streams.cc).
  ///
  /// State     | meaning                                        | leaves by
  /// making    | the language layer makes the next item         | ItemYielded, TaskExecuted
  /// blocked   | `limit` items are made and not taken           | StreamProgress, cancellation, the
  ///           |                                                | sender's death
  /// ended     | the code is through; items wait to be sent     | the last BorrowerAdded
  ///
  /// Invariants: items leave in order, and the answer after them; one is registering at most.
  struct OutgoingStream {
    std::uint32_t made = 0;
    std::uint32_t taken = 0;
    bool unwanted = false;
    bool cancelled = false;
    /// Made and not sent: the owners of references in the first must know of the sender before it
    /// leaves. Those references are counted kHeld.
    std::deque<TaskResult> items;
    bool registering = false;
    std::uint32_t acknowledgements_missing = 0;
    /// The language layer's question that waits for the consumer, and whether the CPU is lent out.
    std::optional<RequestId> blocked;
    bool lends_cpu = false;
    /// The end, which waits for the items.
    std::optional<TaskExecuted> end;

    [[nodiscard]] bool IsFull(std::uint32_t limit) const {
      return made >= std::uint64_t{taken} + limit;
    }
  };
  struct PushedTask {
    TaskSpec spec;
    Address sender;
    std::vector<std::uint32_t> gpus;
    /// Counts the pushes to this process.
    std::uint64_t arrival = 0;
    State state = State::kQueued;
    std::uint32_t missing_arguments = 0;
    /// What each stored argument turned out to be.
    std::vector<FetchedValue> arguments;
    /// Counted kExecuting: the references in its arguments, and what came out of them.
    std::vector<ObjectId> held;
    Instant started;
    /// An argument could not be fetched at the first try.
    bool argument_failed = false;
    /// It is next and waits for such an argument, with its CPU lent out.
    bool stalled = false;
    /// Its arguments are fetched when its turn has come, not before.
    bool parked = false;
    std::uint32_t acknowledgements_missing = 0;
    TaskDone answer;
    /// Of a generator that was told anything or has made an item.
    Rare<OutgoingStream> stream;
  };
  /// Tasks of one sender that have not started, in order.
  struct Sender {
    std::uint64_t next_sequence = 0;
    absl::btree_map<std::uint64_t, TaskId> queue;
  };
  using Entry = OrderedHashMap<TaskId, PushedTask>::iterator;

  static bool IsActorCall(const PushedTask& task) {
    return task.spec.header->kind == TaskKind::kActorCall;
  }
  /// The task's place in its sender's queue.
  static std::uint64_t OrderOf(const PushedTask& task);
  void Hold(PushedTask& task, const ObjectRef& reference);
  void RequestArguments(PushedTask& task);
  void TakeArgument(PushedTask& task, std::uint32_t slot);
  static bool HasArguments(const PushedTask& task) {
    return task.missing_arguments == 0 && !task.parked;
  }
  /// It waits for an argument that has to be made again.
  static bool WaitsForLost(const PushedTask& task) {
    return task.argument_failed && !HasArguments(task);
  }
  /// Makes the next task of a sender startable when it can be.
  void Advance(const Address& sender);
  /// Whether this number in its sender's queue stands for a task that has not started.
  bool IsQueued(Entry entry, std::uint64_t order);
  /// The calls behind a sender's next one that are not made for the first time. While that waits
  /// for what has to be made again, they may start: one of them may be what makes it.
  std::vector<Entry> OutOfTurn(const Sender& sender);
  void StartReady();
  void Park(PushedTask& task);
  void Unpark(PushedTask& task);
  /// The task that would be the next to start if it had its arguments.
  Entry FirstInTurn();
  /// Fetches for the next task when nothing else is there to be run.
  void ResumeParked();
  /// Lends the CPU out when all there is to do is to wait for a lost argument.
  void StallIfIdle();
  void StartTask(Entry entry);
  /// The exception or error among the arguments, in whose place the task cannot run.
  static std::optional<Payload> BrokenArgument(const PushedTask& task);
  void Answer(Entry entry, std::vector<TaskResult> results, bool application_error);
  void AnswerWithout(Entry entry, const Payload& payload);
  /// Registers whoever will hold references once the answer is out.
  void RegisterResults(PushedTask& task);
  void RegisterRetained(PushedTask& task);
  void TrySendAnswer(Entry entry);
  void SendAnswer(Entry entry);
  /// Forgets a task that has not started: drops its holds and pins.
  void Discard(Entry entry);
  void GiveBackQueued();
  void LendCpu();
  void TakeCpuBack();
  /// Sends what need not wait for anybody, then the answer if all is sent.
  void SendItems(Entry entry);
  void SendItem(const PushedTask& task, TaskResult item);
  [[nodiscard]] static StreamStep NextStep(const PushedTask& task);
  /// Lets a blocked generator go on when there is a reason to.
  void Unblock(OutgoingStream& stream, StreamStep step);
  static void CheckStream(const PushedTask& task, ExpectedCounts& counts);
  /// Leaves when it is time to.
  void ExitWhenDone();

  Context& context_;
  ReferenceTable& references_;
  ObjectValues& values_;
  StoreClient& store_;
  WatchList& watch_list_;
  OrderedHashMap<TaskId, PushedTask> tasks_;
  std::map<Address, Sender> senders_;
  /// First of their senders, with all arguments: arrival to task.
  absl::btree_map<std::uint64_t, TaskId> ready_;
  std::uint64_t arrivals_ = 0;
  /// As long as there is one, further tasks are parked when they come.
  std::size_t parked_ = 0;
  std::uint32_t running_ = 0;
  std::uint32_t finishing_ = 0;
  std::uint32_t concurrency_ = 1;
  /// Reasons for which the CPU is lent out: blocked calls and stalled tasks.
  std::uint32_t lent_ = 0;
  /// Leaves as soon as nothing is running or finishing; starts nothing more.
  bool exiting_ = false;
  std::string exit_reason_;
  bool exited_ = false;
  /// What the GCS was told when the actor that lives here was made: it may ask again.
  std::optional<TaskDone> creation_answer_;
};

}  // namespace mobula::worker
