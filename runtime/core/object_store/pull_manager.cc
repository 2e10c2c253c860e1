// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/pull_manager.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace mobula::object_store {

PullManager::PullManager(PullOptions options, ObjectStore& store)
    : options_(options), store_(store), fan_out_(options.fan_out) {
  CHECK(options_.chunk_bytes > 0 && options_.chunks_in_flight > 0);
}

// ---- Fetching -----------------------------------------------------------------------------------

void PullManager::Fetch(Instant now, const Address& client, const FetchObject& message, Sink& out) {
  HandleSuperseded(message.object, out);
  const ObjectId id = message.object.id;
  const Entry* entry = store_.Find(id);
  if (entry != nullptr && entry->object.owner != message.object.owner) {
    store_.Supersede(message.object);
    entry = nullptr;
  }
  if (entry != nullptr && entry->state == ObjectState::kSealed) return Answer(client, *entry, out);
  const auto [pull, is_new] = pulls_.try_emplace(id);
  pull->second.waiters.push_back(client);
  if (is_new) {
    pull->second.number = next_number_++;
    pull->second.object = message.object;
    pull->second.size = message.size;
    numbers_.emplace(pull->second.number, id);
    stalled_.insert(id);
  }
  AddLocations(pull->second, message.locations);
  Advance(now, pull, out);
}

void PullManager::AddLocations(Pull& pull, const std::vector<NodeId>& locations) const {
  for (const NodeId node : locations) {
    const auto is_node = [node](NodeId other) { return other == node; };
    if (std::any_of(pull.locations.begin(), pull.locations.end(), is_node)) continue;
    if (std::any_of(pull.failed_at.begin(), pull.failed_at.end(), is_node)) continue;
    if (std::any_of(pull.busy.begin(), pull.busy.end(), is_node)) continue;
    const bool useless = node == options_.node || dead_.contains(node);
    (useless ? pull.failed_at : pull.locations).push_back(node);
  }
}

void PullManager::Advance(Instant now, Table::iterator found, Sink& out) {
  Pull& pull = found->second;
  if (pull.phase == Phase::kTransferring) return AskChunks(now, pull, out);
  const Entry* entry = store_.Find(pull.object.id);
  if (entry != nullptr && entry->object.owner != pull.object.owner) {
    return Fail(found, NowhereError(pull), out);
  }
  if (entry != nullptr && entry->state == ObjectState::kSealed) return Complete(found, out);
  pull.phase = Phase::kWaiting;
  if (entry != nullptr) {
    const bool on_disk_only = entry->state == ObjectState::kSpilled;
    if (on_disk_only && !store_.StartRestore(pull.object.id, out)) return AwaitRoom(now, pull, out);
    pull.phase = Phase::kLocal;
    pull.give_up_at = {};
    return;
  }
  if (pull.locations.empty()) return Fail(found, NowhereError(pull), out);
  if (!store_.CanHold(pull.size)) return FailForRoom(found, out);
  if (!store_.StartPull(pull.object, pull.size, out)) return AwaitRoom(now, pull, out);
  StartTransfer(now, pull, out);
  if (pull.missing == 0) Complete(found, out);
}

void PullManager::AwaitRoom(Instant now, Pull& pull, Sink& out) {
  if (pull.give_up_at != Instant{}) return;
  pull.give_up_at = now + options_.room_timeout;
  out.StartPullTimer(pull.number, options_.room_timeout);
}

void PullManager::StartTransfer(Instant now, Pull& pull, Sink& out) {
  stalled_.erase(pull.object.id);
  pull.phase = Phase::kTransferring;
  pull.missing = (pull.size + options_.chunk_bytes - 1) / options_.chunk_bytes;
  pull.chunks.assign(pull.missing, Chunk{});
  out.StartPullTimer(pull.number, options_.chunk_timeout);
  AskChunks(now, pull, out);
}

std::uint64_t PullManager::ChunkLength(const Pull& pull, std::size_t index) const {
  return std::min(options_.chunk_bytes, pull.size - index * options_.chunk_bytes);
}

void PullManager::AskChunks(Instant now, Pull& pull, Sink& out) {
  auto in_flight = std::count_if(pull.chunks.begin(), pull.chunks.end(), [](const Chunk& chunk) {
    return !chunk.received && !chunk.asked.IsNil();
  });
  for (std::size_t index = 0; index < pull.chunks.size(); ++index) {
    if (in_flight >= options_.chunks_in_flight) return;
    Chunk& chunk = pull.chunks[index];
    if (chunk.received || !chunk.asked.IsNil()) continue;
    chunk.asked =
        pull.locations.empty() ? pull.relay : pull.locations[pull.turn++ % pull.locations.size()];
    chunk.asked_at = now;
    ++in_flight;
    out.Send(Address::Daemon(chunk.asked),
             RequestChunk{pull.object.id, index * options_.chunk_bytes, ChunkLength(pull, index)});
  }
}

void PullManager::HandleChunkReceived(Instant now, const RequestChunk& range, Sink& out) {
  const auto found = pulls_.find(range.object);
  if (found == pulls_.end() || found->second.phase != Phase::kTransferring) return;
  Pull& pull = found->second;
  const std::uint64_t index = range.offset / options_.chunk_bytes;
  const bool whole = range.offset % options_.chunk_bytes == 0 && index < pull.chunks.size() &&
                     range.length == ChunkLength(pull, index);
  if (!whole) return;
  if (pull.chunks[index].received && !options_.bugs.Has(Bug::kCountsChunksTwice)) return;
  pull.chunks[index].received = true;
  pull.progressed = true;
  ServeArrived(pull, out);
  if (--pull.missing == 0) return Complete(found, out);
  AskChunks(now, pull, out);
}

void PullManager::Complete(Table::iterator found, Sink& out) {
  Pull pull = std::move(found->second);
  stalled_.erase(found->first);
  numbers_.erase(pull.number);
  pulls_.erase(found);
  if (pull.phase == Phase::kTransferring) {
    store_.FinishPull(pull.object.id);
    out.Send(pull.object.owner, ObjectLocationChanged{pull.object.id, options_.node, true});
  }
  for (const Address& waiter : pull.waiters) Answer(waiter, *store_.Find(pull.object.id), out);
}

void PullManager::Answer(const Address& client, const Entry& entry, Sink& out) {
  store_.Pin(client.worker, entry.object.id);
  out.Send(client, ObjectAvailable{entry.object.id, entry.offset, entry.size});
}

// ---- Failing ------------------------------------------------------------------------------------

ErrorInfo PullManager::NowhereError(const Pull& pull) const {
  return ObjectError(ErrorKind::kObjectLost, pull.object.id,
                     "Object " + pull.object.id.Hex() + " could not be fetched: none of the " +
                         std::to_string(pull.failed_at.size()) +
                         " nodes said to hold a copy has one.");
}

void PullManager::Fail(Table::iterator found, const ErrorInfo& error, Sink& out) {
  const Pull& pull = found->second;
  for (const Address& waiter : pull.waiters) {
    out.Send(waiter, ObjectUnavailable{pull.object.id, pull.failed_at, error});
  }
  Erase(found, out);
}

/// The copies elsewhere are as good as ever.
void PullManager::FailForRoom(Table::iterator found, Sink& out) {
  const ErrorInfo error = store_.FullError(found->first, found->second.size);
  found->second.failed_at.clear();
  Fail(found, error, out);
}

void PullManager::Erase(Table::iterator found, Sink& out) {
  const ObjectId object = found->first;
  const bool has_buffer = found->second.phase == Phase::kTransferring;
  std::erase_if(awaited_, [&](const auto& asked) {
    if (asked.second.object != object) return false;
    out.Send(Address::Daemon(asked.first), ChunkUnavailable{object, {}});
    return true;
  });
  numbers_.erase(found->second.number);
  stalled_.erase(object);
  pulls_.erase(found);
  if (has_buffer) store_.AbandonPull(object, out);
}

void PullManager::HandleOwnerDied(WorkerId owner, Sink& out) {
  for (auto pull = pulls_.begin(); pull != pulls_.end();) {
    const auto current = pull++;
    if (current->second.object.owner.worker != owner) continue;
    Fail(current, OwnerDiedError(current->first, owner), out);
  }
}

void PullManager::HandleFreed(const Address& owner, ObjectId object, Sink& out) {
  const auto found = pulls_.find(object);
  if (found == pulls_.end() || found->second.object.owner != owner) return;
  Fail(found,
       ObjectError(ErrorKind::kObjectFreed, object,
                   "Object " + object.Hex() + " was freed by its owner while it was fetched."),
       out);
}

void PullManager::HandleSuperseded(const ObjectRef& object, Sink& out) {
  const auto found = pulls_.find(object.id);
  if (found == pulls_.end() || found->second.object.owner == object.owner) return;
  Fail(found, NowhereError(found->second), out);
}

/// What was asked of that node is asked again, of another.
void PullManager::TakeBack(Pull& pull, NodeId source) {
  for (Chunk& chunk : pull.chunks) {
    if (chunk.asked == source) chunk.asked = NodeId{};
  }
}

void PullManager::LeaveRelay(Pull& pull) {
  pull.relay = NodeId{};
  pull.locations.insert(pull.locations.end(), pull.busy.begin(), pull.busy.end());
  pull.busy.clear();
}

void PullManager::DropLocation(Instant now, Table::iterator found, NodeId node, Sink& out) {
  Pull& pull = found->second;
  const bool is_location = std::erase(pull.locations, node) + std::erase(pull.busy, node) > 0;
  const bool is_relay = pull.relay == node;
  if (!is_location && !is_relay) return;
  if (is_location) pull.failed_at.push_back(node);
  TakeBack(pull, node);
  if (is_relay) LeaveRelay(pull);
  const bool is_over =
      pull.phase == Phase::kTransferring && pull.locations.empty() && pull.busy.empty();
  if (is_over) return Fail(found, NowhereError(pull), out);
  if (pull.locations.empty() && pull.relay.IsNil()) LeaveRelay(pull);
  Advance(now, found, out);
}

void PullManager::AskInstead(Instant now, Table::iterator found, NodeId source, NodeId instead,
                             Sink& out) {
  Pull& pull = found->second;
  // One that is dead: whoever named it will learn that, and is asked again when the timer rings.
  if (pull.phase != Phase::kTransferring || instead == options_.node || dead_.contains(instead))
    return;
  if (std::erase(pull.locations, source) > 0) {
    pull.busy.push_back(source);
  } else if (pull.relay != source) {
    return;
  }
  TakeBack(pull, source);
  if (pull.relay == source || pull.relay.IsNil()) pull.relay = instead;
  AskChunks(now, pull, out);
}

void PullManager::HandleChunkUnavailable(Instant now, NodeId source,
                                         const ChunkUnavailable& message, Sink& out) {
  const auto found = pulls_.find(message.object);
  if (found == pulls_.end()) return;
  if (message.instead.IsNil()) return DropLocation(now, found, source, out);
  AskInstead(now, found, source, message.instead, out);
}

void PullManager::HandleNodeDied(Instant now, NodeId node, Sink& out) {
  dead_.insert(node);
  fan_out_.HandleNodeDied(node);
  for (auto* asked : {&deferred_, &awaited_}) {
    std::erase_if(*asked, [node](const auto& entry) { return entry.first == node; });
  }
  for (auto pull = pulls_.begin(); pull != pulls_.end();) DropLocation(now, pull++, node, out);
}

void PullManager::HandleClientDied(WorkerId client, Sink& out) {
  for (auto pull = pulls_.begin(); pull != pulls_.end();) {
    const auto current = pull++;
    std::erase_if(current->second.waiters,
                  [client](const Address& waiter) { return waiter.worker == client; });
    if (current->second.waiters.empty()) Erase(current, out);
  }
}

void PullManager::HandleTimer(Instant now, std::uint64_t key, Sink& out) {
  const auto number = numbers_.find(key);
  if (number == numbers_.end()) return;
  const auto found = pulls_.find(number->second);
  Pull& pull = found->second;
  if (pull.phase == Phase::kWaiting) {
    // A clock that was slowed down since lets a timer ring early.
    if (now < pull.give_up_at) return out.StartPullTimer(pull.number, pull.give_up_at - now);
    if (!store_.IsMakingRoom()) return FailForRoom(found, out);
    pull.give_up_at = {};
    return AwaitRoom(now, pull, out);
  }
  if (pull.phase != Phase::kTransferring) return;
  for (Chunk& chunk : pull.chunks) {
    const bool late = chunk.asked_at + options_.chunk_timeout <= now;
    if (!chunk.received && late) chunk.asked = NodeId{};
  }
  if (!std::exchange(pull.progressed, false) && !pull.relay.IsNil()) {
    TakeBack(pull, pull.relay);
    LeaveRelay(pull);
  }
  out.StartPullTimer(pull.number, options_.chunk_timeout);
  AskChunks(now, pull, out);
}

void PullManager::HandleRestored(Instant now, const ObjectRestored& event, Sink& out) {
  store_.FinishRestore(event, out);
  const auto found = pulls_.find(event.object);
  if (found != pulls_.end()) Advance(now, found, out);
  store_.ServeWaiting(out);
}

// ---- After other changes, and for peers ---------------------------------------------------------

void PullManager::Update(Instant now, Sink& out) {
  const std::vector<ObjectId> stalled(stalled_.begin(), stalled_.end());
  for (const ObjectId object : stalled) {
    const auto found = pulls_.find(object);
    if (found != pulls_.end()) Advance(now, found, out);
  }
  ServeDeferred(now, out);
}

void PullManager::ServeDeferred(Instant now, Sink& out) {
  const auto deferred = std::exchange(deferred_, {});
  for (const auto& [peer, range] : deferred) Serve(now, peer, range, out);
}

void PullManager::Serve(Instant now, NodeId peer, const RequestChunk& range, Sink& out) {
  const Entry* entry = store_.Find(range.object);
  if (entry != nullptr && entry->state == ObjectState::kWriting) {
    deferred_.emplace_back(peer, range);
    return;
  }
  const bool has_bytes = entry != nullptr &&
                         (entry->state == ObjectState::kSealed || entry->on_disk ||
                          entry->state == ObjectState::kPulling) &&
                         range.offset <= entry->size && range.length <= entry->size - range.offset;
  if (!has_bytes) return out.Send(Address::Daemon(peer), ChunkUnavailable{range.object, {}});
  const NodeId instead = fan_out_.Admit(now, peer, range.object, entry->size, range.length);
  if (!instead.IsNil()) {
    return out.Send(Address::Daemon(peer), ChunkUnavailable{range.object, instead});
  }
  if (entry->state == ObjectState::kPulling) {
    const std::pair<NodeId, RequestChunk> asked{peer, range};
    // Asked again, because it takes long.
    if (std::ranges::find(awaited_, asked) == awaited_.end()) awaited_.push_back(asked);
    return ServeArrived(pulls_.at(range.object), out);
  }
  if (entry->state != ObjectState::kSealed) {
    return out.SendChunk(peer, range, entry->on_disk->offset, entry->on_disk->file);
  }
  out.SendChunk(peer, range, entry->offset, 0);
  store_.Touch(range.object);
}

bool PullManager::HasArrived(const Pull& pull, const RequestChunk& range) const {
  for (std::uint64_t at = range.offset; at < range.offset + range.length;) {
    const std::size_t index = at / options_.chunk_bytes;
    if (!pull.chunks[index].received) return false;
    at = (index + 1) * options_.chunk_bytes;
  }
  return true;
}

void PullManager::ServeArrived(const Pull& pull, Sink& out) {
  const std::uint64_t offset = store_.Find(pull.object.id)->offset;
  std::erase_if(awaited_, [&](const auto& asked) {
    const auto& [peer, range] = asked;
    if (range.object != pull.object.id || !HasArrived(pull, range)) return false;
    out.SendChunk(peer, range, offset, 0);
    return true;
  });
}

void PullManager::HandleSpilledChunkLost(const SpilledChunkLost& event, Sink& out) {
  store_.LoseOnDisk(event.object, event.file, out);
  out.Send(Address::Daemon(event.target), ChunkUnavailable{event.object, {}});
}

void PullManager::CheckInvariants() const {
  CHECK(numbers_.size() == pulls_.size());
  for (const auto& [id, pull] : pulls_) {
    const bool transferring = pull.phase == Phase::kTransferring;
    CHECK(!pull.waiters.empty()) << id << " is pulled for nobody";
    CHECK(stalled_.contains(id) == !transferring) << id;
    CHECK(!transferring || !pull.locations.empty() || !pull.relay.IsNil())
        << id << " is pulled from nowhere";
    const Entry* entry = store_.Find(id);
    CHECK(!transferring || (entry != nullptr && entry->state == ObjectState::kPulling)) << id;
    const auto missing = std::count_if(pull.chunks.begin(), pull.chunks.end(),
                                       [](const Chunk& chunk) { return !chunk.received; });
    CHECK(static_cast<std::size_t>(missing) == pull.missing) << id;
  }
  for (const auto& [id, entry] : store_.Entries()) {
    CHECK(entry.state != ObjectState::kPulling || pulls_.contains(id)) << id << " has no pull";
  }
  for (const auto& [peer, range] : awaited_) {
    CHECK(pulls_.contains(range.object)) << range.object << " will never come for " << peer;
  }
}

}  // namespace mobula::object_store
