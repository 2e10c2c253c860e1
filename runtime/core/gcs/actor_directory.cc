// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/actor_directory.h"

#include "runtime/base/check.h"

namespace mobula::gcs {

void ActorDirectory::Recover(const Rows& rows) {
  for (const auto& [actor, row] : rows.actors) {
    ActorRecord record;
    record.view = row.view;
    const auto creation = rows.creations.find(actor);
    CHECK(record.IsDead() == (creation == rows.creations.end())) << actor << " in the log";
    if (!record.IsDead()) record.creation = creation->second;
    record.lease_request = row.lease_request;
    record.lease_node = row.lease_node;
    record.spill_count = row.spill_count;
    ActorRecord& added = Add(std::move(record));
    if (!row.worker.worker.IsNil()) SetWorker(added, row.worker);
  }
  touched_.clear();
}

void ActorDirectory::FillIn(Rows& rows) const {
  for (const auto& [actor, record] : actors_) {
    rows.actors[actor] = RowOf(record);
    if (!record.IsDead()) rows.creations[actor] = record.creation;
  }
}

ActorRow ActorDirectory::RowOf(const ActorRecord& record) {
  return {record.view, record.lease_request, record.lease_node, record.spill_count, record.worker};
}

void ActorDirectory::LogTouched(Outbox& out) {
  for (const ActorId actor : std::exchange(touched_, {})) out.Log(RowOf(actors_.at(actor)));
}

ActorRecord& ActorDirectory::Add(ActorRecord record) {
  const ActorId actor = record.view.actor;
  const auto waiting = early_subscribers_.find(actor);
  if (waiting != early_subscribers_.end()) {
    record.subscribers = std::move(waiting->second);
    early_subscribers_.erase(waiting);
  }
  const auto [added, is_new] = actors_.emplace(actor, std::move(record));
  CHECK(is_new) << actor << " is registered twice";
  Touch(added->second);
  const ActorView& view = added->second.view;
  if (!added->second.IsDead()) {
    if (!view.name.empty()) {
      CHECK(names_.emplace(std::pair(view.ray_namespace, view.name), actor).second) << view.name;
    }
    if (!view.detached) owned_[added->second.creation.header->owner].insert(actor);
  }
  return added->second;
}

ActorRecord* ActorDirectory::Find(ActorId actor) {
  const auto found = actors_.find(actor);
  return found == actors_.end() ? nullptr : &found->second;
}

ActorRecord* ActorDirectory::FindNamed(const std::string& ray_namespace, const std::string& name) {
  const auto found = names_.find({ray_namespace, name});
  return found == names_.end() ? nullptr : Find(found->second);
}

ActorRecord* ActorDirectory::FindByWorker(WorkerId worker) {
  const auto found = workers_.find(worker);
  return found == workers_.end() ? nullptr : Find(found->second);
}

void ActorDirectory::SetWorker(ActorRecord& record, const Address& worker) {
  CHECK(record.worker.worker.IsNil()) << record.view.actor << " has a worker";
  CHECK(workers_.emplace(worker.worker, record.view.actor).second) << "one worker for two actors";
  record.worker = worker;
  Touch(record);
}

void ActorDirectory::ClearWorker(ActorRecord& record) {
  workers_.erase(record.worker.worker);
  record.worker = Address{};
  Touch(record);
}

void ActorDirectory::Bury(ActorRecord& record) {
  CHECK(record.IsDead() && record.worker.worker.IsNil() && record.lease_request == 0)
      << record.view.actor;
  if (!record.view.name.empty() && !bugs_.Has(Bug::kKeepsActorNames)) {
    names_.erase({record.view.ray_namespace, record.view.name});
  }
  const auto owned = owned_.find(record.creation.header->owner);
  if (owned != owned_.end()) {
    owned->second.erase(record.view.actor);
    if (owned->second.empty()) owned_.erase(owned);
  }
  record.creation = TaskSpec{};
  Touch(record);
}

void ActorDirectory::Publish(const ActorRecord& record, Outbox& out) const {
  for (const Address& subscriber : record.subscribers)
    out.Send(subscriber, ActorUpdate{record.view});
}

void ActorDirectory::Subscribe(const Address& subscriber, ActorId actor, Outbox& out) {
  subscriptions_[subscriber].insert(actor);
  ActorRecord* record = Find(actor);
  if (record == nullptr) {
    early_subscribers_[actor].insert(subscriber);
    return;
  }
  record->subscribers.insert(subscriber);
  out.Send(subscriber, ActorUpdate{record->view});
}

template <class Matches>
void ActorDirectory::DropSubscribers(Matches matches) {
  for (auto entry = subscriptions_.begin(); entry != subscriptions_.end();) {
    if (!matches(entry->first)) {
      ++entry;
      continue;
    }
    for (const ActorId actor : entry->second) {
      if (ActorRecord* record = Find(actor)) {
        record->subscribers.erase(entry->first);
        continue;
      }
      const auto early = early_subscribers_.find(actor);
      early->second.erase(entry->first);
      if (early->second.empty()) early_subscribers_.erase(early);
    }
    entry = subscriptions_.erase(entry);
  }
}

void ActorDirectory::DropSubscriber(WorkerId worker) {
  DropSubscribers([worker](const Address& address) { return address.worker == worker; });
}

void ActorDirectory::DropSubscribersOf(NodeId node) {
  DropSubscribers([node](const Address& address) { return address.node == node; });
}

std::vector<ActorId> ActorDirectory::OwnedBy(WorkerId owner) const {
  std::vector<ActorId> actors;
  for (const auto& [address, owned] : owned_) {
    if (address.worker == owner) actors.insert(actors.end(), owned.begin(), owned.end());
  }
  return actors;
}

std::vector<ActorId> ActorDirectory::OwnedOn(NodeId node) const {
  std::vector<ActorId> actors;
  for (const auto& [address, owned] : owned_) {
    if (address.node == node) actors.insert(actors.end(), owned.begin(), owned.end());
  }
  return actors;
}

std::vector<ActorView> ActorDirectory::Views() const {
  std::vector<ActorView> views;
  for (const auto& [actor, record] : actors_) views.push_back(record.view);
  return views;
}

void ActorDirectory::CheckInvariants() const {
  CHECK(touched_.empty()) << "changed actors are not logged";
  for (const auto& [actor, record] : actors_) {
    CHECK(record.view.actor == actor) << actor;
    const bool has_worker = !record.worker.worker.IsNil();
    CHECK(!has_worker || workers_.at(record.worker.worker) == actor) << actor;
    CHECK(!has_worker || record.lease_request == 0)
        << actor << " has a worker and asks for another";
    CHECK(!record.IsDead() || (!has_worker && record.lease_request == 0)) << actor << " lives on";
    CHECK(record.view.state != ActorState::kAlive || has_worker) << actor << " lives nowhere";
    for (const Address& subscriber : record.subscribers) {
      CHECK(subscriptions_.at(subscriber).contains(actor)) << ToString(subscriber);
    }
  }
  for (const auto& [name, actor] : names_) CHECK(!actors_.at(actor).IsDead()) << name.second;
  for (const auto& [worker, actor] : workers_)
    CHECK(actors_.at(actor).worker.worker == worker) << worker;
  for (const auto& [owner, owned] : owned_) {
    for (const ActorId actor : owned) CHECK(!actors_.at(actor).IsDead()) << actor;
  }
  for (const auto& [actor, waiting] : early_subscribers_) CHECK(!actors_.contains(actor)) << actor;
}

}  // namespace mobula::gcs
