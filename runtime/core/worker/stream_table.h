// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "runtime/core/worker/executor.h"

namespace mobula::worker {

/// The generators that this process called: which of their items there are, and which were taken.
/// View: one process's. The task itself, with its attempts and lineage, is the task manager's.
///
/// State of a stream | meaning                                 | leaves by
/// open              | its task may make more items            | `End`
/// ended             | `known` items are all there will be     | -
/// dropped           | nobody takes more: none is added, and   | -
/// (besides)         | the task is told that it is unwanted    |
/// (erased)          | dropped, and its task is forgotten      |
///
/// Item i is return i of the task:
///
///   1 ... taken      | a reference was handed out: an ordinary object from then on
///   taken+1 ... known | reported, not handed out: counted kHeld
///   taken+1 > known  | the next one, not reported: pending, counted kHeld, so that it can be
///                    | waited for; an error from the end of the stream on
///
/// A gathered stream hands nothing out: its items are held until the value of return 0, which
/// refers to them, is here; then it counts as dropped.
///
/// An attempt makes its items in order, from 1. Those up to `known` are known already: they fill in
/// what was lost, and are dropped otherwise. A task that is run again after the end fills in, too,
/// and adds nothing. Where its consumer was dropped it may go on until nothing known is missing.
class StreamTable {
 public:
  StreamTable(Context& context, ReferenceTable& references, ObjectValues& values,
              Executor& executor)
      : context_(context), references_(references), values_(values), executor_(executor) {}

  // From the task manager.

  /// REQUIRES: the task is a generator, submitted just now.
  void Open(const TaskSpec& spec);
  /// Items that are, or were, objects of this process; 0 when it is no generator.
  [[nodiscard]] std::uint32_t Known(TaskId task) const;
  /// An attempt begins at `worker`.
  void Begin(const TaskSpec& spec, const Address& worker);
  /// The attempt is over, whatever comes next.
  void Pause(TaskId task);
  /// Items of the present attempt so far.
  [[nodiscard]] std::uint32_t Made(TaskId task) const;
  /// The present attempt reports an item. Returns whether it is one of the stream's.
  bool Admit(ObjectId item);
  /// `Admit` was followed up: tells who waits, or the executor that nothing is missing any more.
  void Advance(TaskId task);
  /// No further item will come. With a failure that is none of the items: it becomes the last.
  void End(TaskId task, const Payload* failure);
  /// A lost item is needed while its task is to run or runs. Returns whether the attempt will make
  /// it; otherwise it is looked at again when that ends.
  bool Expect(ObjectId item);
  /// The task manager has forgotten the task.
  void Forget(TaskId task);

  // From the language layer.

  void Next(const NextRequested& event);
  void OnTimeout(RequestId request);
  /// Returns whether it waited here.
  bool Abandon(RequestId request);
  void Take(TaskId task);
  void Drop(TaskId task);

  /// Adds to `counts` what streams hold.
  void CheckInvariants(ExpectedCounts& counts) const;

 private:
  struct Waiting {
    RequestId request = 0;
    bool blocks = false;
  };
  struct Stream {
    StreamOptions options;
    std::uint32_t known = 0;
    std::uint32_t taken = 0;
    bool ended = false;
    bool dropped = false;
    /// The task manager knows the task.
    bool has_task = true;
    /// Where the present attempt runs; nil when there is none.
    Address worker;
    std::uint32_t attempt = 0;
    std::uint32_t made = 0;
    /// The last known item that it is to make again; 0 for none.
    std::uint32_t wanted = 0;
    /// The executor was told that nothing more is wanted.
    bool told_unwanted = false;
    /// Known items that were lost behind the present attempt; to be looked at when it ends.
    std::vector<ObjectId> lost;
    std::deque<Waiting> waiting;

    /// The last one counted kHeld; those after `taken` are, up to this.
    [[nodiscard]] std::uint32_t LastHeld() const;
  };
  using Table = std::map<TaskId, Stream>;

  /// Makes the object of item `index`, counted kHeld.
  void Hold(TaskId task, std::uint32_t index);
  void ResolvePending(ObjectId item, const Payload& payload);
  /// Tells the executor what it need not wait for, or that it is to stop.
  void TellProgress(TaskId task, Stream& stream);
  /// Nothing is held any more.
  void Release(TaskId task, Stream& stream);
  void AnswerWaiting(Stream& stream);
  void Leave(const Waiting& waiting);
  void EraseIfOver(Table::iterator entry);

  Context& context_;
  ReferenceTable& references_;
  ObjectValues& values_;
  Executor& executor_;
  Table streams_;
  /// Requests for the next item of these.
  std::map<RequestId, TaskId> waiting_;
};

}  // namespace mobula::worker
