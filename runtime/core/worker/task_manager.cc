// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/task_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {
TaskManager::TaskManager(Context& context, ReferenceTable& references, ObjectValues& values,
                         WatchList& watch_list, GcsClient& gcs, StreamTable& streams)
    : context_(context),
      references_(references),
      values_(values),
      watch_list_(watch_list),
      gcs_(gcs),
      streams_(streams),
      leases_(context, watch_list, *this),
      actors_(context, *this, gcs),
      lineage_(context.options) {}

// Submission

void TaskManager::Submit(const TaskSpec& spec) {
  CHECK(spec.header->owner == context_.self) << "task " << spec.task << " has another owner";
  const auto [entry, added] = tasks_.try_emplace(spec.task);
  CHECK(added) << "task " << spec.task << " was submitted twice";
  Task& task = entry->second;
  task.spec = spec;
  task.order = ++last_order_;
  for (std::uint32_t i = 0; i < spec.header->num_returns; ++i) {
    references_.Own(spec.Return(i)).Of(Count::kLocal) = 1;
  }
  if (spec.header->stream) {
    // Its failure is its consumer's to see, among the items.
    if (spec.header->num_returns > 0) references_.Find(spec.Return(0))->looked_at = true;
    streams_.Open(spec);
  }
  if (spec.header->kind == TaskKind::kActorCall) {
    if (const auto handle = references_.FindHandle(spec.header->actor))
      task.handle.Edit() = *handle;
  }
  HoldReferences(task, Count::kSubmitted);
  if (spec.header->kind == TaskKind::kActorCreation) {
    references_.SetHandle(spec.Return(0), *references_.Find(spec.Return(0)), spec.header->actor);
    creations_.emplace(spec.header->actor, spec.task);
    actors_.AddOwned(spec);
  }
  if (spec.header->kind == TaskKind::kActorCall && !actors_.Enqueue(spec, task.order)) return;
  Resolve(task);
  if (spec.header->kind == TaskKind::kActorCall) WatchHandle(spec.header->actor);
}

void TaskManager::HoldReferences(const Task& task, Count count) {
  for (const TaskArgument& argument : task.spec.arguments) {
    if (argument.IsReference()) references_.Add(*argument.reference, count);
    references_.AddAll(argument.contained, count);
  }
  if (!task.handle->IsNil() && count == Count::kSubmitted)
    ++references_.Find(*task.handle)->Of(count);
}

void TaskManager::DropReferences(const Task& task, Count count) {
  for (const TaskArgument& argument : task.spec.arguments) {
    if (argument.IsReference()) references_.Drop(argument.reference->id, count);
    references_.DropAll(argument.contained, count);
  }
  if (!task.handle->IsNil() && count == Count::kSubmitted) references_.Drop(*task.handle, count);
}

void TaskManager::Resolve(Task& task) {
  task.state = State::kWaiting;
  task.worker = Address{};
  if (task.spec.header->stream) streams_.Pause(task.spec.task);
  task.unresolved = 0;
  const Waiter waiter{Waiter::Kind::kTask, 0, task.spec.task, 0};
  for (const TaskArgument& argument : task.spec.arguments) {
    if (!argument.IsReference()) continue;
    if (!values_.RequestStatus(argument.reference->id, waiter)) ++task.unresolved;
  }
  if (task.unresolved == 0) Ready(task);
}

void TaskManager::OnNotice(TaskId id) {
  const auto entry = tasks_.find(id);
  if (entry == tasks_.end() || entry->second.state != State::kWaiting) return;
  // A notice may be older than the current wait; looking at the arguments again costs little.
  Task& task = entry->second;
  if (task.unresolved > 1) {
    --task.unresolved;
    return;
  }
  for (const TaskArgument& argument : task.spec.arguments) {
    if (!argument.IsReference()) continue;
    const ObjectRecord* record = references_.Find(argument.reference->id);
    if (!record->IsResolved()) {
      task.unresolved = 1;
      const Waiter waiter{Waiter::Kind::kTask, 0, id, 0};
      if (!values_.RequestStatus(argument.reference->id, waiter)) return;
    }
  }
  task.unresolved = 0;
  Ready(task);
}

std::optional<Payload> TaskManager::BrokenArgument(const Task& task) const {
  for (const TaskArgument& argument : task.spec.arguments) {
    if (!argument.IsReference()) continue;
    const ObjectStatus& status = references_.Find(argument.reference->id)->status;
    if (status.phase == ObjectPhase::kInline && status.value.kind != PayloadKind::kValue) {
      return status.value;
    }
  }
  return std::nullopt;
}

void TaskManager::Ready(Task& task) {
  // An actor's call fails when its turn comes: that the actor is dead counts more.
  const bool is_call = task.spec.header->kind == TaskKind::kActorCall;
  if (auto broken = is_call ? std::nullopt : BrokenArgument(task)) {
    if (task.spec.header->kind == TaskKind::kActorCreation) errors::TellOfArguments(*broken);
    FailWith(tasks_.find(task.spec.task), *broken);
    return;
  }
  task.state = State::kQueued;
  switch (task.spec.header->kind) {
    case TaskKind::kNormal:
      leases_.Enqueue(task.spec.task, task.spec, task.order);
      break;
    case TaskKind::kActorCreation:
      RegisterActor(task);
      break;
    case TaskKind::kActorCall:
      actors_to_pump_.push_back(task.spec.header->actor);
      break;
  }
}

void TaskManager::RegisterActor(Task& task) {
  auto spec = Prepare(task);
  if (!spec) return;
  task.state = State::kCreating;
  gcs_.Ask(mobula::RegisterActor{0, std::move(*spec)}, std::nullopt, task.spec.task);
}

std::optional<TaskSpec> TaskManager::Prepare(Task& task) {
  bool gone = false;
  bool has_references = false;
  for (const TaskArgument& argument : task.spec.arguments) {
    if (!argument.IsReference()) continue;
    has_references = true;
    gone = gone || !references_.Find(argument.reference->id)->IsResolved();
  }
  if (gone) {
    Resolve(task);
    return std::nullopt;
  }
  TaskSpec spec = task.spec;
  if (!has_references) return spec;
  for (TaskArgument& argument : spec.arguments.Edit()) {
    if (!argument.IsReference()) continue;
    const ObjectRecord& record = *references_.Find(argument.reference->id);
    if (record.status.phase == ObjectPhase::kInline) {
      argument.reference = {};
      argument.value = record.status.value;
      argument.contained = *record.inner;
    } else {
      argument.value.kind = record.status.kind;
      argument.stored = values_.Locate(argument.reference->id, record);
    }
  }
  return spec;
}

bool TaskManager::IsReady(TaskId id) const { return tasks_.at(id).state == State::kQueued; }

bool TaskManager::Push(TaskId id, const Address& worker, std::uint64_t sequence,
                       const std::vector<std::uint32_t>& gpus) {
  Task& task = tasks_.at(id);
  CHECK(task.state == State::kQueued) << "task " << id;
  // Of other tasks that was looked at when they became ready.
  const bool is_call = task.spec.header->kind == TaskKind::kActorCall;
  if (const auto broken = is_call ? BrokenArgument(task) : std::nullopt) {
    FailWith(tasks_.find(id), *broken);
    return false;
  }
  auto spec = Prepare(task);
  if (!spec) return false;
  spec->sequence = sequence;
  task.state = State::kPushed;
  task.worker = worker;
  context_.Tell(worker, PushTask{std::move(*spec), gpus});
  if (task.spec.header->stream) streams_.Begin(task.spec, worker);
  return true;
}

std::optional<Address> TaskManager::PushedTo(TaskId id) const {
  const auto task = tasks_.find(id);
  if (task == tasks_.end() || task->second.state != State::kPushed) return std::nullopt;
  return task->second.worker;
}

std::vector<ObjectId> TaskManager::AwaitedBy(TaskId id) const {
  std::vector<ObjectId> awaited;
  const auto task = tasks_.find(id);
  if (task == tasks_.end() || task->second.state != State::kWaiting) return awaited;
  for (const TaskArgument& argument : task->second.spec.arguments) {
    if (argument.IsReference()) awaited.push_back(argument.reference->id);
  }
  return awaited;
}

const TaskSpec& TaskManager::SpecOf(TaskId task) const { return tasks_.at(task).spec; }

std::vector<NodeId> TaskManager::PreferredNodes(TaskId id) const {
  std::map<NodeId, std::uint64_t> bytes;
  for (const TaskArgument& argument : tasks_.at(id).spec.arguments) {
    if (!argument.IsReference()) continue;
    const ObjectRecord* record = references_.Records().contains(argument.reference->id)
                                     ? &references_.Records().at(argument.reference->id)
                                     : nullptr;
    if (record == nullptr || record->status.phase != ObjectPhase::kStored) continue;
    for (const NodeId node : record->status.locations) bytes[node] += record->status.size;
  }
  std::vector<NodeId> nodes;
  for (const auto& [node, size] : bytes) nodes.push_back(node);
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](NodeId a, NodeId b) { return bytes.at(a) > bytes.at(b); });
  return nodes;
}

void TaskManager::Pump() {
  while (!actors_to_pump_.empty()) {
    const ActorId actor = actors_to_pump_.back();
    actors_to_pump_.pop_back();
    actors_.Pump(actor);
  }
  leases_.Pump();
}

// Answers

void TaskManager::OnTaskDone(const Address& source, const TaskDone& message) {
  // The task runs again or has failed already, and owners have struck off what came with the
  // answer.
  if (watch_list_.IsDead(source)) return;
  // Whatever the answer is worth, the references it carries are registered, and must be given back.
  for (const ObjectId object : message.retained) {
    references_.AddRegistration(object, source, source);
  }
  const auto entry = tasks_.find(message.task);
  if (!IsAwaited(entry, source, message.attempt)) {
    for (const TaskResult& result : message.results) DropLateResult(source, result);
    return;
  }
  Task& task = entry->second;
  if (task.spec.header->kind == TaskKind::kActorCall) {
    actors_.Remove(task.spec, task.order);
  } else {
    leases_.Finished(source, message.task, message.run_time);
  }
  const bool failed = message.application_error && task.spec.header->retry_exceptions;
  if (failed && (MayRetry(task) || task.cancelled)) {
    for (const TaskResult& result : message.results) DropResult(source, result);
    if (task.cancelled) {
      // That it is not tried again is the cancellation's doing, not the exception's.
      Fail(message.task, errors::TaskCancelled(message.task, task.spec.header->name));
    } else {
      Retry(task, "it raised an exception, and retry_exceptions is set");
    }
    return;
  }
  if (task.spec.header->stream) {
    EndStream(source, task, message.results);
  } else {
    for (const TaskResult& result : message.results) TakeResult(source, task, result);
  }
  const auto failure = std::ranges::find_if(message.results, [](const TaskResult& result) {
    return result.value.kind != PayloadKind::kValue;
  });
  if (failure != message.results.end()) failures_.Add(task.spec, failure->value);
  if (!HasAllReturns(task.spec, message.results)) FailMissingReturns(task.spec);
  Complete(entry);
}

bool TaskManager::IsAwaited(Entry entry, const Address& source, std::uint32_t attempt) {
  if (entry == tasks_.end()) return false;
  const Task& task = entry->second;
  return task.state == State::kPushed && task.spec.attempt == attempt && task.worker == source;
}

void TaskManager::OnStreamItem(const Address& source, const StreamItem& message) {
  if (watch_list_.IsDead(source)) return;
  const auto entry = tasks_.find(message.task);
  if (!IsAwaited(entry, source, message.attempt)) {
    DropLateResult(source, message.item);
    return;
  }
  TakeResult(source, entry->second, message.item);
  streams_.Advance(message.task);
}

void TaskManager::EndStream(const Address& source, const Task& task,
                            const std::vector<TaskResult>& results) {
  if (results.empty()) return streams_.End(task.spec.task, nullptr);
  // Return 0 comes last: it may refer to the items.
  for (std::size_t i = 1; i < results.size(); ++i) TakeResult(source, task, results[i]);
  const TaskResult& end = results.front();
  TakeResult(source, task, end);
  // Of a task that could not be run there is an error in the place of its end.
  const bool failed = !end.in_store && end.value.kind != PayloadKind::kValue;
  streams_.End(task.spec.task, failed ? &end.value : nullptr);
}

std::uint32_t TaskManager::ReturnCount(const TaskSpec& spec) const {
  return spec.header->num_returns + (spec.header->stream ? streams_.Known(spec.task) : 0);
}

bool TaskManager::HasAllReturns(const TaskSpec& spec, const std::vector<TaskResult>& results) {
  // Of a generator that is run again, which items should come is known from the ones that lack.
  if (spec.header->stream || results.size() != spec.header->num_returns) return false;
  for (std::uint32_t i = 0; i < results.size(); ++i) {
    if (results[i].object != spec.Return(i)) return false;
  }
  return true;
}

void TaskManager::FailMissingReturns(const TaskSpec& spec) {
  const std::uint32_t count = ReturnCount(spec);
  for (std::uint32_t i = 0; i < count; ++i) {
    const ObjectId object = spec.Return(i);
    ObjectRecord* record = references_.Find(object);
    if (record == nullptr || record->status.phase != ObjectPhase::kPending) continue;
    const bool is_item = i >= spec.header->num_returns;
    values_.SetInline(object, *record,
                      Payload::Error(is_item ? errors::ItemNotMadeAgain(object, spec)
                                             : errors::MissingReturn(object, spec)));
  }
}

void TaskManager::TakeResult(const Address& source, const Task& task, const TaskResult& result) {
  const bool is_item = task.spec.header->stream && result.object.index > 0;
  const bool is_own = result.object.task == task.spec.task;
  if (is_own && is_item && !streams_.Admit(result.object)) {
    DropResult(source, result);
    return;
  }
  ObjectRecord* record = references_.Find(result.object);
  if (!is_own || record == nullptr || !record->owned) {
    // Its last reference went before it came.
    if (is_own && record == nullptr && !task.spec.header->stream)
      context_.TellUnhandled(result.value);
    DropResult(source, result);
    return;
  }
  // A re-execution may bring a value that was not lost: the one that is known stays.
  if (record->status.phase == ObjectPhase::kInline) {
    DropResult(source, result);
    return;
  }
  for (const ObjectRef& reference : result.contained)
    references_.HearRegistration(reference, source);
  references_.AddAll(result.contained, Count::kContained);
  if (result.in_store) {
    values_.SetStored(result.object, result.value.kind, result.size, source.node, result.contained);
  } else {
    values_.SetInline(result.object, *record, result.value, result.contained);
  }
}

void TaskManager::DropResult(const Address& source, const TaskResult& result) {
  DropReferencesOf(source, result);
  if (result.in_store) context_.Tell(Address::Daemon(source.node), FreeObject{result.object});
}

void TaskManager::DropLateResult(const Address& source, const TaskResult& result) {
  DropReferencesOf(source, result);
  if (!result.in_store) return;
  const ObjectRecord* record = references_.Find(result.object);
  const bool known = record != nullptr && std::ranges::count(record->status.locations, source.node);
  const auto task = tasks_.find(result.object.task);
  const bool expected = task != tasks_.end() && task->second.worker.node == source.node;
  if (!known && !expected) context_.Tell(Address::Daemon(source.node), FreeObject{result.object});
}

void TaskManager::DropReferencesOf(const Address& source, const TaskResult& result) {
  for (const ObjectRef& reference : result.contained)
    references_.HearRegistration(reference, source);
}

void TaskManager::OnTaskReturned(const Address& source, const TaskReturned& message) {
  const auto entry = tasks_.find(message.task);
  if (entry == tasks_.end()) return;
  Task& task = entry->second;
  if (task.state != State::kPushed || task.spec.attempt != message.attempt || task.worker != source)
    return;
  leases_.Returned(source, message.task);
  if (task.cancelled) {
    Fail(message.task, errors::TaskCancelled(message.task, task.spec.header->name));
  } else {
    Resolve(task);
  }
}

// The end of a task

void TaskManager::Fail(TaskId id, ErrorInfo error) {
  const auto entry = tasks_.find(id);
  CHECK(entry != tasks_.end()) << "task " << id;
  if (entry->second.state == State::kPushed) DiscardResults(entry->second);
  FailWith(entry, Payload::Error(std::move(error)));
}

void TaskManager::FailWith(Entry entry, const Payload& payload) {
  const Task& task = entry->second;
  const TaskHeader& header = *task.spec.header;
  failures_.Add(task.spec, payload);
  const std::uint32_t count = ReturnCount(task.spec);
  for (std::uint32_t i = 0; i < count; ++i) {
    const ObjectId object = task.spec.Return(i);
    ObjectRecord* record = references_.Find(object);
    if (record != nullptr && !record->IsResolved()) values_.SetInline(object, *record, payload);
    if (record == nullptr && !header.stream && header.kind != TaskKind::kActorCreation)
      context_.TellUnhandled(payload);
  }
  if (header.stream) streams_.End(task.spec.task, &payload);
  if (header.kind == TaskKind::kActorCall) {
    actors_.Remove(task.spec, task.order);
    // It may have held back the calls behind it.
    actors_to_pump_.push_back(header.actor);
  }
  if (header.kind == TaskKind::kActorCreation && creations_.contains(header.actor)) {
    ActorView view = *actors_.Find(header.actor);
    view.state = ActorState::kDead;
    view.death_cause = payload.Problem();
    if (payload.kind == PayloadKind::kException) {
      view.death_cause.message = "An argument of its constructor is an exception.";
      view.death_cause.cause = payload.data;
    }
    OnActorUpdate(view);  // Completes this task.
    return;
  }
  Complete(entry);
}

std::vector<ObjectId> TaskManager::StoredReturns(const TaskSpec& spec) const {
  std::vector<ObjectId> stored;
  const std::uint32_t count = ReturnCount(spec);
  for (std::uint32_t i = 0; i < count; ++i) {
    const ObjectRecord* record = references_.Find(spec.Return(i));
    if (record == nullptr || !record->NeedsLineage()) continue;
    stored.push_back(spec.Return(i));
  }
  return stored;
}

void TaskManager::Complete(Entry entry) {
  Task& task = entry->second;
  const std::vector<ObjectId> stored = StoredReturns(task.spec);
  const bool repeatable =
      task.spec.header->kind != TaskKind::kActorCreation && task.spec.header->max_retries != 0;
  const bool keep = !stored.empty() && repeatable && !task.cancelled &&
                    context_.options.keep_lineage && !context_.Has(Bug::kDropsLineageEarly);
  if (keep) HoldReferences(task, Count::kLineage);
  DropReferences(task, Count::kSubmitted);
  if (!keep) {
    Forget(entry);
    return;
  }
  task.state = State::kFinished;
  task.worker = Address{};
  task.stored_returns = static_cast<std::uint32_t>(stored.size());
  for (const ObjectId object : stored) SetRemakeable(object, MayRetry(task));
  task.place.Edit() = lineage_.Add(task.spec);
  EvictExcess();
}

// Lineage that needs the object may have to keep its value, or need it no more.
void TaskManager::SetRemakeable(ObjectId object, bool remakeable) {
  references_.Find(object)->remakeable = remakeable;
  references_.Touch(object);
}

void TaskManager::EvictExcess() {
  while (const auto oldest = lineage_.Excess()) {
    const auto entry = tasks_.find(*oldest);
    const std::uint32_t count = ReturnCount(entry->second.spec);
    for (std::uint32_t i = 0; i < count; ++i) {
      ObjectRecord* record = references_.Find(entry->second.spec.Return(i));
      if (record == nullptr) continue;
      record->lineage_evicted = true;
      SetRemakeable(entry->second.spec.Return(i), false);
    }
    DropLineage(entry);
  }
}

void TaskManager::DropLineage(Entry entry) {
  CHECK(entry->second.state == State::kFinished);
  lineage_.Remove(*entry->second.place);
  DropReferences(entry->second, Count::kLineage);
  Forget(entry);
}

void TaskManager::Forget(Entry entry) {
  if (entry->second.spec.header->stream) streams_.Forget(entry->first);
  tasks_.erase(entry);
}

void TaskManager::ReturnErased(ObjectId object) {
  CHECK(!object.IsPut()) << "object " << object << " is no return value";
  if (context_.Has(Bug::kNeverDropsLineage)) return;
  const auto entry = tasks_.find(object.task);
  if (entry == tasks_.end() || entry->second.state != State::kFinished) return;
  CHECK(entry->second.stored_returns > 0) << "object " << object;
  if (--entry->second.stored_returns == 0) DropLineage(entry);
}

bool TaskManager::HasLineage(ObjectId object) const {
  // A `put` has none, though its id names the task that made it, which can be one of this process.
  if (object.IsPut()) return false;
  const auto entry = tasks_.find(object.task);
  if (entry == tasks_.end()) return false;
  // Items are there while their generator runs.
  const TaskHeader& header = *entry->second.spec.header;
  return entry->second.state == State::kFinished || (header.stream && header.max_retries != 0);
}

// Views

std::uint32_t TaskManager::AttemptOf(ObjectId object) const {
  const auto entry = object.IsPut() ? tasks_.end() : tasks_.find(object.task);
  return entry == tasks_.end() ? 0 : entry->second.spec.attempt;
}

std::vector<PendingTask> TaskManager::PendingTasks() const {
  std::vector<PendingTask> pending;
  for (const auto& [id, task] : tasks_) {
    std::string state;
    switch (task.state) {
      case State::kWaiting:
        state = "waiting for arguments";
        break;
      case State::kQueued:
        state = task.spec.header->kind == TaskKind::kActorCall ? "waiting for its actor"
                                                               : "waiting for a lease";
        break;
      case State::kPushed:
        state = "running on " + task.worker.worker.Short();
        break;
      case State::kCreating:
      case State::kFinished:
        continue;
    }
    const TaskHeader& header = *task.spec.header;
    const ActorId actor = header.kind == TaskKind::kActorCall ? header.actor : ActorId{};
    pending.push_back({id, header.name, task.spec.attempt, std::move(state), actor});
  }
  return pending;
}

void TaskManager::AddCounts(const Task& task, ExpectedCounts& counts) {
  const Count kind = task.state == State::kFinished ? Count::kLineage : Count::kSubmitted;
  for (const TaskArgument& argument : task.spec.arguments) {
    if (argument.IsReference()) counts.Add(argument.reference->id, kind);
    for (const ObjectRef& reference : argument.contained) counts.Add(reference.id, kind);
  }
  if (!task.handle->IsNil() && kind == Count::kSubmitted) counts.Add(*task.handle, kind);
}

void TaskManager::CheckInvariants(ExpectedCounts& counts) const {
  leases_.CheckInvariants();
  actors_.CheckInvariants();
  CHECK(actors_to_pump_.empty());
  std::size_t finished = 0;
  for (const auto& [id, task] : tasks_) {
    AddCounts(task, counts);
    finished += task.state == State::kFinished ? 1 : 0;
    CHECK((task.state == State::kPushed) == !task.worker.worker.IsNil()) << "task " << id;
    CHECK(task.state != State::kQueued || task.unresolved == 0) << "task " << id;
    CHECK(task.state != State::kFinished ||
          (task.stored_returns > 0 && task.stored_returns == StoredReturns(task.spec).size()))
        << "the lineage of task " << id << " is kept for nobody";
    CHECK(task.spec.header->kind != TaskKind::kNormal || task.spec.header->max_retries < 0 ||
          task.spec.attempt - task.free_attempts <=
              static_cast<std::uint32_t>(task.spec.header->max_retries))
        << "task " << id << " is run more often than it may be";
    CHECK(!task.cancelled || task.state == State::kPushed) << "task " << id << " was cancelled";
  }
  CHECK(finished == lineage_.Size());
}

}  // namespace mobula::worker
