// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/object_values.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

void ObjectValues::SetInline(ObjectId id, Payload value, std::vector<ObjectRef> inner) {
  ObjectRecord* record = references_.Find(id);
  CHECK(record != nullptr) << "object " << id;
  SetInline(id, *record, std::move(value), std::move(inner));
}

void ObjectValues::SetInline(ObjectId id, ObjectRecord& record, Payload value,
                             std::vector<ObjectRef> inner) {
  record.status.phase = ObjectPhase::kInline;
  record.status.value = std::move(value);
  record.freed = false;
  ReplaceInner(record, std::move(inner));
  Resolved(id, record);
}

void ObjectValues::SetStored(ObjectId id, PayloadKind kind, std::uint64_t size, NodeId node,
                             std::vector<ObjectRef> inner) {
  ObjectRecord* record = references_.Find(id);
  CHECK(record != nullptr && record->owned) << "object " << id;
  record->status.phase = ObjectPhase::kStored;
  record->status.value = Payload{};
  record->status.kind = kind;
  record->status.size = size;
  record->released = false;
  record->freed = false;
  if (!watch_list_.IsNodeDead(node)) record->AddLocation(node);
  ReplaceInner(*record, std::move(inner));
  if (!record->IsInScope()) references_.Touch(id);
  Resolved(id, *record);
}

void ObjectValues::SetHint(ObjectId id, const TaskArgument& argument) {
  ObjectRecord* record = references_.Find(id);
  if (record->status.phase == ObjectPhase::kInline || record->owned || !argument.stored) return;
  record->status.phase = ObjectPhase::kStored;
  record->status.kind = argument.value.kind;
  record->status.size = argument.stored->size;
  record->status.locations = argument.stored->locations;
}

StoredHint ObjectValues::Locate(ObjectId id, const ObjectRecord& record) {
  store_.Share(id);
  return {record.status.size, record.status.locations};
}

void ObjectValues::Unfree(ObjectRecord& record) {
  CHECK(record.freed);
  record.freed = false;
  record.released = true;
  record.status.phase = ObjectPhase::kStored;
  record.status.value = Payload{};
}

void ObjectValues::ReplaceInner(ObjectRecord& record, std::vector<ObjectRef> inner) {
  references_.DropAll(*record.inner, Count::kContained);
  if (inner.empty()) {
    record.inner.Reset();
  } else {
    record.inner.Edit() = std::move(inner);
  }
}

void ObjectValues::Notify(ObjectId id, std::vector<Waiter>& waiters,
                          const Boxed<ErrorInfo>& failure) {
  if (context_.Has(Bug::kLosesWakeUps) && waiters.size() > 1) waiters.resize(1);
  for (const Waiter& waiter : waiters) notices_.push_back({id, waiter, failure});
  waiters.clear();
}

void ObjectValues::Notify(ObjectId id, Rare<std::vector<Waiter>>& waiters,
                          const Boxed<ErrorInfo>& failure) {
  if (waiters->empty()) return;
  Notify(id, waiters.Edit(), failure);
  waiters.Reset();
}

void ObjectValues::Resolved(ObjectId id, ObjectRecord& record) {
  if (record.IsLost()) {
    Advance(id, record);
    return;
  }
  Notify(id, record.status_waiters);
  if (!record.lending->askers.empty()) {
    for (const Address& asker : std::exchange(record.lending.Edit().askers, {}))
      TellStatus(asker, id, record);
  }
  if (!record.local_waiters->empty()) Advance(id, record);
}

void ObjectValues::TellStatus(const Address& asker, ObjectId id, const ObjectRecord& record) {
  store_.Share(id);
  context_.Tell(asker, ObjectStatusReply{id, record.status});
}

void ObjectValues::Advance(ObjectId id, ObjectRecord& record) {
  if (record.IsLost()) {
    lost_.push_back(id);
  } else if (record.status.phase == ObjectPhase::kPending) {
    if (!record.owned) AskOwner(id, record, {});
  } else if (record.status.phase == ObjectPhase::kInline || store_.FindPin(id) != nullptr) {
    Notify(id, record.local_waiters);
  } else {
    store_.Fetch({id, record.owner}, record.status.size, record.status.locations);
  }
}

void ObjectValues::AskOwner(ObjectId id, ObjectRecord& record, std::vector<NodeId> failed_at) {
  if (record.borrowing->asked && failed_at.empty()) return;
  record.borrowing.Edit().asked = true;
  watch_list_.Watch(record.owner);
  context_.Tell(record.owner, GetObjectStatus{id, std::move(failed_at)});
}

bool ObjectValues::RequestStatus(ObjectId id, const Waiter& waiter) {
  ObjectRecord* record = references_.Find(id);
  if (record == nullptr) return true;
  record->looked_at = true;
  if (record->IsResolved()) return true;
  record->status_waiters.push_back(waiter);
  Advance(id, *record);
  return false;
}

bool ObjectValues::RequestLocal(ObjectId id, const Waiter& waiter) {
  ObjectRecord* record = references_.Find(id);
  if (record == nullptr) return true;
  record->looked_at = true;
  if (record->status.phase == ObjectPhase::kInline) return true;
  if (record->status.phase == ObjectPhase::kStored && store_.FindPin(id) != nullptr) return true;
  record->local_waiters.Edit().push_back(waiter);
  Advance(id, *record);
  return false;
}

void ObjectValues::ForgetRequest(ObjectId id, std::uint64_t request) {
  ObjectRecord* record = references_.Find(id);
  if (record == nullptr) return;
  const auto is_of_request = [request](const Waiter& waiter) {
    return waiter.kind == Waiter::Kind::kRequest && waiter.request == request;
  };
  std::erase_if(record->status_waiters, is_of_request);
  if (!record->local_waiters->empty()) std::erase_if(record->local_waiters.Edit(), is_of_request);
}

FetchedValue ObjectValues::Read(ObjectId id) {
  FetchedValue value;
  value.object = id;
  const ObjectRecord* record = references_.Find(id);
  if (record == nullptr) {
    value.value = Payload::Error(errors::ObjectFreed(id));
  } else if (record->status.phase == ObjectPhase::kInline) {
    value.value = record->status.value;
  } else {
    const StoreClient::Pin* pin = store_.FindPin(id);
    CHECK(pin != nullptr) << "object " << id << " is not here";
    value.stored = StoredValue{pin->offset, pin->size, record->status.kind};
  }
  return value;
}

void ObjectValues::OnGetObjectStatus(const Address& source, const GetObjectStatus& message) {
  const ObjectId id = message.object;
  ObjectRecord* record = references_.Find(id);
  if (record == nullptr || !record->owned) {
    ObjectStatus status;
    status.phase = ObjectPhase::kInline;
    status.value = Payload::Error(errors::ObjectFreed(id));
    context_.Tell(source, ObjectStatusReply{id, status});
    return;
  }
  record->looked_at = true;
  DropFailed(id, *record, message.failed_at);
  if (record->IsResolved()) {
    TellStatus(source, id, *record);
    return;
  }
  record->lending.Edit().askers.push_back(source);
  Advance(id, *record);
}

// A copy that could not be read may still be there; whoever finds it later must not take it for a
// good one.
void ObjectValues::DropFailed(ObjectId id, ObjectRecord& record,
                              const std::vector<NodeId>& failed_at) {
  if (record.status.phase != ObjectPhase::kStored) return;
  for (const NodeId node : failed_at) {
    const std::size_t known = record.status.locations.size();
    record.RemoveLocation(node);
    const bool removed = record.status.locations.size() < known;
    if (removed && !watch_list_.IsNodeDead(node)) {
      context_.Tell(Address::Daemon(node), FreeObject{id});
    }
  }
}

void ObjectValues::OnObjectStatusReply(const ObjectStatusReply& message) {
  ObjectRecord* record = references_.Find(message.object);
  if (record == nullptr || record->owned) return;
  record->borrowing.Edit().asked = false;
  if (record->status.phase == ObjectPhase::kInline) return;
  record->status = message.status;
  Resolved(message.object, *record);
}

void ObjectValues::OnObjectAvailable(const ObjectAvailable& message) {
  store_.OnAvailable(message);
  ObjectRecord* record = references_.Find(message.object);
  if (record == nullptr) return;
  // A copy is here, whatever became of the others since.
  if (record->status.phase == ObjectPhase::kPending && !record->owned) {
    record->status.phase = ObjectPhase::kStored;
    record->status.size = message.size;
  }
  if (record->status.phase == ObjectPhase::kStored) {
    record->AddLocation(context_.self.node);
    Notify(message.object, record->local_waiters);
  }
}

void ObjectValues::OnObjectUnavailable(const ObjectUnavailable& message) {
  if (!store_.OnUnavailable(message.object)) return;
  ObjectRecord* record = references_.Find(message.object);
  if (record == nullptr || record->status.phase != ObjectPhase::kStored) return;
  if (message.error.kind == ErrorKind::kObjectStoreFull ||
      message.error.kind == ErrorKind::kOutOfDisk) {
    return Notify(message.object, record->local_waiters, message.error);
  }
  std::vector<NodeId> failed_at = message.failed_at;
  if (failed_at.empty()) failed_at = record->status.locations;
  if (record->owned) {
    DropFailed(message.object, *record, failed_at);
    if (!record->local_waiters->empty()) Advance(message.object, *record);
    return;
  }
  record->status.phase = ObjectPhase::kPending;
  record->status.locations.clear();
  if (!record->local_waiters->empty()) AskOwner(message.object, *record, std::move(failed_at));
}

void ObjectValues::OnLocationChanged(const ObjectLocationChanged& message) {
  ObjectRecord* record = references_.Find(message.object);
  if (record == nullptr) {
    // It was freed while the copy was on its way.
    if (message.added) context_.Tell(Address::Daemon(message.node), FreeObject{message.object});
    return;
  }
  if (!record->owned) return;
  if (!message.added) {
    record->RemoveLocation(message.node);
  } else if (!watch_list_.IsNodeDead(message.node)) {
    const bool was_lost = record->IsLost();
    record->AddLocation(message.node);
    if (was_lost) Resolved(message.object, *record);
  }
}

void ObjectValues::ForgetDead() {
  for (auto& [id, record] : references_.Records()) {
    if (record.owned && !context_.Has(Bug::kKeepsDeadLocations)) {
      std::erase_if(record.status.locations,
                    [&](NodeId node) { return watch_list_.IsNodeDead(node); });
    }
    if (record.owned) {
      const bool wanted = !record.local_waiters->empty() || !record.status_waiters.empty();
      // A fetch that is under way fails by itself, or still succeeds.
      if (record.IsLost() && wanted && !store_.IsFetching(id)) lost_.push_back(id);
    } else if (record.status.phase != ObjectPhase::kInline && watch_list_.IsDead(record.owner) &&
               !context_.Has(Bug::kIgnoresOwnerDeath)) {
      SetInline(id, record, Payload::Error(errors::OwnerDied({id, record.owner})));
    }
  }
}

void ObjectValues::FreeCopies(ObjectId id, ObjectRecord& record) {
  if (record.status.locations.empty()) return;
  store_.Discard(id);
  for (const NodeId node : std::exchange(record.status.locations, {})) {
    if (!watch_list_.IsNodeDead(node)) context_.Tell(Address::Daemon(node), FreeObject{id});
  }
}

void ObjectValues::NotifyAll(ObjectId id, ObjectRecord& record) {
  Notify(id, record.status_waiters);
  Notify(id, record.local_waiters);
}

void ObjectValues::CheckInvariants() const { CHECK(notices_.empty() && lost_.empty()); }

void ObjectValues::CheckObject(ObjectId id, const ObjectRecord& record) const {
  if (record.owned) {
    CHECK(std::ranges::none_of(record.status.locations,
                               [&](NodeId node) { return watch_list_.IsNodeDead(node); }))
        << "object " << id << " is said to be on a dead node";
    CHECK(!store_.IsUnsealed(id) || record.HasLocation(context_.self.node)) << "object " << id;
  } else {
    CHECK(record.status.phase == ObjectPhase::kInline || !watch_list_.IsDead(record.owner))
        << "object " << id << " is expected from a dead owner";
  }
}

}  // namespace mobula::worker
