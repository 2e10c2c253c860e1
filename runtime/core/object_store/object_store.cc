// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/object_store.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::object_store {
namespace {

void DropPin(Entry& entry, WorkerId client) {
  const auto pin = entry.pins.find(client);
  if (pin == entry.pins.end()) return;
  if (--pin->second == 0) entry.pins.erase(pin);
}

}  // namespace

ObjectStore::ObjectStore(Options options)
    : options_(std::move(options)), allocator_(options_.capacity, options_.alignment) {}

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
  out.Send(client, ObjectCreated{message.request, message.object.id, *offset, {}});
  return true;
}

Entry& ObjectStore::Add(const ObjectRef& object, std::uint64_t offset, std::uint64_t size) {
  Entry& entry = entries_[object.id];
  entry.object = object;
  entry.offset = offset;
  entry.size = size;
  return entry;
}

std::optional<std::uint64_t> ObjectStore::AllocateEvicting(std::uint64_t size, Sink& out) {
  const std::uint64_t firmly_used = allocator_.Used() - evictable_bytes_;
  if (allocator_.Rounded(size) > allocator_.Capacity() - firmly_used) return std::nullopt;
  while (true) {
    if (const auto offset = allocator_.Allocate(size)) return offset;
    if (evictable_.empty()) return std::nullopt;
    EvictOldest(out);
  }
}

void ObjectStore::EvictOldest(Sink& out) {
  const auto oldest = entries_.find(evictable_.begin()->second);
  const ObjectRef object = oldest->second.object;
  Remove(oldest);
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
  found->second.state = ObjectState::kSealed;
  found->second.writer = WorkerId{};
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
    if (entry.primary) primary += entry.size;
    if (!entry.pins.empty()) pinned += entry.size;
  }
  std::string message = "No room for object " + object.Hex() + " of " + std::to_string(size) +
                        " bytes in the object store of node " + options_.node_name + ": capacity " +
                        std::to_string(allocator_.Capacity()) + " bytes, in use " +
                        std::to_string(allocator_.Used()) + ", of which " +
                        std::to_string(primary) + " are objects still referenced and " +
                        std::to_string(pinned) + " are mapped by processes; largest free range " +
                        std::to_string(allocator_.LargestFree()) + ". ";
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
  found->second.doomed = true;
  Settle(found);
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
  TakeFromEvictable(entry);
  if (entry.state != ObjectState::kSealed || !entry.pins.empty()) return;
  if (entry.doomed) {
    Remove(found);
  } else if (!entry.primary) {
    entry.last_use = ++uses_;
    evictable_.emplace(entry.last_use, entry.object.id);
    evictable_bytes_ += allocator_.Rounded(entry.size);
  }
}

void ObjectStore::TakeFromEvictable(const Entry& entry) {
  if (evictable_.erase(entry.last_use) > 0) evictable_bytes_ -= allocator_.Rounded(entry.size);
}

void ObjectStore::Remove(Table::iterator entry) {
  TakeFromEvictable(entry->second);
  allocator_.Free(entry->second.offset);
  entries_.erase(entry);
}

void ObjectStore::Supersede(const ObjectRef& object) {
  const auto found = entries_.find(object.id);
  if (found == entries_.end()) return;
  if (!found->second.doomed && found->second.object.owner == object.owner) return;
  CHECK(found->second.state != ObjectState::kPulling) << object.id << " is being pulled";
  MoveAside(found);
}

void ObjectStore::MoveAside(Table::iterator found) {
  TakeFromEvictable(found->second);
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
    if (entry.pins.empty()) allocator_.Free(entry.offset);
    return entry.pins.empty();
  });
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
  std::map<std::uint64_t, std::uint64_t> ranges;
  std::uint64_t evictable = 0;
  const auto add_range = [&](const Entry& entry) {
    CHECK(ranges.emplace(entry.offset, allocator_.Rounded(entry.size)).second) << entry.object.id;
  };
  for (const auto& [id, entry] : entries_) {
    add_range(entry);
    CHECK((entry.state == ObjectState::kWriting) == !entry.writer.IsNil()) << id;
    CHECK(entry.state == ObjectState::kSealed || entry.pins.empty()) << id << " pinned unsealed";
    const bool in_order = evictable_.contains(entry.last_use);
    const bool may_go = entry.state == ObjectState::kSealed && entry.pins.empty() && !entry.primary;
    CHECK(in_order == may_go) << id;
    CHECK(!(entry.doomed && entry.pins.empty() && entry.state == ObjectState::kSealed)) << id;
    if (in_order) evictable += allocator_.Rounded(entry.size);
  }
  CHECK(evictable == evictable_bytes_);
  for (const Entry& entry : aside_) {
    add_range(entry);
    CHECK(!entry.pins.empty()) << entry.object.id << " was put aside and nobody uses it";
  }
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
