// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/errors.h"
#include "sim/hub_action.h"
#include "sim/world.h"
#include "tests/properties/case.h"
#include "tests/properties/expected.h"
#include "tests/properties/key_book.h"
#include "tests/properties/store_book.h"

namespace mobula::properties {

/// How an object came to be.
struct Origin {
  enum class Kind { kPut, kTask, kCall };
  static constexpr Kind kPut = Kind::kPut;
  static constexpr Kind kTask = Kind::kTask;
  static constexpr Kind kCall = Kind::kCall;

  Kind kind = kPut;
  std::int32_t max_retries = 0;
  bool retry_exceptions = false;
  /// Calls only.
  ActorId actor;
  /// The task that put or submitted it.
  TaskId parent;
};

/// How an actor came to be.
struct ActorFacts {
  Address owner;
  std::int32_t max_restarts = 0;
  std::int32_t max_task_retries = 0;
  /// As in Action.
  std::uint32_t name = 0;
  bool detached = false;
};

/// The book of one run: who made what, what ran where, who died. It judges every value and every
/// error at the moment that some task sees it, and what the executors run:
///
///   a value           | is the one that sequential execution gives
///   an error          | is documented, and true: what it blames has happened
///   a task's attempt  | starts once, and within the limits
///   calls of an actor | start in the order in which each caller made them
///   a killed actor    | starts no call that its killer makes afterwards, until it has restarted
///   a name            | leads to an actor of that name that is not known to be dead; to a detached
///                     | one that has answered as long as nothing has ended it
///   a key             | holds what was written last (KeyBook)
///
/// It looks on from outside, with the knowledge of all processes, and changes nothing.
class Ledger {
 public:
  Ledger(const sim::World& world, const ClusterShape& shape)
      : world_(world), shape_(shape), stores_(world, shape) {}

  // What user code says.
  void Made(const ObjectRef& object, ExpectedValue value, const Origin& origin);
  void MadeActor(ActorId actor, const ActorFacts& facts);
  void Threw(TaskId task, std::uint32_t attempt, const std::string& text);
  void Cancelled(TaskId task);
  void Killed(ActorId actor, WorkerId killer, bool may_restart);
  /// Somebody is about to look for an actor by its name; what it finds is to be told with the
  /// number that is returned.
  [[nodiscard]] std::uint64_t LooksFor() { return ++moments_; }
  void Found(std::uint32_t name, ActorId actor, std::uint64_t asked);
  void FoundNone(std::uint32_t name, std::uint64_t asked);
  /// `seer` fetched `object`, and this is what it was.
  void SawValue(WorkerId seer, ObjectId object, const Expected& seen);
  /// `seer` fetched or put `object`.
  void SawError(TaskId seer, ObjectId object, const Error& error);
  /// Somebody is about to put a value with so many numbers.
  void Puts(std::uint64_t numbers) { stores_.Writes(numbers); }
  [[nodiscard]] KeyBook& Keys() { return keys_; }
  /// Nobody asks for a key any more.
  void CloseKeys();
  [[nodiscard]] ExpectedValue ExpectedOf(ObjectId object) const;

  /// What the world is about to let user code do.
  void Observe(const sim::HubAction& action);
  /// A task has run to its end, in some attempt.
  void Executed(TaskId task) { ++executed_[task]; }

  /// `problem` begins with its kind and a colon.
  void Complain(const std::string& problem);
  /// What was wrong, in order.
  [[nodiscard]] const std::vector<std::string>& Problems() const { return problems_; }
  /// How often there was no room in a store or on a disk.
  [[nodiscard]] std::uint64_t Refusals() const { return refusals_; }
  /// How often each kind of error was seen, by name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& Errors() const { return errors_; }

  // What it knows of the world.

  /// Dead, or on a node that was declared dead.
  [[nodiscard]] bool IsGone(const Address& process) const;
  /// How many processes that were once ready are gone.
  [[nodiscard]] std::uint64_t Deaths() const;
  /// The specification under which a task was started last; null when it never was.
  [[nodiscard]] const TaskSpec* FindSpec(TaskId task) const;
  /// Null for what no user code made by itself.
  [[nodiscard]] const Origin* FindOrigin(ObjectId object) const;
  /// How often its task may run again; -1 for without end.
  [[nodiscard]] std::int32_t RetriesOf(const Origin& origin) const;
  /// The task, or one that it descends from: it will not be run again.
  [[nodiscard]] bool WasCancelled(TaskId task) const;
  /// Lineage may have been given up to keep within its bytes.
  [[nodiscard]] bool CapsLineage() const { return shape_.lineage_bytes_max > 0; }
  [[nodiscard]] std::uint32_t Nodes() const { return shape_.nodes; }
  /// A handle of this actor was got by its name: its owner may have forgotten it.
  [[nodiscard]] bool WasFound(ActorId actor) const;
  /// The names of the detached actors that were made.
  [[nodiscard]] std::set<std::uint32_t> NamesOfDetached() const;
  [[nodiscard]] bool IsDriver(WorkerId process) const { return drivers_.contains(process); }

 private:
  struct Object {
    ObjectRef reference;
    ExpectedValue value;
    Origin origin;
    /// When it was made.
    std::uint64_t made = 0;
  };
  struct KillSaid {
    WorkerId killer;
    std::uint64_t at = 0;
  };
  struct Actor {
    ActorFacts facts;
    std::vector<KillSaid> kills;
    /// It need not live any more.
    bool killed = false;
    bool found = false;
    /// When it was made, when it was first known to live, and when to be dead for good; 0 for
    /// never.
    std::uint64_t made = 0;
    std::uint64_t alive = 0;
    std::uint64_t dead = 0;
  };

  void Started(WorkerId process, const TaskSpec& spec);
  void StartedCall(WorkerId process, const TaskSpec& spec, const std::string& name);
  /// Empty when the error is true; else why not.
  [[nodiscard]] std::string Doubt(const Error& error) const;
  [[nodiscard]] std::string DoubtApplicationError(const std::string& text) const;
  [[nodiscard]] std::string DoubtActorError(const ErrorInfo& info) const;
  /// A call that was in flight when its actor died.
  [[nodiscard]] std::string DoubtLostCall(const Actor& actor, const ErrorInfo& info) const;
  [[nodiscard]] std::string DoubtNameTaken(const Actor& refused, const std::string& text) const;
  /// Too few processes died, nobody killed it, and it does not end with its owner.
  [[nodiscard]] bool MustLive(const Actor& actor) const;
  /// How many processes or nodes can have ended without anybody's wish.
  [[nodiscard]] std::uint64_t Crashes() const;
  /// How many ends of processes can have cost a task or an actor something. A worker may die before
  /// it was ready, when the task is on its way to it.
  [[nodiscard]] std::uint64_t Losses() const;
  /// A process that had an object died, or a disk.
  [[nodiscard]] bool CopiesMayBeLost() const;
  /// Too few processes died for that many attempts to have been lost.
  [[nodiscard]] std::string DoubtAttempts(const ErrorInfo& info) const;
  /// The task, or one that it descends from, was submitted by a process that is gone: nobody waits
  /// for what it sees.
  [[nodiscard]] bool IsOrphan(TaskId task) const;
  [[nodiscard]] const Object* FindTask(TaskId task) const;
  [[nodiscard]] std::uint64_t Throws(TaskId task) const;

  const sim::World& world_;
  const ClusterShape& shape_;
  StoreBook stores_;
  KeyBook keys_;
  std::map<ObjectId, Object> objects_;
  std::map<ActorId, Actor> actors_;
  /// Counts what is said and known of objects and actors.
  std::uint64_t moments_ = 0;
  std::map<TaskId, TaskSpec> specs_;
  std::set<std::pair<TaskId, std::uint32_t>> started_;
  std::map<TaskId, std::uint64_t> executed_;
  /// Which attempt of a task calls: another one runs in another process, or after it.
  using Caller = std::pair<WorkerId, TaskId>;
  /// Of each actor process and caller: the last call that was started for the first time.
  std::map<std::pair<WorkerId, Caller>, std::uint64_t> last_call_;
  /// The order in which each caller made its calls.
  std::map<TaskId, std::uint64_t> call_numbers_;
  std::uint64_t calls_ = 0;
  /// The process in which a call was started last.
  std::map<TaskId, WorkerId> ran_in_;
  /// When a process (the first) first saw an answer of an actor's process: it knows that it lives.
  std::map<std::pair<WorkerId, WorkerId>, std::uint64_t> heard_;
  /// When a process first saw an answer of an actor.
  std::map<std::pair<WorkerId, ActorId>, std::uint64_t> known_;
  std::map<WorkerId, Address> processes_;
  std::set<WorkerId> drivers_;
  std::map<std::pair<TaskId, std::uint32_t>, std::string> thrown_;
  /// Texts of errors that were found true: an application error may tell of them.
  std::set<std::string> true_texts_;
  std::set<TaskId> cancelled_;
  std::uint64_t refusals_ = 0;
  std::vector<std::string> problems_;
  std::map<std::string, std::uint64_t> errors_;
};

}  // namespace mobula::properties
