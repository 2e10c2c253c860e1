// SPDX-License-Identifier: Apache-2.0
// What the task manager does when tasks do not simply run: deaths, lost objects, cancellation, and
// the lives of actors.
#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"
#include "runtime/core/worker/task_manager.h"

namespace mobula::worker {
namespace {

/// Whether attempt `attempt` may be followed by another.
bool IsBelow(std::uint32_t attempt, std::int32_t retries_max) {
  return retries_max < 0 || attempt < static_cast<std::uint32_t>(retries_max);
}

}  // namespace

// Failure and recovery

bool TaskManager::MayRetry(const Task& task) const {
  if (task.cancelled && !context_.Has(Bug::kRetriesCancelledTasks)) return false;
  const std::uint32_t used = task.spec.attempt - task.free_attempts;
  return IsBelow(used, task.spec.header->max_retries) || context_.Has(Bug::kRetriesWithoutEnd);
}

void TaskManager::Retry(Task& task, const std::string& reason) {
  task.spec.attempt += context_.Has(Bug::kCountsAttemptsTwice) ? 2 : 1;
  context_.Emit(TaskRetried{task.spec.task, task.spec.attempt, task.spec.header->name, reason});
  if (task.spec.header->kind == TaskKind::kActorCall) {
    task.state = State::kWaiting;
    if (!actors_.Enqueue(task.spec, task.order)) return;
  }
  Resolve(task);
}

void TaskManager::OnDeath(const Death& death) {
  for (const TaskId id : leases_.ForgetDead()) {
    const auto entry = tasks_.find(id);
    CHECK(entry != tasks_.end() && entry->second.state == State::kPushed) << "task " << id;
    Task& task = entry->second;
    if (task.cancelled && !context_.Has(Bug::kRetriesCancelledTasks)) {
      Fail(id, errors::TaskCancelled(id, task.spec.header->name));
    } else if (death.intended) {
      Resolve(task);
    } else if (death.out_of_memory ? task.spec.header->max_retries != 0 : MayRetry(task)) {
      // As in Ray, whose task_oom_retries has no end, it costs no retry, and asks for none that is
      // left; a task that may not be run again at all is not.
      if (death.out_of_memory) ++task.free_attempts;
      DiscardResults(task);
      Retry(task, (death.of_node ? "its node died: " : "its worker died: ") + death.reason);
    } else {
      Fail(id, errors::TaskLost(task.spec, death));
    }
  }
}

void TaskManager::DiscardResults(const Task& task) {
  if (watch_list_.IsNodeDead(task.worker.node)) return;
  const bool is_stream = task.spec.header->stream.has_value();
  const std::uint32_t told = is_stream ? streams_.Made(task.spec.task) : 0;
  const std::uint32_t count = ReturnCount(task.spec);
  if (is_stream) {
    context_.Tell(Address::Daemon(task.worker.node),
                  FreeItems{task.spec.task, std::max(count, told + 1)});
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0 && i <= told) continue;
    const ObjectId result = task.spec.Return(i);
    const ObjectRecord* record = references_.Find(result);
    // Another return value may have been lost, and this one, of an attempt before, still be there.
    const bool is_known = record != nullptr && record->HasLocation(task.worker.node);
    if (!is_known) context_.Tell(Address::Daemon(task.worker.node), FreeObject{result});
  }
}

void TaskManager::Recover(ObjectId id) {
  ObjectRecord* record = references_.Find(id);
  if (record == nullptr || !record->IsLost()) return;
  const auto entry = tasks_.find(id.task);
  if (id.IsPut()) {
    values_.SetInline(id, Payload::Error(errors::ObjectLost(id)));
  } else if (!context_.options.keep_lineage && entry == tasks_.end()) {
    values_.SetInline(id, Payload::Error(errors::LineageNotKept(id)));
  } else if (entry == tasks_.end()) {
    values_.SetInline(id,
                      Payload::Error(record->lineage_evicted ? errors::LineageEvicted(id)
                                                             : errors::ReconstructionFailed(id)));
  } else if (entry->second.state != State::kFinished) {
    // It is being made again already; a generator may be past it.
    if (!entry->second.spec.header->stream || id.index == 0 || streams_.Expect(id))
      values_.SetPending(*record);
  } else if (record->released) {
    // Its consumer is lost, not it.
    ++entry->second.free_attempts;
    ExpectAgain(entry->second);
    Retry(entry->second, "object " + id.Hex() + " is needed to make a lost one again");
  } else if (!MayRetry(entry->second)) {
    values_.SetInline(id, Payload::Error(errors::MaxAttemptsExceeded(id, entry->second.spec)));
    ReturnErased(id);
  } else {
    ExpectAgain(entry->second);
    Retry(entry->second, "object " + id.Hex() + " was lost");
  }
}

void TaskManager::ExpectAgain(Task& task) {
  lineage_.Remove(*task.place);
  // Lineage keeps no actor alive: the last handle may have gone since the call, and it may find its
  // actor dead.
  if (references_.Find(*task.handle) == nullptr) task.handle.Reset();
  HoldReferences(task, Count::kSubmitted);
  DropReferences(task, Count::kLineage);
  for (const TaskArgument& argument : task.spec.arguments) {
    if (!argument.IsReference()) continue;
    ObjectRecord* record = references_.Find(argument.reference->id);
    if (record != nullptr && record->freed) values_.Unfree(*record);
  }
  task.state = State::kWaiting;
  task.stored_returns = 0;
  const std::uint32_t count = ReturnCount(task.spec);
  for (std::uint32_t i = 0; i < count; ++i) {
    ObjectRecord* record = references_.Find(task.spec.Return(i));
    if (record != nullptr && record->IsLost()) values_.SetPending(*record);
  }
}

// Cancellation

void TaskManager::Cancel(TaskId id, bool force, bool recursive) {
  const auto entry = tasks_.find(id);
  if (entry == tasks_.end()) return;
  Task& task = entry->second;
  switch (task.state) {
    case State::kWaiting:
    case State::kQueued:
      if (task.spec.header->kind == TaskKind::kNormal) leases_.Remove(task.spec, task.order);
      task.cancelled = true;
      Fail(id, errors::TaskCancelled(id, task.spec.header->name));
      break;
    case State::kPushed:
      task.cancelled = true;
      context_.Tell(task.worker, CancelTask{id, task.spec.attempt, force, recursive});
      break;
    case State::kCreating:
    case State::kFinished:
      break;
  }
}

void TaskManager::CancelChildren(TaskId parent, bool force) {
  std::vector<TaskId> children;
  for (const auto& [id, task] : tasks_) {
    if (task.spec.parent == parent && task.state != State::kFinished) children.push_back(id);
  }
  for (const TaskId child : children) Cancel(child, force, true);
}

// Actors

void TaskManager::OnActorRegistered(TaskId creation, const ErrorInfo& error) {
  const auto entry = tasks_.find(creation);
  if (entry == tasks_.end() || entry->second.state != State::kCreating) return;
  if (error.Ok()) {
    actors_.Registered(entry->second.spec.header->actor);
  } else {
    FailWith(entry, Payload::Error(error));
  }
}

void TaskManager::OnActorUpdate(const ActorView& view) {
  const ActorClient::LostCalls lost = actors_.Update(view);
  for (const TaskId id : lost.tasks) {
    const auto entry = tasks_.find(id);
    CHECK(entry != tasks_.end()) << "call " << id;
    if (entry->second.cancelled) {
      Fail(id, errors::TaskCancelled(id, entry->second.spec.header->name));
    } else if (MayRetry(entry->second)) {
      DiscardResults(entry->second);
      Retry(entry->second, "its actor died and restarts");
    } else {
      Fail(id, errors::ActorCallLost(lost.actor, entry->second.spec));
    }
  }
  actors_to_pump_.push_back(view.actor);
  if (view.state == ActorState::kDead) ActorEnded(view);
  const auto creation = creations_.find(view.actor);
  if (creation == creations_.end() || view.state != ActorState::kAlive) return;
  const ObjectId handle{creation->second, 0};
  const ObjectRecord* record = references_.Find(handle);
  if (record != nullptr && record->status.phase == ObjectPhase::kPending)
    values_.SetInline(handle, Payload{});
}

void TaskManager::Kill(const ActorKillRequested& event) {
  actors_.Kill(event);
  WatchHandle(event.actor);
}

void TaskManager::WatchHandle(ActorId actor) {
  const auto handle = references_.FindHandle(actor);
  if (actors_.IsHeard(actor) || !handle) return;
  const ObjectRecord& record = *references_.Find(*handle);
  const auto is_watch = [](const Waiter& waiter) { return waiter.kind == Waiter::Kind::kHandle; };
  if (record.owned || std::ranges::any_of(record.status_waiters, is_watch)) return;
  const Waiter waiter{Waiter::Kind::kHandle, 0, handle->task, 0};
  if (values_.RequestStatus(*handle, waiter)) OnHandleResolved(*handle);
}

void TaskManager::OnHandleResolved(ObjectId handle) {
  const ActorId actor = ActorOf(handle.task);
  const ObjectRecord* record = references_.Find(handle);
  const ActorView* known = actors_.Find(actor);
  if (record == nullptr || known == nullptr || actors_.IsHeard(actor)) return;
  const Payload& value = record->status.value;
  if (value.kind == PayloadKind::kValue) return;
  if (value.Problem().kind == ErrorKind::kOwnerDied) {
    // The actor may be known to the GCS all the same, and live on if it is detached.
    gcs_.Ask(ListActors{}, std::nullopt);
    return;
  }
  // It was found by its name, when its owner had no handle any more. The GCS will say how it is.
  if (value.Problem().kind == ErrorKind::kObjectFreed) return;
  ActorView view = *known;
  view.state = ActorState::kDead;
  view.death_cause = value.Problem();
  OnActorUpdate(view);
}

std::vector<ActorId> TaskManager::Orphans() const {
  std::vector<ActorId> orphans;
  for (const ActorId actor : actors_.Unheard()) {
    const auto handle = references_.FindHandle(actor);
    const auto record = handle ? references_.Records().find(*handle) : references_.Records().end();
    if (record == references_.Records().end()) continue;
    if (watch_list_.IsDead(record->second.owner)) orphans.push_back(actor);
  }
  return orphans;
}

void TaskManager::OnActorsListed(const std::vector<ActorView>& actors) {
  for (const ActorId orphan : Orphans()) {
    const bool exists = std::any_of(actors.begin(), actors.end(),
                                    [&](const ActorView& view) { return view.actor == orphan; });
    if (exists) continue;
    ActorView view = *actors_.Find(orphan);
    view.state = ActorState::kDead;
    view.death_cause.kind = ErrorKind::kActorDied;
    view.death_cause.message = "Its owner died before it was created.";
    OnActorUpdate(view);
  }
}

void TaskManager::ActorEnded(const ActorView& view) {
  const auto creation = creations_.find(view.actor);
  if (creation == creations_.end()) return;
  const auto entry = tasks_.find(creation->second);
  creations_.erase(creation);
  const TaskSpec& spec = entry->second.spec;
  // Its constructor has raised: this failed, whereas other deaths come after it.
  const Bytes& raised = view.death_cause.cause;
  if (!raised.View().empty()) failures_.Add(spec, {PayloadKind::kException, raised, {}});
  const ObjectId handle = spec.Return(0);
  const ObjectRecord* record = references_.Find(handle);
  if (record != nullptr && record->status.phase == ObjectPhase::kPending) {
    values_.SetInline(handle, Payload::Error(errors::ActorDied(view, spec, true)));
  }
  Complete(entry);
}

void TaskManager::HandleErased(ActorId actor) {
  const auto creation = creations_.find(actor);
  if (creation == creations_.end()) return;
  const auto entry = tasks_.find(creation->second);
  actors_.OutOfScope(actor);
  const bool unsent =
      entry->second.state == State::kWaiting || entry->second.state == State::kQueued;
  const bool detached = entry->second.spec.header->actor_options &&
                        entry->second.spec.header->actor_options->detached;
  if (!unsent || detached) return;
  // Nobody could ever call it: it is not made at all.
  creations_.erase(creation);
  Complete(entry);
}

}  // namespace mobula::worker
