// SPDX-License-Identifier: Apache-2.0
// What the parts of the machine show of themselves.
#include "runtime/core/worker/views.h"

#include <algorithm>

#include "runtime/core/worker/executor.h"
#include "runtime/core/worker/task_manager.h"

namespace mobula::worker {

// Objects

ObjectView ViewOf(const ObjectRecord& record) {
  ObjectView view;
  view.owner = record.owner;
  view.owned = record.owned;
  view.phase = record.status.phase;
  if (record.status.phase == ObjectPhase::kInline) {
    view.kind = record.status.value.kind;
    view.size = record.status.value.data.Size();
  } else if (record.status.phase == ObjectPhase::kStored) {
    view.kind = record.status.kind;
    view.size = record.status.size;
    view.locations = record.status.locations;
    view.lost = record.IsLost();
  }
  view.local = record.Of(Count::kLocal);
  view.submitted = record.Of(Count::kSubmitted);
  view.contained = record.Of(Count::kContained);
  view.held = record.Of(Count::kHeld);
  view.executing = record.Of(Count::kExecuting);
  view.lineage = record.Of(Count::kLineage);
  for (const auto& [borrower, known] : record.lending->borrowers) {
    view.borrowers.push_back({borrower, known.registrations});
  }
  view.registrations = record.borrowing->registrations;
  view.registering = record.borrowing->registering;
  for (const ObjectRef& inner : *record.inner) view.contains.push_back(inner.id);
  view.lineage_evicted = record.lineage_evicted;
  view.waiters =
      static_cast<std::uint32_t>(record.status_waiters.size() + record.local_waiters->size());
  view.askers = static_cast<std::uint32_t>(record.lending->askers.size());
  view.actor = *record.actor;
  return view;
}

// Tasks submitted here

std::optional<TaskView> TaskManager::Find(TaskId id) const {
  const auto entry = tasks_.find(id);
  if (entry == tasks_.end()) return std::nullopt;
  const Task& task = entry->second;
  TaskView view;
  view.name = task.spec.header->name;
  view.task_kind = task.spec.header->kind;
  switch (task.state) {
    case State::kWaiting:
      view.state = "waiting for arguments";
      break;
    case State::kQueued:
      view.state = task.spec.header->kind == TaskKind::kActorCall ? "waiting for its actor"
                                                                  : "waiting for a lease";
      break;
    case State::kPushed:
      view.state = "pushed";
      break;
    case State::kCreating:
      view.state = "creates an actor";
      break;
    case State::kFinished:
      view.state = "kept as lineage";
      view.lineage_bytes = task.place->bytes;
      break;
  }
  view.attempt = task.spec.attempt;
  const std::int64_t left = std::int64_t{task.spec.header->max_retries} - task.spec.attempt;
  view.retries_left = task.spec.header->max_retries < 0
                          ? -1
                          : static_cast<std::int32_t>(std::max<std::int64_t>(left, 0));
  view.worker = task.worker;
  view.unresolved = task.unresolved;
  for (const TaskArgument& argument : task.spec.arguments) {
    if (argument.IsReference()) view.arguments.push_back(argument.reference->id);
    for (const ObjectRef& inner : argument.contained) view.arguments.push_back(inner.id);
  }
  view.cancelled = task.cancelled;
  view.stored_returns = task.stored_returns;
  view.actor = task.spec.header->actor;
  return view;
}

std::vector<TaskId> TaskManager::Touched() const {
  if (!tasks_.AllTouched()) return tasks_.Touched();
  std::vector<TaskId> all = tasks_.Touched();
  for (const auto& [id, task] : tasks_) all.push_back(id);
  return all;
}

// Leases held here

std::vector<LeaseView> LeaseClient::Leases() const {
  std::vector<LeaseView> views;
  for (const auto& [id, lease] : leases_) {
    LeaseView view{id, lease.worker, lease.raylet, "open", {}};
    if (lease.reclaimed) {
      view.state = "reclaimed";
    } else if (lease.blocked) {
      view.state = "blocked";
    } else if (lease.in_flight.empty()) {
      view.state = "idle";
    }
    view.in_flight.assign(lease.in_flight.begin(), lease.in_flight.end());
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<LeaseRequestView> LeaseClient::Requests() const {
  std::vector<LeaseRequestView> views;
  for (const auto& [number, index] : requests_) {
    const Request& request = classes_[index].requests.at(number);
    views.push_back({number, request.raylet, request.message.name, request.message.backlog});
  }
  return views;
}

// Actors called from here

std::vector<CalledActorView> ActorClient::Views() const {
  std::vector<CalledActorView> views;
  for (const auto& [id, actor] : actors_) {
    CalledActorView view;
    view.actor = id;
    view.class_name = actor.view.class_name;
    view.name = actor.view.name;
    view.state = actor.view.state;
    if (actor.view.state == ActorState::kAlive) view.worker = actor.view.worker;
    view.incarnation = actor.view.incarnation;
    view.unreachable = actor.unreachable;
    for (const auto& [caller, queue] : actor.waiting) view.waiting += queue.size();
    for (const auto& [order, task] : actor.in_flight) view.in_flight.push_back(task);
    views.push_back(std::move(view));
  }
  return views;
}

// Tasks pushed to this process

std::vector<ExecutionView> Executor::Views() const {
  std::vector<ExecutionView> views;
  for (const auto& [id, task] : tasks_) {
    ExecutionView view;
    view.task = id;
    view.attempt = task.spec.attempt;
    view.name = task.spec.header->name;
    view.task_kind = task.spec.header->kind;
    view.actor = task.spec.header->actor;
    switch (task.state) {
      case State::kQueued:
        view.state = "queued";
        break;
      case State::kRunning:
        view.state = "running";
        break;
      case State::kFinishing:
        view.state = "finishing";
        break;
    }
    view.sender = task.sender;
    view.missing_arguments = task.missing_arguments;
    view.acknowledgements_missing = task.acknowledgements_missing;
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace mobula::worker
