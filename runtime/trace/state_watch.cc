// SPDX-License-Identifier: Apache-2.0
#include "runtime/trace/state_watch.h"

#include <algorithm>
#include <vector>

namespace mobula::trace {
namespace {

// What is shown of tables whose rows hold more than a reader wants.

struct ResourcesRow {
  ResourceSet available;
  MOBULA_FIELDS(ResourcesRow, available)
};
struct NodeRow {
  std::string name;
  bool alive = false;
  bool is_head = false;
  ResourceSet total;
  ResourceSet available;
  std::string death_reason;
  MOBULA_FIELDS(NodeRow, name, alive, is_head, total, available, death_reason)
};
struct ActorRow {
  std::string class_name;
  std::string name;
  ActorState state = ActorState::kPending;
  Address worker;
  std::uint32_t incarnation = 0;
  Address owner;
  bool detached = false;
  std::string death_cause;
  MOBULA_FIELDS(ActorRow, class_name, name, state, worker, incarnation, owner, detached,
                death_cause)
};
struct JobRow {
  Address driver;
  bool finished = false;
  MOBULA_FIELDS(JobRow, driver, finished)
};

template <class Tag>
WatchedTable::Key KeyOf(const Id<Tag>& id) {
  return {id.high, id.low};
}
WatchedTable::Key KeyOf(const ObjectId& id) {
  return {id.task.high, MixBits(id.task.low, id.index)};
}
WatchedTable::Key KeyOf(const Address& owner, std::uint64_t request) {
  return {owner.worker.high, MixBits(owner.worker.low, request)};
}

template <class T>
std::vector<T> Unique(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Rows that are the whole table, keyed and named by `id_of`.
template <class Rows, class IdOf>
void PutAll(WatchedTable& table, const Rows& rows, IdOf id_of, Delta& delta) {
  table.StartRound();
  for (const auto& row : rows) table.Put(KeyOf(id_of(row)), id_of(row).Short(), row, delta);
  table.EndRound(delta);
}

}  // namespace

std::string& Delta::Add(std::string_view section, std::string_view key) {
  if (section != section_) {
    text_ += text_.empty() ? "{" : "},";
    section_ = section;
    AppendQuoted(text_, section);
    text_ += ":{";
  } else {
    text_ += ',';
  }
  AppendQuoted(text_, key);
  text_ += ':';
  return text_;
}

std::string Delta::Take() {
  if (!text_.empty()) text_ += "}}";
  section_.clear();
  return std::exchange(text_, {});
}

void WatchedTable::Remove(Key key, Delta& delta) {
  const auto found = records_.find(key);
  if (found == records_.end()) return;
  delta.Add(name_, found->second.text) += "null";
  records_.erase(found);
}

void WatchedTable::EndRound(Delta& delta) {
  for (auto record = records_.begin(); record != records_.end();) {
    if (record->second.round == round_) {
      ++record;
      continue;
    }
    delta.Add(name_, record->second.text) += "null";
    record = records_.erase(record);
  }
}

// A process

void WorkerWatch::Collect(const worker::Worker& machine, Delta& delta) {
  worker::Touched touched = machine.LastTouched();
  for (const ObjectId id : Unique(std::move(touched.objects))) {
    if (const auto view = machine.FindObject(id)) {
      objects_.Put(KeyOf(id), NameOf(id), *view, delta);
    } else {
      objects_.Remove(KeyOf(id), delta);
    }
  }
  for (const TaskId id : Unique(std::move(touched.tasks))) {
    if (const auto view = machine.FindTask(id)) {
      tasks_.Put(KeyOf(id), id.Short(), *view, delta);
    } else {
      tasks_.Remove(KeyOf(id), delta);
    }
  }
  PutAll(leases_, machine.Leases(), [](const auto& row) { return row.lease; }, delta);
  requests_.StartRound();
  for (const worker::LeaseRequestView& row : machine.LeaseRequests()) {
    requests_.Put({row.request, 0}, std::to_string(row.request), row, delta);
  }
  requests_.EndRound(delta);
  PutAll(actors_, machine.CalledActors(), [](const auto& row) { return row.actor; }, delta);
  PutAll(executions_, machine.Executions(), [](const auto& row) { return row.task; }, delta);
}

// A daemon

void NodeWatch::Collect(const node::Node& machine, Delta& delta) {
  const bool is_new = machine.Self() != node_;
  node_ = machine.Self();
  const raylet::Raylet* raylet = machine.FindRaylet();
  if (raylet != nullptr && (is_new || raylet->EventsHandled() != raylet_events_)) {
    raylet_events_ = raylet->EventsHandled();
    CollectRaylet(*raylet, delta);
  }
  CollectLinks(machine, delta);
  const gcs::Gcs* gcs = machine.FindGcs();
  if (gcs != nullptr && (is_new || gcs->EventsHandled() != gcs_events_)) {
    gcs_events_ = gcs->EventsHandled();
    CollectGcs(*gcs, delta);
  } else if (gcs == nullptr && gcs_events_ > 0) {
    // It crashed: what it knew is gone until it is back.
    gcs_events_ = 0;
    for (WatchedTable* table : {&nodes_, &actors_, &jobs_}) {
      table->StartRound();
      table->EndRound(delta);
    }
  }
}

void NodeWatch::CollectRaylet(const raylet::Raylet& raylet, Delta& delta) {
  PutAll(workers_, raylet.Workers(), [](const auto& row) { return row.worker; }, delta);
  PutAll(leases_, raylet.Leases(), [](const auto& row) { return row.lease; }, delta);
  requests_.StartRound();
  for (const raylet::QueuedLeaseView& row : raylet.LeaseRequests()) {
    requests_.Put(KeyOf(row.owner, row.request),
                  NameOf(row.owner) + "#" + std::to_string(row.request), row, delta);
  }
  requests_.EndRound(delta);
  store_.StartRound();
  for (const raylet::StoredObjectView& row : raylet.Objects()) {
    store_.Put(KeyOf(row.object.id), NameOf(row.object.id), row, delta);
  }
  store_.EndRound(delta);
  resources_.Put({0, 0}, "node", ResourcesRow{raylet.Available()}, delta);
}

void NodeWatch::CollectLinks(const node::Node& machine, Delta& delta) {
  PutAll(links_, machine.Links(), [](const auto& row) { return row.peer; }, delta);
}

void NodeWatch::CollectGcs(const gcs::Gcs& gcs, Delta& delta) {
  nodes_.StartRound();
  for (const NodeView& node : gcs.Nodes()) {
    const NodeRow row{node.info.name,  node.alive,     node.info.is_head,
                      node.info.total, node.available, node.death_reason};
    nodes_.Put(KeyOf(node.info.node), node.info.node.Short(), row, delta);
  }
  nodes_.EndRound(delta);
  actors_.StartRound();
  for (const ActorView& actor : gcs.Actors()) {
    const ActorRow row{
        actor.class_name,  actor.name,
        actor.state,       actor.state == ActorState::kAlive ? actor.worker : Address{},
        actor.incarnation, actor.handle.owner,
        actor.detached,    actor.death_cause.message};
    actors_.Put(KeyOf(actor.actor), actor.actor.Short(), row, delta);
  }
  actors_.EndRound(delta);
  jobs_.StartRound();
  for (const JobView& job : gcs.Jobs()) {
    jobs_.Put(KeyOf(job.job), job.job.Short(), JobRow{job.driver, job.finished}, delta);
  }
  jobs_.EndRound(delta);
}

}  // namespace mobula::trace
