// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/object_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::object_store {
namespace {

void DropPin(Entry& entry, WorkerId client) {
  const auto pin = entry.pins.find(client);
  if (pin == entry.pins.end()) return;
  if (--pin->second == 0) entry.pins.erase(pin);
}

/// Its writer is done with it.
void Complete(Entry& entry) {
  entry.state = ObjectState::kSealed;
  entry.writer = WorkerId{};
}

}  // namespace

ObjectStore::ObjectStore(Options options)
    : options_(std::move(options)),
      allocator_(options_.capacity, options_.alignment),
      spills_(options_.spill) {}

// ---- Creating -----------------------------------------------------------------------------------

void ObjectStore::Create(const Address& client, const CreateObject& message, Sink& out) {
  CHECK(!client.worker.IsNil()) << "only processes create objects";
  if (AnswerExisting(client, message, out)) return;
  if (!CanHold(message.size)) {
    out.Send(client, ObjectCreated{message.request, message.object.id, 0,
                                   FullError(message.object.id, message.size)});
    return;
  }
  if (waiting_.IsEmpty() && TryCreate(client, message, out)) return;
  out.StartCreateTimer(waiting_.Add({client, message}), options_.create_timeout);
}

bool ObjectStore::AnswerExisting(const Address& client, const CreateObject& message, Sink& out) {
  Supersede(message.object);
  const auto found = entries_.find(message.object.id);
  if (found == entries_.end()) return false;
  // The value is here or on its way here, so this node counts as its home from now on.
  found->second.primary = true;
  Settle(found);
  const ObjectId id = message.object.id;
  out.Send(client, ObjectCreated{message.request, id, 0,
                                 ObjectError(ErrorKind::kInvalid, id,
                                             "Object " + id.Hex() + " exists already on node " +
                                                 options_.node_name + ".")});
  return true;
}

bool ObjectStore::TryCreate(const Address& client, const CreateObject& message, Sink& out) {
  const auto offset = AllocateEvicting(message.size, out);
  if (!offset) return false;
  Entry& entry = Add(message.object, *offset, message.size);
  entry.writer = client.worker;
  entry.primary = true;
  room_asked_ = false;
  out.Send(client, ObjectCreated{message.request, message.object.id, *offset, {}});
  return true;
}

Entry& ObjectStore::Add(const ObjectRef& object, std::uint64_t offset, std::uint64_t size) {
  Entry& entry = entries_[object.id];
  entry.object = object;
  entry.copy = ++copies_;
  entry.offset = offset;
  entry.size = size;
  return entry;
}

std::optional<std::uint64_t> ObjectStore::AllocateEvicting(std::uint64_t size, Sink& out) {
  const std::uint64_t firmly_used = allocator_.Used() - evictable_bytes_;
  if (allocator_.Rounded(size) <= allocator_.Capacity() - firmly_used) {
    while (true) {
      if (const auto offset = allocator_.Allocate(size)) return offset;
      if (evictable_.empty()) break;
      EvictOldest(out);
    }
  }
  needs_room_ = true;
  return std::nullopt;
}

void ObjectStore::EvictOldest(Sink& out) {
  const auto oldest = entries_.find(evictable_.begin()->second);
  if (!oldest->second.on_disk) return Lose(oldest, out);
  TakeFromOrders(oldest->second);
  allocator_.Free(oldest->second.offset);
  oldest->second.state = ObjectState::kSpilled;
}

void ObjectStore::Lose(Table::iterator entry, Sink& out) {
  const ObjectRef object = entry->second.object;
  Remove(entry);
  out.Send(object.owner, ObjectLocationChanged{object.id, options_.node, /*added=*/false});
}

void ObjectStore::ServeWaiting(Sink& out) {
  while (!waiting_.IsEmpty()) {
    const PendingCreate front = waiting_.Front();
    if (!AnswerExisting(front.client, front.message, out) &&
        !TryCreate(front.client, front.message, out)) {
      return;
    }
    waiting_.PopFront();
  }
}

void ObjectStore::HandleCreateTimer(std::uint64_t key, Sink& out) {
  if (IsMakingRoom() && waiting_.Has(key)) {
    return out.StartCreateTimer(key, options_.create_timeout);
  }
  const PendingCreate late = waiting_.Take(key);
  if (late.client.worker.IsNil()) return;
  const ObjectId object = late.message.object.id;
  out.Send(late.client,
           ObjectCreated{late.message.request, object, 0, FullError(object, late.message.size)});
  ServeWaiting(out);
}

bool ObjectStore::Seal(WorkerId client, ObjectId object, Sink& out) {
  const auto found = entries_.find(object);
  if (found == entries_.end() || found->second.writer != client) return false;
  Complete(found->second);
  const bool stays = !found->second.doomed;
  Settle(found);
  ServeWaiting(out);
  return stays;
}

bool ObjectStore::IsPinned(ObjectId object, WorkerId client) const {
  const Entry* entry = Find(object);
  if (entry != nullptr && entry->pins.contains(client)) return true;
  return std::ranges::any_of(aside_, [&](const Entry& other) {
    return other.object.id == object && other.pins.contains(client);
  });
}

bool ObjectStore::CanHold(std::uint64_t size) const {
  return size <= allocator_.Capacity() && allocator_.Rounded(size) <= allocator_.Capacity();
}

ErrorInfo ObjectStore::FullError(ObjectId object, std::uint64_t size) const {
  std::uint64_t primary = 0;
  std::uint64_t pinned = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.primary && entry.HasBuffer()) primary += entry.size;
    if (!entry.pins.empty()) pinned += entry.size;
  }
  const std::string& failure = Spilling().failure;
  const bool disk_is_to_blame = CanHold(size) && !failure.empty() && !spillable_.empty();
  std::string message = "No room for object " + object.Hex() + " of " + std::to_string(size) +
                        " bytes in the object store of node " + options_.node_name + ": capacity " +
                        std::to_string(allocator_.Capacity()) + " bytes, in use " +
                        std::to_string(allocator_.Used()) + ", of which " +
                        std::to_string(primary) + " are objects still referenced and " +
                        std::to_string(pinned) + " are mapped by processes; largest free range " +
                        std::to_string(allocator_.LargestFree()) + ". ";
  if (disk_is_to_blame) {
    message += "Objects cannot be spilled to disk to make room: " + failure +
               ". Make room on that disk, start the node with another spill directory, drop "
               "references to large objects, or add nodes.";
    return ObjectError(ErrorKind::kOutOfDisk, object, std::move(message));
  }
  message += !CanHold(size) ? "It is larger than the whole store: start the node with a larger "
                              "object_store_memory, or split the object."
                            : "Drop references to large objects, start the node with a larger "
                              "object_store_memory, or add nodes.";
  return ObjectError(ErrorKind::kObjectStoreFull, object, std::move(message));
}

// ---- Use and end --------------------------------------------------------------------------------

void ObjectStore::Pin(WorkerId client, ObjectId object) {
  const auto found = entries_.find(object);
  CHECK(found != entries_.end() && found->second.state == ObjectState::kSealed)
      << "pin of " << object << ", which is not complete here";
  ++found->second.pins[client];
  room_asked_ = false;
  Settle(found);
}

void ObjectStore::Release(WorkerId client, ObjectId object, Sink& out) {
  // A client that maps both incarnations of an id lets go of the older one first.
  const auto aside = std::find_if(aside_.begin(), aside_.end(), [&](const Entry& entry) {
    return entry.object.id == object && entry.pins.contains(client);
  });
  const auto found = entries_.find(object);
  if (aside != aside_.end()) {
    DropPin(*aside, client);
    DropUnusedAside();
  } else if (found != entries_.end()) {
    DropPin(found->second, client);
    if (options_.bugs.Has(Bug::kDropsAllPins)) found->second.pins.clear();
    Settle(found);
  }
  ServeWaiting(out);
}

void ObjectStore::Free(const Address& owner, ObjectId object, Sink& out) {
  const auto found = entries_.find(object);
  if (found == entries_.end() || found->second.object.owner != owner) return;
  // What is put is written by its owner, who is done with that and need not say so before.
  if (object.IsPut() && found->second.writer == owner.worker) Complete(found->second);
  found->second.doomed = true;
  Settle(found);
  ServeWaiting(out);
}

void ObjectStore::FreeItems(const Address& owner, ObjectId first, Sink& out) {
  for (auto entry = entries_.lower_bound(first); entry != entries_.end();) {
    const auto current = entry++;
    const ObjectId id = current->first;
    if (id.task != first.task || id.IsPut()) break;
    if (current->second.object.owner != owner || current->second.state == ObjectState::kWriting)
      continue;
    current->second.doomed = true;
    Settle(current);
  }
  ServeWaiting(out);
}

void ObjectStore::HandleClientDied(WorkerId client, Sink& out) {
  waiting_.RemoveClient(client);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto current = entry++;
    if (current->second.writer == client) {
      Remove(current);
    } else if (current->second.pins.erase(client) > 0) {
      Settle(current);
    }
  }
  for (Entry& entry : aside_) entry.pins.erase(client);
  DropUnusedAside();
  ServeWaiting(out);
}

void ObjectStore::HandleOwnerDied(WorkerId owner, Sink& out) {
  for (const PendingCreate& create : waiting_.TakeOwnedBy(owner)) {
    const ObjectId object = create.message.object.id;
    out.Send(create.client,
             ObjectCreated{create.message.request, object, 0, OwnerDiedError(object, owner)});
  }
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto current = entry++;
    if (current->second.object.owner.worker != owner) continue;
    current->second.doomed = true;
    Settle(current);
  }
  ServeWaiting(out);
}

void ObjectStore::Settle(Table::iterator found) {
  Entry& entry = found->second;
  TakeFromOrders(entry);
  const bool complete = entry.state == ObjectState::kSealed || entry.state == ObjectState::kSpilled;
  if (!complete || entry.IsInUse()) return;
  if (entry.doomed) return Remove(found);
  if (!entry.HasBuffer()) return;
  entry.last_use = ++uses_;
  if (entry.primary && !entry.on_disk) {
    spillable_.emplace(entry.last_use, entry.object.id);
  } else {
    evictable_.emplace(entry.last_use, entry.object.id);
    evictable_bytes_ += allocator_.Rounded(entry.size);
  }
}

void ObjectStore::TakeFromOrders(const Entry& entry) {
  spillable_.erase(entry.last_use);
  if (evictable_.erase(entry.last_use) > 0) evictable_bytes_ -= allocator_.Rounded(entry.size);
}

void ObjectStore::Remove(Table::iterator entry) {
  TakeFromOrders(entry->second);
  GiveBack(entry->second);
  entries_.erase(entry);
}

void ObjectStore::GiveBack(const Entry& entry) {
  if (entry.HasBuffer()) allocator_.Free(entry.offset);
  if (entry.on_disk) spills_.DropCopy(*entry.on_disk);
}

void ObjectStore::Supersede(const ObjectRef& object) {
  const auto found = entries_.find(object.id);
  if (found == entries_.end()) return;
  if (!found->second.doomed && found->second.object.owner == object.owner) return;
  CHECK(found->second.state != ObjectState::kPulling) << object.id << " is being pulled";
  MoveAside(found);
}

void ObjectStore::MoveAside(Table::iterator found) {
  TakeFromOrders(found->second);
  Entry entry = std::move(found->second);
  entries_.erase(found);
  // A writer that still fills the old buffer keeps it like a reader, until it exits.
  if (!entry.writer.IsNil()) ++entry.pins[entry.writer];
  entry.doomed = true;
  aside_.push_back(std::move(entry));
  DropUnusedAside();
}

void ObjectStore::DropUnusedAside() {
  std::erase_if(aside_, [this](const Entry& entry) {
    if (!entry.IsInUse()) GiveBack(entry);
    return !entry.IsInUse();
  });
}

// ---- On disk ------------------------------------------------------------------------------------

void ObjectStore::UseDisk(Sink& out) {
  spills_.DeleteUnused(out);
  if (!std::exchange(needs_room_, false)) return;
  if (spills_.MayWrite() && !spillable_.empty()) {
    Spill(out);
  } else if (!IsMakingRoom()) {
    AskForRoom(out);
  }
}

void ObjectStore::AskForRoom(Sink& out) {
  if (std::exchange(room_asked_, true)) return;
  std::set<WorkerId> users;
  for (const auto& [id, entry] : entries_) {
    for (const auto& [client, count] : entry.pins) users.insert(client);
    if (!entry.writer.IsNil()) users.insert(entry.writer);
  }
  for (const WorkerId user : users) out.Send({options_.node, user}, RoomWanted{});
}

void ObjectStore::Spill(Sink& out) {
  CHECK(spilling_.empty());
  std::vector<SpillPart> parts;
  std::uint64_t bytes = 0;
  while (!spillable_.empty() && (parts.empty() || !spills_.IsFileFull(parts.size(), bytes))) {
    const auto found = entries_.find(spillable_.begin()->second);
    Entry& entry = found->second;
    entry.disk_at_work = true;
    Settle(found);
    spilling_.emplace_back(entry.object.id, entry.copy);
    parts.push_back({entry.object.id, entry.offset, entry.size});
    bytes += entry.size;
  }
  spills_.Begin(std::move(parts), out);
}

void ObjectStore::HandleSpilled(const ObjectsSpilled& event, Sink& out) {
  const std::vector<DiskPlace> places = spills_.End(event, out);
  const auto spilled = std::exchange(spilling_, {});
  for (std::size_t i = 0; i < spilled.size(); ++i) {
    const auto& [object, copy] = spilled[i];
    Entry& entry = EndDiskWork(object, copy);
    if (!places.empty()) entry.on_disk = places[i];
    SettleAfterDisk(object, copy);
  }
  ServeWaiting(out);
}

ObjectStore::Table::iterator ObjectStore::FindCopy(ObjectId object, std::uint64_t copy) {
  const auto found = entries_.find(object);
  return found != entries_.end() && found->second.copy == copy ? found : entries_.end();
}

Entry& ObjectStore::EndDiskWork(ObjectId object, std::uint64_t copy) {
  const auto found = FindCopy(object, copy);
  Entry* entry = found != entries_.end() ? &found->second : nullptr;
  if (entry == nullptr) {
    const auto aside = std::ranges::find(aside_, copy, &Entry::copy);
    CHECK(aside != aside_.end()) << object << " was let go while the disk was at work on it";
    entry = &*aside;
  }
  CHECK(entry->disk_at_work) << object;
  entry->disk_at_work = false;
  return *entry;
}

void ObjectStore::SettleAfterDisk(ObjectId object, std::uint64_t copy) {
  const auto found = FindCopy(object, copy);
  if (found != entries_.end()) {
    Settle(found);
  } else {
    DropUnusedAside();
  }
}

void ObjectStore::HandleSpillTimer(Sink& out) {
  spills_.HandleRetryTimer();
  ServeWaiting(out);
}

bool ObjectStore::StartRestore(ObjectId object, Sink& out) {
  const auto found = entries_.find(object);
  CHECK(found != entries_.end() && found->second.state == ObjectState::kSpilled) << object;
  Entry& entry = found->second;
  const auto offset = AllocateEvicting(entry.size, out);
  if (!offset) return false;
  entry.offset = *offset;
  entry.state = ObjectState::kRestoring;
  entry.disk_at_work = true;
  out.Restore(
      {object, entry.copy, entry.on_disk->file, entry.on_disk->offset, entry.size, entry.offset});
  return true;
}

void ObjectStore::FinishRestore(const ObjectRestored& event, Sink& out) {
  Entry& entry = EndDiskWork(event.object, event.copy);
  entry.state = ObjectState::kSealed;
  const auto found = FindCopy(event.object, event.copy);
  if (event.failure.empty()) {
    spills_.NoteRestored(entry.size);
  } else if (found != entries_.end()) {
    return Lose(found, out);
  }
  SettleAfterDisk(event.object, event.copy);
}

void ObjectStore::LoseOnDisk(ObjectId object, std::uint64_t file, Sink& out) {
  const auto found = entries_.find(object);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (!entry.on_disk || entry.on_disk->file != file) return;
  if (entry.state == ObjectState::kSpilled) return Lose(found, out);
  // A restore that is under way finds out by itself.
  if (entry.state != ObjectState::kSealed) return;
  spills_.DropCopy(*std::exchange(entry.on_disk, std::nullopt));
  Settle(found);
}

// ---- Copies from other nodes --------------------------------------------------------------------

bool ObjectStore::StartPull(const ObjectRef& object, std::uint64_t size, Sink& out) {
  CHECK(Find(object.id) == nullptr) << object.id << " is here already";
  if (!waiting_.IsEmpty()) return false;
  const auto offset = AllocateEvicting(size, out);
  if (!offset) return false;
  Add(object, *offset, size).state = ObjectState::kPulling;
  return true;
}

void ObjectStore::FinishPull(ObjectId object) {
  const auto found = entries_.find(object);
  CHECK(found != entries_.end() && found->second.state == ObjectState::kPulling) << object;
  found->second.state = ObjectState::kSealed;
  Settle(found);
}

void ObjectStore::AbandonPull(ObjectId object, Sink& out) {
  const auto found = entries_.find(object);
  CHECK(found != entries_.end() && found->second.state == ObjectState::kPulling) << object;
  Remove(found);
  ServeWaiting(out);
}

void ObjectStore::Touch(ObjectId object) {
  const auto found = entries_.find(object);
  if (found != entries_.end()) Settle(found);
}

void ObjectStore::DiscardFree(std::uint64_t size_min, Sink& out) const {
  for (const auto& [offset, size] : allocator_.FreeRanges()) {
    if (size >= size_min) out.DiscardMemory(offset, size);
  }
}

const Entry* ObjectStore::Find(ObjectId object) const {
  const auto found = entries_.find(object);
  return found == entries_.end() ? nullptr : &found->second;
}

void ObjectStore::CheckInvariants() const {
  allocator_.CheckInvariants();
  spills_.CheckInvariants();
  std::map<std::uint64_t, std::uint64_t> ranges;
  std::map<std::uint64_t, std::size_t> files;
  std::uint64_t evictable = 0;
  std::size_t ordered = 0;
  const auto add_places = [&](const Entry& entry) {
    if (entry.on_disk) ++files[entry.on_disk->file];
    CHECK(entry.HasBuffer() || entry.on_disk) << entry.object.id << " is nowhere";
    if (!entry.HasBuffer()) return;
    CHECK(ranges.emplace(entry.offset, allocator_.Rounded(entry.size)).second) << entry.object.id;
  };
  for (const auto& [id, entry] : entries_) {
    add_places(entry);
    const bool sealed = entry.state == ObjectState::kSealed;
    const bool idle = sealed && !entry.IsInUse();
    const bool needs_disk = entry.primary && !entry.on_disk;
    CHECK((entry.state == ObjectState::kWriting) == !entry.writer.IsNil()) << id;
    CHECK(sealed || entry.pins.empty()) << id << " pinned unsealed";
    CHECK(entry.state != ObjectState::kRestoring || entry.disk_at_work) << id;
    CHECK(evictable_.contains(entry.last_use) == (idle && !needs_disk)) << id;
    CHECK(spillable_.contains(entry.last_use) == (idle && needs_disk)) << id;
    CHECK(!(entry.doomed && (idle || !entry.HasBuffer()))) << id << " is kept for nobody";
    if (idle && !needs_disk) evictable += allocator_.Rounded(entry.size);
    if (idle) ++ordered;
  }
  CHECK(evictable == evictable_bytes_);
  CHECK(ordered == evictable_.size() + spillable_.size());
  for (const Entry& entry : aside_) {
    add_places(entry);
    CHECK(entry.IsInUse()) << entry.object.id << " was put aside and nobody uses it";
  }
  CHECK(files == spills_.Files()) << "files are kept for others than those that are there";
  std::uint64_t used = 0;
  std::uint64_t end = 0;
  for (const auto& [offset, size] : ranges) {
    CHECK(offset >= end) << "ranges overlap at " << offset;
    end = offset + size;
    used += size;
  }
  CHECK(end <= allocator_.Capacity() && used == allocator_.Used());
}

}  // namespace mobula::object_store
