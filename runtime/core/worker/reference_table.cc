// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/reference_table.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

ObjectRecord* ReferenceTable::Find(ObjectId id) {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

ObjectRecord& ReferenceTable::Own(ObjectId id) {
  const auto [entry, added] = records_.try_emplace(id);
  CHECK(added) << "object " << id << " is owned twice";
  entry->second.owner = context_.self;
  entry->second.owned = true;
  return entry->second;
}

ObjectRecord& ReferenceTable::Obtain(const ObjectRef& reference) {
  const auto [entry, added] = records_.try_emplace(reference.id);
  ObjectRecord& record = entry->second;
  if (!added) return record;
  record.owner = reference.owner;
  record.owned = reference.owner == context_.self;
  if (record.owned) {
    record.status.phase = ObjectPhase::kInline;
    record.status.value = Payload::Error(errors::ObjectFreed(reference.id));
  } else if (watch_list_.IsDead(record.owner)) {
    record.status.phase = ObjectPhase::kInline;
    record.status.value = Payload::Error(errors::OwnerDied(reference));
  }
  // Whether a reference stands for an actor shows only in its name; return 0 is what it could be.
  if (!record.owned && reference.id.index == 0) handles_[ActorOf(reference.id.task)] = reference.id;
  return record;
}

void ReferenceTable::Erase(ObjectId id, const ObjectRecord& record) {
  if (!record.actor->IsNil()) {
    handles_.erase(*record.actor);
  } else if (!record.owned && id.index == 0) {
    handles_.erase(ActorOf(id.task));
  }
  records_.erase(id);
}

void ReferenceTable::Drop(ObjectId id, Count count) {
  ObjectRecord* record = Find(id);
  CHECK(record != nullptr) << "object " << id << " is not known";
  CHECK(record->Of(count) > 0) << "object " << id << ", count " << static_cast<int>(count);
  if (--record->Of(count) == 0) Touch(id);
}

void ReferenceTable::AddAll(const std::vector<ObjectRef>& references, Count count) {
  for (const ObjectRef& reference : references) Add(reference, count);
}

void ReferenceTable::DropAll(const std::vector<ObjectRef>& references, Count count) {
  for (const ObjectRef& reference : references) Drop(reference.id, count);
}

std::optional<ObjectId> ReferenceTable::FindHandle(ActorId actor) const {
  const auto found = handles_.find(actor);
  if (found == handles_.end()) return std::nullopt;
  return found->second;
}

void ReferenceTable::SetHandle(ObjectId id, ObjectRecord& record, ActorId actor) {
  record.actor.Edit() = actor;
  handles_[actor] = id;
}

bool ReferenceTable::IsUnregistered(const ObjectRecord& record) const {
  const Borrowing& borrowing = *record.borrowing;
  return !record.owned && !borrowing.unknown_to_owner && borrowing.registrations == 0 &&
         borrowing.registering == 0 && !watch_list_.IsDead(record.owner);
}

void ReferenceTable::Ask(const ObjectRef& object, const Address& borrower,
                         Registration registration) {
  const std::uint64_t request = ++last_request_;
  if (!registration.held.IsNil()) ++Find(registration.held)->Of(Count::kHeld);
  registrations_.emplace(request, std::move(registration));
  watch_list_.Watch(object.owner);
  context_.Tell(object.owner, AddBorrower{object.id, borrower, request});
}

bool ReferenceTable::Register(ObjectId id, ObjectId container, TaskId task) {
  ObjectRecord* record = Find(id);
  CHECK(record != nullptr && !record->owned);
  if (watch_list_.IsDead(record->owner)) return false;
  ++record->borrowing.Edit().registering;
  Ask({id, record->owner}, context_.self, {{id, record->owner}, true, container, task});
  return true;
}

bool ReferenceTable::RegisterOther(const ObjectRef& reference, const Address& borrower,
                                   TaskId task) {
  const bool to_owner = reference.owner == borrower && borrower != context_.self;
  if (to_owner || watch_list_.IsDead(reference.owner)) return false;
  const ObjectRecord& record = Obtain(reference);
  if (record.owned) {
    AddRegistration(reference.id, borrower, context_.self);
    return false;
  }
  Ask(reference, borrower, {reference, false, reference.id, task});
  return true;
}

void ReferenceTable::HearRegistration(const ObjectRef& reference, const Address& source) {
  ObjectRecord& record = Obtain(reference);
  if (record.owned) {
    Touch(reference.id);
    if (source == context_.self) OnRemoveBorrower({reference.id, source, 1, {}});
    return;
  }
  ++record.borrowing.Edit().registrations;
  if (source != context_.self && source != record.owner) ++record.borrowing.Edit().sponsors[source];
  watch_list_.Watch(record.owner);
  Touch(reference.id);
}

void ReferenceTable::AddRegistration(ObjectId id, const Address& borrower, const Address& sponsor) {
  if (context_.Has(Bug::kIgnoresBorrowers)) return;
  ObjectRecord* record = Find(id);
  if (record == nullptr || !record->owned || watch_list_.IsDead(borrower)) return;
  BorrowerRecord& entry = record->lending.Edit().borrowers[borrower];
  ++entry.registrations;
  watch_list_.Watch(borrower);
  if (sponsor == borrower || sponsor == context_.self) return;
  ++entry.sponsors[sponsor].count;
  watch_list_.Watch(sponsor);
  if (watch_list_.IsDead(sponsor)) CheckSponsors(id, *record);
}

void ReferenceTable::OnAddBorrower(const Address& source, const AddBorrower& message) {
  const ObjectRecord* record = Find(message.object);
  const bool known = record != nullptr && record->owned;
  if (known) AddRegistration(message.object, message.borrower, source);
  context_.Tell(source, BorrowerAdded{message.request, message.object, !known});
}

std::optional<TaskId> ReferenceTable::OnBorrowerAdded(const BorrowerAdded& message) {
  const auto found = registrations_.find(message.request);
  if (found == registrations_.end()) return std::nullopt;
  const Registration registration = std::move(found->second);
  registrations_.erase(found);
  return Close(registration, !message.gone);
}

std::optional<TaskId> ReferenceTable::Close(const Registration& registration, bool registered) {
  if (registration.for_self) {
    ObjectRecord* record = Find(registration.object.id);
    CHECK(record != nullptr && record->borrowing->registering > 0);
    --record->borrowing.Edit().registering;
    if (registered) {
      ++record->borrowing.Edit().registrations;
    } else {
      record->borrowing.Edit().unknown_to_owner = true;
    }
    Touch(registration.object.id);
  }
  if (!registration.held.IsNil()) Drop(registration.held, Count::kHeld);
  if (registration.task.IsNil()) return std::nullopt;
  return registration.task;
}

void ReferenceTable::OnRemoveBorrower(const RemoveBorrower& message) {
  ObjectRecord* record = Find(message.object);
  if (record == nullptr) return;
  auto& borrowers = record->lending.Edit().borrowers;
  const auto found = borrowers.find(message.borrower);
  if (found == borrowers.end()) return;
  if (context_.Has(Bug::kNeverRemovesBorrowers)) return;
  BorrowerRecord& borrower = found->second;
  if (borrower.registrations <= message.registrations) {
    borrowers.erase(found);
    Touch(message.object);
    return;
  }
  borrower.registrations -= message.registrations;
  for (const SponsoredCount& returned : message.sponsored) {
    const auto sponsor = borrower.sponsors.find(returned.sponsor);
    if (sponsor == borrower.sponsors.end()) continue;  // Its death is settled.
    // The borrower also counts registrations that came when the object was unknown here.
    sponsor->second.count -= std::min(sponsor->second.count, returned.count);
    if (sponsor->second.count == 0) borrower.sponsors.erase(sponsor);
  }
}

// ---- Registrations whose sponsor died -----------------------------------------------------------

void ReferenceTable::CheckSponsors(ObjectId id, ObjectRecord& record) {
  if (record.lending->borrowers.empty()) return;
  for (auto& [address, borrower] : record.lending.Edit().borrowers) {
    for (auto& [sponsor, sponsored] : borrower.sponsors) {
      if (!watch_list_.IsDead(sponsor) || std::exchange(sponsored.checking, true)) continue;
      context_.Tell(address, CheckBorrower{id, sponsor});
    }
  }
}

void ReferenceTable::OnCheckBorrower(const Address& source, const CheckBorrower& message) {
  // Its answers may still be on their way here.
  watch_list_.Watch(message.sponsor);
  const Check check{source, message};
  if (watch_list_.IsDead(message.sponsor)) {
    AnswerCheck(check);
  } else {
    checks_.push_back(check);
  }
}

void ReferenceTable::AnswerCheck(const Check& check) {
  const ObjectRecord* record = Find(check.question.object);
  std::uint64_t heard = 0;
  if (record != nullptr) {
    const auto sponsor = record->borrowing->sponsors.find(check.question.sponsor);
    if (sponsor != record->borrowing->sponsors.end()) heard = sponsor->second;
  }
  context_.Tell(check.owner, BorrowerChecked{check.question.object, check.question.sponsor, heard});
}

void ReferenceTable::OnBorrowerChecked(const Address& source, const BorrowerChecked& message) {
  ObjectRecord* record = Find(message.object);
  if (record == nullptr) return;
  auto& borrowers = record->lending.Edit().borrowers;
  const auto found = borrowers.find(source);
  if (found == borrowers.end()) return;
  BorrowerRecord& borrower = found->second;
  const auto sponsor = borrower.sponsors.find(message.sponsor);
  if (sponsor == borrower.sponsors.end()) return;  // The answer to a repeated question.
  borrower.registrations -=
      sponsor->second.count - std::min(sponsor->second.count, message.registrations);
  borrower.sponsors.erase(sponsor);
  if (borrower.registrations > 0) return;
  borrowers.erase(found);
  Touch(message.object);
}

// ---- Deaths -------------------------------------------------------------------------------------

std::vector<TaskId> ReferenceTable::ForgetDead() {
  for (auto& [id, record] : records_) {
    if (record.lending->borrowers.empty()) continue;
    const auto forgotten =
        absl::erase_if(record.lending.Edit().borrowers,
                       [&](const auto& borrower) { return watch_list_.IsDead(borrower.first); });
    if (forgotten > 0) Touch(id);
    CheckSponsors(id, record);
  }
  std::erase_if(checks_, [&](const Check& check) {
    const bool due = watch_list_.IsDead(check.question.sponsor);
    if (due && !watch_list_.IsDead(check.owner)) AnswerCheck(check);
    return due;
  });
  std::vector<TaskId> tasks;
  for (auto entry = registrations_.begin(); entry != registrations_.end();) {
    if (!watch_list_.IsDead(entry->second.object.owner)) {
      ++entry;
      continue;
    }
    const Registration registration = std::move(entry->second);
    entry = registrations_.erase(entry);
    if (const auto task = Close(registration, false)) tasks.push_back(*task);
  }
  return tasks;
}

void ReferenceTable::Release(ObjectId id, const ObjectRecord& record) {
  CHECK(!record.owned && !record.IsInScope());
  if (record.borrowing->registrations == 0 || watch_list_.IsDead(record.owner)) return;
  RemoveBorrower message{id, context_.self, record.borrowing->registrations, {}};
  for (const auto& [sponsor, count] : record.borrowing->sponsors)
    message.sponsored.push_back({sponsor, count});
  context_.Tell(record.owner, std::move(message));
}

void ReferenceTable::CheckInvariants(ExpectedCounts& counts) const {
  for (const auto& [request, registration] : registrations_) {
    if (!registration.held.IsNil()) counts.Add(registration.held, Count::kHeld);
  }
  for (const auto& [id, record] : records_) {
    for (const ObjectRef& reference : *record.inner) counts.Add(reference.id, Count::kContained);
    for (const auto& [address, borrower] : record.lending->borrowers) {
      CHECK(borrower.registrations > 0 && !watch_list_.IsDead(address)) << "object " << id;
      std::uint64_t sponsored = 0;
      for (const auto& [sponsor, made] : borrower.sponsors) {
        CHECK(made.count > 0) << "object " << id;
        CHECK(made.checking || !watch_list_.IsDead(sponsor))
            << "object " << id << " may be held by a registration that nobody knows of";
        sponsored += made.count;
      }
      CHECK(sponsored <= borrower.registrations) << "object " << id;
    }
    std::uint64_t heard = 0;
    for (const auto& [sponsor, count] : record.borrowing->sponsors) heard += count;
    CHECK(heard <= record.borrowing->registrations) << "object " << id;
  }
}

}  // namespace mobula::worker
