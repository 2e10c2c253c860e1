// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "runtime/base/ordered_hash_map.h"
#include "runtime/base/tracked_map.h"
#include "runtime/core/worker/expected_counts.h"
#include "runtime/core/worker/watch_list.h"

namespace mobula::worker {

/// Counts who needs which object, and keeps the borrowing protocol. View: one process's.
///
/// Counting is transactional: a count that falls only notes the object as a candidate; the
/// composite settles the candidates when the event is handled (`NextCandidate`), so the order of
/// steps inside one event does not matter.
///
/// Borrowing (Ownership paper, section 4.2, with weighted counts). O owns x, B comes to hold it:
///
///   way B got it                  | who registers B                    | what holds x meanwhile
///   argument of a task from O     | B's TaskDone.retained              | the task, at O
///   argument of a task from C     | B: AddBorrower, TaskDone waits     | the task, at C
///   inside a value that B got     | B: AddBorrower                     | the outer object, held by
///   B inside the result of a task   | the executor, before its TaskDone  | the executor
///
/// The owner counts registrations per borrower. B knows how many it has heard of and gives exactly
/// these back with RemoveBorrower; one that is still on its way to B therefore keeps x alive. A
/// borrower's death gives back all of its registrations; an owner's death is told to the holders of
/// values (`ObjectValues`).
///
/// Of the four ways only the last registers one process (the caller C) through another (the
/// executor E, its *sponsor*), which may die before C hears of it:
///
///   E                     O                        C
///   |--AddBorrower(C)---->|                        |
///   |<--BorrowerAdded-----|                        |
///   X (no TaskDone)       |                        |
///       ...death of E---->|                        |
///                         |--CheckBorrower(E)----->|  answers when it knows that E is dead
///                         |<--BorrowerChecked(n)---|
///
/// A death is told after everything the dead process has sent, so n, which C has heard of and still
/// holds, is final: O strikes off what E registered beyond n. C sends all it gives back on the same
/// channel before, so n is never above O's count. The question may be repeated without harm.
///
/// Invariant: a registration at an owner is known to its borrower, or is on its way to it, or its
/// sponsor lives, or the borrower is being asked. So none outlives the need for it.
class ReferenceTable {
 public:
  ReferenceTable(Context& context, WatchList& watch_list)
      : context_(context), watch_list_(watch_list) {}

  [[nodiscard]] ObjectRecord* Find(ObjectId id);
  using Table = TrackedMap<OrderedHashMap<ObjectId, ObjectRecord>>;
  [[nodiscard]] const Table& Records() const { return records_; }
  [[nodiscard]] Table& Records() { return records_; }
  /// A new owned object, pending. REQUIRES: not known yet.
  ObjectRecord& Own(ObjectId id);
  /// The record of `reference`, made when there is none: a borrowed one; or, where this process
  /// owned the object and has freed it, one that holds the error to say so.
  ObjectRecord& Obtain(const ObjectRef& reference);
  /// REQUIRES: `record` is that of `id`.
  void Erase(ObjectId id, const ObjectRecord& record);

  void Add(const ObjectRef& reference, Count count) { ++Obtain(reference).Of(count); }
  /// REQUIRES: the count is above zero.
  void Drop(ObjectId id, Count count);
  void AddAll(const std::vector<ObjectRef>& references, Count count);
  void DropAll(const std::vector<ObjectRef>& references, Count count);
  /// Notes an object to be looked at when the event is settled.
  void Touch(ObjectId id) { candidates_.push_back(id); }
  /// The next object that may have gone out of scope.
  std::optional<ObjectId> NextCandidate() {
    if (candidates_.empty()) return std::nullopt;
    const ObjectId id = candidates_.back();
    candidates_.pop_back();
    return id;
  }
  /// The reference that stands for `actor`, when this process has it.
  [[nodiscard]] std::optional<ObjectId> FindHandle(ActorId actor) const;
  void SetHandle(ObjectId id, ObjectRecord& record, ActorId actor);

  /// Whether the owner of this object does not know this process as a borrower, nor will by itself.
  [[nodiscard]] bool IsUnregistered(const ObjectRecord& record) const;
  /// Sends AddBorrower for this process. `container`, unless nil, is held until the answer; `task`
  /// is told by `Acknowledged`. Returns false, and does nothing, when the owner is dead.
  bool Register(ObjectId id, ObjectId container, TaskId task);
  /// Makes `borrower`, which will receive the reference in a task's result, a borrower. Returns
  /// whether `task` must wait for the acknowledgement.
  /// A process that sends itself a reference to its own object is its borrower while the message is
  /// on its way.
  bool RegisterOther(const ObjectRef& reference, const Address& borrower, TaskId task);
  /// This process has heard of one registration of its own: `source` made it for the answer that
  /// came, or (itself) with `retained`.
  void HearRegistration(const ObjectRef& reference, const Address& source);
  /// Owner: `borrower` holds a reference, or will hear of it from `sponsor`, which is the borrower
  /// itself or this process where nobody stands between them.
  void AddRegistration(ObjectId id, const Address& borrower, const Address& sponsor);

  void OnAddBorrower(const Address& source, const AddBorrower& message);
  /// Returns the executed task that waited for this answer, if one did.
  std::optional<TaskId> OnBorrowerAdded(const BorrowerAdded& message);
  void OnRemoveBorrower(const RemoveBorrower& message);
  void OnCheckBorrower(const Address& source, const CheckBorrower& message);
  void OnBorrowerChecked(const Address& source, const BorrowerChecked& message);
  /// Forgets the dead as borrowers and as owners that will answer. Returns the executed tasks that
  /// waited.
  std::vector<TaskId> ForgetDead();
  /// The process lets go of a borrowed object: gives the registrations back. REQUIRES: not in
  /// scope.
  void Release(ObjectId id, const ObjectRecord& record);

  /// Adds to `counts` what values contain, and what is held for an unanswered AddBorrower.
  void CheckInvariants(ExpectedCounts& counts) const;

 private:
  /// An AddBorrower that is not acknowledged.
  struct Registration {
    ObjectRef object;
    bool for_self = true;
    /// Counted kHeld until the answer: the container, or the object itself when registering another
    /// process.
    ObjectId held;
    TaskId task;
  };

  /// An owner's question that waits for the sponsor's death to be known here.
  struct Check {
    Address owner;
    CheckBorrower question;
  };

  void Ask(const ObjectRef& object, const Address& borrower, Registration registration);
  void CheckSponsors(ObjectId id, ObjectRecord& record);
  void AnswerCheck(const Check& check);
  std::optional<TaskId> Close(const Registration& registration, bool registered);

  Context& context_;
  WatchList& watch_list_;
  Table records_;
  std::vector<ObjectId> candidates_;
  /// Handles of actors, owned and borrowed; for as long as the record exists.
  std::map<ActorId, ObjectId> handles_;
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, Registration> registrations_;
  std::vector<Check> checks_;
};

}  // namespace mobula::worker
