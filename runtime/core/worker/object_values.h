// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/worker/reference_table.h"
#include "runtime/core/worker/store_client.h"

namespace mobula::worker {

/// Where values are and who waits for them: the in-process store of small values, the owner's
/// directory of stored ones, and the questions of borrowers. View: one process's.
///
/// Phase of an object | owner                                | borrower
/// kPending           | its task runs, or will run again     | unknown, or asked of the owner
/// kInline            | the value or error is here           | a cached copy is here
/// kStored            | `locations` hold it; none: lost      | as the owner last said
///
/// A lost object is recovered when somebody needs it, not before: it is queued for `NextLost`, and
/// the composite has the task manager resubmit its task or give it an error.
class ObjectValues {
 public:
  /// `waiter` is to look at its slot again: what it waits for has come.
  struct Notice {
    ObjectId object;
    Waiter waiter;
    /// Unless it cannot be brought here; it is no worse elsewhere.
    Boxed<ErrorInfo> failure;
  };

  ObjectValues(Context& context, ReferenceTable& references, StoreClient& store,
               WatchList& watch_list)
      : context_(context), references_(references), store_(store), watch_list_(watch_list) {}

  /// The value, or the error in its place, is known. `inner` is what it contains, counted by the
  /// caller.
  void SetInline(ObjectId id, Payload value, std::vector<ObjectRef> inner = {});
  /// The same, for who has found the record already.
  void SetInline(ObjectId id, ObjectRecord& record, Payload value,
                 std::vector<ObjectRef> inner = {});
  /// A complete copy is on `node`.
  void SetStored(ObjectId id, PayloadKind kind, std::uint64_t size, NodeId node,
                 std::vector<ObjectRef> inner);
  /// What this process was told with a task that it will run.
  void SetHint(ObjectId id, const TaskArgument& argument);
  /// Where a stored value is, for somebody else who may ask for it from now on.
  [[nodiscard]] StoredHint Locate(ObjectId id, const ObjectRecord& record);
  /// A lost object is to be looked at (again).
  void NoteLost(ObjectId id) { lost_.push_back(id); }
  /// The value will be made again.
  void SetPending(ObjectRecord& record) { record.status.phase = ObjectPhase::kPending; }
  /// A freed object is wanted again: from now on it is one whose copies are gone.
  void Unfree(ObjectRecord& record);

  /// Whether the status is known; if not, finds out and notifies `waiter` (once).
  bool RequestStatus(ObjectId id, const Waiter& waiter);
  /// Whether the value is here (inline, or pinned); if not, brings it here and notifies `waiter`
  /// (once).
  bool RequestLocal(ObjectId id, const Waiter& waiter);
  /// A get or wait does not wait for this object any more.
  void ForgetRequest(ObjectId id, std::uint64_t request);
  /// The value as the language layer receives it. REQUIRES: it is here. Counts no user.
  [[nodiscard]] FetchedValue Read(ObjectId id);

  void OnGetObjectStatus(const Address& source, const GetObjectStatus& message);
  void OnObjectStatusReply(const ObjectStatusReply& message);
  void OnObjectAvailable(const ObjectAvailable& message);
  void OnObjectUnavailable(const ObjectUnavailable& message);
  void OnLocationChanged(const ObjectLocationChanged& message);
  /// The copies on a dead node are gone, and the objects of dead owners are errors from now on.
  void ForgetDead();
  /// Out of scope: no copy may stay in any store.
  void FreeCopies(ObjectId id, ObjectRecord& record);
  /// Tells everybody who still waits for an object that is being forgotten.
  void NotifyAll(ObjectId id, ObjectRecord& record);

  std::optional<Notice> NextNotice() { return Next(notices_); }
  std::optional<ObjectId> NextLost() { return Next(lost_); }
  void CheckInvariants() const;
  /// The part of it that looks at one record: who looks at all of them calls it.
  void CheckObject(ObjectId id, const ObjectRecord& record) const;

 private:
  template <class T>
  static std::optional<T> Next(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    std::optional<T> next(std::move(queue.front()));
    queue.pop_front();
    return next;
  }
  void Resolved(ObjectId id, ObjectRecord& record);
  void ReplaceInner(ObjectRecord& record, std::vector<ObjectRef> inner);
  void Notify(ObjectId id, std::vector<Waiter>& waiters, const Boxed<ErrorInfo>& failure = {});
  void Notify(ObjectId id, Rare<std::vector<Waiter>>& waiters,
              const Boxed<ErrorInfo>& failure = {});
  void TellStatus(const Address& asker, ObjectId id, const ObjectRecord& record);
  /// Starts whatever gets the value of an object nearer to being here.
  void Advance(ObjectId id, ObjectRecord& record);
  void AskOwner(ObjectId id, ObjectRecord& record, std::vector<NodeId> failed_at);
  void DropFailed(ObjectId id, ObjectRecord& record, const std::vector<NodeId>& failed_at);

  Context& context_;
  ReferenceTable& references_;
  StoreClient& store_;
  WatchList& watch_list_;
  std::deque<Notice> notices_;
  std::deque<ObjectId> lost_;
};

}  // namespace mobula::worker
