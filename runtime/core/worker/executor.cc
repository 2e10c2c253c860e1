// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/executor.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

std::uint64_t Executor::OrderOf(const PushedTask& task) {
  return IsActorCall(task) ? task.spec.sequence : task.arrival;
}

void Executor::OnPush(const Address& source, const PushTask& push) {
  const TaskSpec& spec = push.spec;
  const bool normal = spec.header->kind == TaskKind::kNormal;
  if (exiting_ || (lent_ > 0 && normal)) {
    if (normal) context_.Tell(source, TaskReturned{spec.task, spec.attempt});
    return;
  }
  if (source.IsGcs() && creation_answer_ && creation_answer_->task == spec.task) {
    context_.Tell(source, *creation_answer_);
    return;
  }
  const auto [entry, added] = tasks_.try_emplace(spec.task);
  // A GCS that came back does not know how far its actor's creation is.
  if (!added && source.IsGcs()) return;
  CHECK(added) << "task " << spec.task << " was pushed twice";
  PushedTask& task = entry->second;
  task.spec = spec;
  task.sender = source;
  task.gpus = push.gpus;
  task.arrival = ++arrivals_;
  for (const TaskArgument& argument : spec.arguments) {
    if (argument.IsReference()) {
      Hold(task, *argument.reference);
      values_.SetHint(argument.reference->id, argument);
    }
    for (const ObjectRef& reference : argument.contained) Hold(task, reference);
  }
  senders_[source].queue.emplace(OrderOf(task), spec.task);
  if (parked_ > 0) {
    Park(task);
  } else {
    RequestArguments(task);
  }
  Advance(source);
  StartReady();
}

void Executor::Hold(PushedTask& task, const ObjectRef& reference) {
  references_.Add(reference, Count::kExecuting);
  task.held.push_back(reference.id);
}

void Executor::RequestArguments(PushedTask& task) {
  const auto& arguments = task.spec.arguments;
  task.arguments.resize(arguments.size());
  for (std::uint32_t slot = 0; slot < arguments.size(); ++slot) {
    if (!arguments[slot].IsReference()) {
      task.arguments[slot].value = arguments[slot].value;
      continue;
    }
    const Waiter waiter{Waiter::Kind::kExecutor, 0, task.spec.task, slot};
    if (values_.RequestLocal(arguments[slot].reference->id, waiter)) {
      TakeArgument(task, slot);
    } else {
      ++task.missing_arguments;
    }
  }
}

// The pin taken here is the language layer's from the start of the task on.
void Executor::TakeArgument(PushedTask& task, std::uint32_t slot) {
  const ObjectId object = task.spec.arguments[slot].reference->id;
  task.arguments[slot] = values_.Read(object);
  if (task.arguments[slot].stored) store_.AddUser(object);
}

void Executor::OnNotice(TaskId id, std::uint32_t slot, const Boxed<ErrorInfo>& failure) {
  const auto entry = tasks_.find(id);
  if (entry == tasks_.end() || entry->second.state != State::kQueued) return;
  PushedTask& task = entry->second;
  if (task.parked) return;
  if (task.arguments[slot].object == task.spec.arguments[slot].reference->id) return;
  const Waiter waiter{Waiter::Kind::kExecutor, 0, id, slot};
  if (failure) {
    task.arguments[slot] = {task.spec.arguments[slot].reference->id, Payload::Error(*failure), {}};
  } else {
    if (!values_.RequestLocal(task.spec.arguments[slot].reference->id, waiter)) return;
    TakeArgument(task, slot);
  }
  CHECK(task.missing_arguments > 0);
  if (--task.missing_arguments > 0) return;
  if (std::exchange(task.stalled, false)) TakeCpuBack();
  Advance(task.sender);
  StartReady();
}

void Executor::OnArgumentFailed(ObjectId object) {
  const ObjectRecord* record = references_.Find(object);
  if (record == nullptr) return;
  for (const Waiter& waiter : *record->local_waiters) {
    const auto entry = tasks_.find(waiter.task);
    if (waiter.kind != Waiter::Kind::kExecutor || entry == tasks_.end()) continue;
    entry->second.argument_failed = true;
    Advance(entry->second.sender);
  }
  StartReady();
  StallIfIdle();
}

void Executor::StallIfIdle() {
  if (exiting_ || running_ > 0 || lent_ > 0 || !ready_.empty()) return;
  PushedTask* next = nullptr;
  for (auto& [id, task] : tasks_) {
    const bool waits = task.state == State::kQueued && task.missing_arguments > 0;
    // An actor keeps what it holds, whatever its calls wait for.
    if (!waits || !task.argument_failed || IsActorCall(task)) continue;
    if (next == nullptr || task.arrival < next->arrival) next = &task;
  }
  if (next == nullptr) return;
  // It keeps its place for a while; only those behind it go.
  next->stalled = true;
  context_.Start(TimerKind::kStall, next->arrival, context_.options.stall_patience);
  LendCpu();
}

void Executor::OnStallTimer(std::uint64_t arrival) {
  const auto is_due = [arrival](const auto& entry) {
    return entry.second.arrival == arrival && entry.second.stalled;
  };
  const auto entry = std::find_if(tasks_.begin(), tasks_.end(), is_due);
  if (entry == tasks_.end()) return;
  context_.Tell(entry->second.sender, TaskReturned{entry->first, entry->second.spec.attempt});
  Discard(entry);
  StartReady();
}

void Executor::Advance(const Address& sender) {
  const auto found = senders_.find(sender);
  if (found == senders_.end()) return;
  Sender& state = found->second;
  while (!state.queue.empty()) {
    const auto [order, id] = *state.queue.begin();
    const auto entry = tasks_.find(id);
    if (!IsQueued(entry, order)) {  // Cancelled before its turn, or started out of turn.
      state.queue.erase(state.queue.begin());
      state.next_sequence = order + 1;
      continue;
    }
    const PushedTask& task = entry->second;
    if (IsActorCall(task) && order != state.next_sequence) return;
    if (HasArguments(task)) ready_.emplace(task.arrival, id);
    if (!WaitsForLost(task)) return;
    for (const Entry other : OutOfTurn(state)) {
      if (HasArguments(other->second)) ready_.emplace(other->second.arrival, other->first);
    }
    return;
  }
  if (state.next_sequence == 0) senders_.erase(found);
}

bool Executor::IsQueued(Entry entry, std::uint64_t order) {
  return entry != tasks_.end() && entry->second.state == State::kQueued &&
         OrderOf(entry->second) == order;
}

std::vector<Executor::Entry> Executor::OutOfTurn(const Sender& sender) {
  std::vector<Entry> entries;
  for (const auto& [order, id] : sender.queue) {
    const Entry entry = tasks_.find(id);
    if (!IsQueued(entry, order) || order == sender.next_sequence) continue;
    const PushedTask& task = entry->second;
    if (IsActorCall(task) && task.spec.attempt > 0) entries.push_back(entry);
  }
  return entries;
}

void Executor::StartReady() {
  while (!exiting_ && running_ < concurrency_ && !ready_.empty()) {
    const auto entry = tasks_.find(ready_.begin()->second);
    ready_.erase(ready_.begin());
    CHECK(entry != tasks_.end());
    Sender& sender = senders_[entry->second.sender];
    const std::uint64_t order = OrderOf(entry->second);
    const bool is_first = sender.queue.begin()->first == order;
    // Who starts out of turn leaves its number behind, which `Advance` skips.
    if (is_first) sender.queue.erase(order);
    if (is_first && IsActorCall(entry->second)) sender.next_sequence = order + 1;
    const Address source = entry->second.sender;
    StartTask(entry);
    Advance(source);
  }
  ResumeParked();
}

std::optional<Payload> Executor::BrokenArgument(const PushedTask& task) {
  for (const FetchedValue& argument : task.arguments) {
    if (!argument.stored && argument.IsFailure()) return argument.value;
  }
  return std::nullopt;
}

void Executor::StartTask(Entry entry) {
  PushedTask& task = entry->second;
  task.state = State::kRunning;
  task.started = context_.now;
  ++running_;
  if (auto broken = BrokenArgument(task)) {
    if (task.spec.header->kind == TaskKind::kActorCreation) errors::TellOfArguments(*broken);
    for (const FetchedValue& argument : task.arguments) {
      if (argument.stored) store_.DropUser(argument.object);
    }
    AnswerWithout(entry, *broken);
    return;
  }
  if (task.spec.header->kind == TaskKind::kActorCreation) context_.actor = task.spec.header->actor;
  if (task.spec.header->kind == TaskKind::kActorCreation && task.spec.header->actor_options) {
    concurrency_ = std::max(1u, task.spec.header->actor_options->max_concurrency);
  }
  context_.Emit(RunTask{task.spec, std::move(task.arguments), std::move(task.gpus)});
}

void Executor::OnExecuted(const TaskExecuted& event) {
  const auto entry = tasks_.find(event.task);
  CHECK(entry != tasks_.end() && entry->second.state == State::kRunning)
      << "task " << event.task << " is not running";
  CHECK(entry->second.spec.attempt == event.attempt);
  // Whoever asked how the generator goes on was interrupted before it could wait.
  if (entry->second.stream->blocked) Abandon(*entry->second.stream->blocked);
  if (!entry->second.stream->items.empty()) {
    entry->second.stream.Edit().end = event;
    return;
  }
  if (event.exit_after)
    Leave(context_.actor.IsNil() ? "its function has run max_calls times"
                                 : "exit_actor() was called");
  Answer(entry, event.results, event.application_error);
  StartReady();
  StallIfIdle();
}

void Executor::AnswerWithout(Entry entry, const Payload& payload) {
  std::vector<TaskResult> results(entry->second.spec.header->num_returns);
  for (std::uint32_t i = 0; i < results.size(); ++i) {
    results[i].object = entry->second.spec.Return(i);
    results[i].value = payload;
  }
  Answer(entry, std::move(results), false);
}

void Executor::Answer(Entry entry, std::vector<TaskResult> results, bool application_error) {
  PushedTask& task = entry->second;
  CHECK(running_ > 0);
  --running_;
  ++finishing_;
  task.state = State::kFinishing;
  task.answer.task = task.spec.task;
  task.answer.attempt = task.spec.attempt;
  task.answer.application_error = application_error;
  task.answer.run_time = context_.now - task.started;
  task.answer.results = std::move(results);
  for (const TaskResult& result : task.answer.results) {
    if (result.in_store) context_.TellDaemon(SealObject{result.object});
  }
  RegisterResults(task);
  TrySendAnswer(entry);
}

// References of other owners that stay here. The sender's own are told with the answer itself.
void Executor::RegisterRetained(PushedTask& task) {
  for (const ObjectId id : task.held) {
    const ObjectRecord& record = *references_.Find(id);
    if (record.owner == task.sender || !record.IsNeededHere()) continue;
    if (!references_.IsUnregistered(record)) continue;
    if (references_.Register(id, ObjectId{}, task.spec.task)) ++task.acknowledgements_missing;
  }
}

// Until the answer leaves, the task holds its references: what the process needs of them is decided
// in the very step in which the sender is told, or a RemoveBorrower could overtake the
// registration.
void Executor::TrySendAnswer(Entry entry) {
  PushedTask& task = entry->second;
  if (task.acknowledgements_missing == 0) RegisterRetained(task);
  if (task.acknowledgements_missing > 0) return;
  for (const ObjectId id : task.held) {
    const ObjectRecord& record = *references_.Find(id);
    if (record.IsNeededHere() && references_.IsUnregistered(record)) {
      if (!context_.Has(Bug::kForgetsRetained)) task.answer.retained.push_back(id);
      references_.HearRegistration({id, record.owner}, context_.self);
    }
    references_.Drop(id, Count::kExecuting);
  }
  SendAnswer(entry);
}

void Executor::RegisterResults(PushedTask& task) {
  if (task.sender.IsGcs()) return;  // An actor's creation: nobody receives its result.
  for (const TaskResult& result : task.answer.results) {
    for (const ObjectRef& reference : result.contained) {
      Hold(task, reference);
      if (references_.RegisterOther(reference, task.sender, task.spec.task)) {
        ++task.acknowledgements_missing;
      }
    }
  }
}

void Executor::OnAcknowledged(TaskId id) {
  const auto entry = tasks_.find(id);
  if (entry != tasks_.end() && entry->second.stream->acknowledgements_missing > 0) {
    if (--entry->second.stream.Edit().acknowledgements_missing == 0) SendItems(entry);
    return;
  }
  CHECK(entry != tasks_.end() && entry->second.acknowledgements_missing > 0);
  if (--entry->second.acknowledgements_missing == 0) TrySendAnswer(entry);
}

void Executor::SendAnswer(Entry entry) {
  if (entry->second.sender.IsGcs()) creation_answer_ = entry->second.answer;
  context_.Tell(entry->second.sender, std::move(entry->second.answer));
  tasks_.erase(entry);
  CHECK(finishing_ > 0);
  --finishing_;
  ExitWhenDone();
}

void Executor::Leave(const std::string& reason) {
  if (std::exchange(exiting_, true)) return;
  exit_reason_ = reason;
  GiveBackQueued();
  ExitWhenDone();
}

void Executor::ExitWhenDone() {
  if (!exiting_ || running_ > 0 || finishing_ > 0 || std::exchange(exited_, true)) return;
  context_.TellDaemon(WorkerExiting{context_.worker, exit_reason_});
  context_.Emit(ExitProcess{exit_reason_});
}

void Executor::Discard(Entry entry) {
  PushedTask& task = entry->second;
  CHECK(task.state == State::kQueued);
  for (const ObjectId id : task.held) references_.Drop(id, Count::kExecuting);
  for (const FetchedValue& argument : task.arguments) {
    if (argument.stored) store_.DropUser(argument.object);
  }
  if (task.stalled) TakeCpuBack();
  if (task.parked) Unpark(task);
  ready_.erase(task.arrival);
  const Address sender = task.sender;
  // An actor call leaves its number behind, which `Advance` skips when its turn comes.
  if (!IsActorCall(task)) senders_[sender].queue.erase(OrderOf(task));
  tasks_.erase(entry);
  Advance(sender);
}

void Executor::GiveBackQueued() {
  std::map<std::uint64_t, TaskId> queued;
  for (const auto& [id, task] : tasks_) {
    if (task.state != State::kQueued || task.spec.header->kind != TaskKind::kNormal || task.stalled)
      continue;
    queued.emplace(task.arrival, id);
  }
  for (const auto& [arrival, id] : queued) {
    const auto entry = tasks_.find(id);
    context_.Tell(entry->second.sender, TaskReturned{id, entry->second.spec.attempt});
    Discard(entry);
  }
}

bool Executor::Cancel(const CancelTask& message) {
  const auto entry = tasks_.find(message.task);
  if (entry == tasks_.end() || entry->second.spec.attempt != message.attempt) return false;
  PushedTask& task = entry->second;
  if (task.state == State::kQueued) {
    TaskDone answer{message.task, message.attempt, {}, false, {}, Duration{}};
    const Payload payload =
        Payload::Error(errors::TaskCancelled(message.task, task.spec.header->name));
    for (std::uint32_t i = 0; i < task.spec.header->num_returns; ++i) {
      answer.results.push_back({task.spec.Return(i), payload, false, 0, {}});
    }
    context_.Tell(task.sender, std::move(answer));
    Discard(entry);
    StartReady();
  } else if (task.state == State::kRunning && message.force && !IsActorCall(task)) {
    exiting_ = exited_ = true;
    GiveBackQueued();
    context_.Emit(ExitProcess{"task " + task.spec.header->name + " was cancelled by force",
                              /*at_once=*/true});
  } else if (task.state == State::kRunning && task.stream->blocked) {
    task.stream.Edit().cancelled = true;
    Unblock(task.stream.Edit(), StreamStep::kCancelled);
  } else if (task.state == State::kRunning) {
    if (task.spec.header->stream) task.stream.Edit().cancelled = true;
    context_.Emit(InterruptTask{message.task});
  }
  return true;
}

bool Executor::Block() {
  if (running_ == 0) return false;
  LendCpu();
  return true;
}

void Executor::Unblock() { TakeCpuBack(); }

void Executor::LendCpu() {
  if (++lent_ > 1) return;
  context_.TellDaemon(TaskBlocked{context_.worker});
  GiveBackQueued();
}

void Executor::TakeCpuBack() {
  CHECK(lent_ > 0);
  if (--lent_ == 0) context_.TellDaemon(TaskUnblocked{context_.worker});
}

const TaskSpec* Executor::OnlyRunning() const {
  if (running_ != 1 || concurrency_ != 1) return nullptr;
  for (const auto& [id, task] : tasks_) {
    if (task.state == State::kRunning) return &task.spec;
  }
  return nullptr;
}

const TaskSpec* Executor::FindUnfinished(TaskId id) const {
  const auto entry = tasks_.find(id);
  const bool found = entry != tasks_.end() && entry->second.state != State::kFinishing;
  return found ? &entry->second.spec : nullptr;
}

bool Executor::HoldFor(TaskId id, const ObjectRef& reference) {
  const auto entry = tasks_.find(id);
  if (entry == tasks_.end() || entry->second.state != State::kRunning) return false;
  Hold(entry->second, reference);
  return true;
}

void Executor::CheckInvariants(ExpectedCounts& counts) const {
  std::uint32_t running = 0;
  std::uint32_t finishing = 0;
  std::size_t parked = 0;
  for (const auto& [id, task] : tasks_) {
    for (const ObjectId object : task.held) counts.Add(object, Count::kExecuting);
    CheckStream(task, counts);
    parked += task.parked ? 1 : 0;
    CHECK(!task.parked || (task.state == State::kQueued && !ready_.contains(task.arrival)))
        << "task " << id;
    running += task.state == State::kRunning ? 1 : 0;
    finishing += task.state == State::kFinishing ? 1 : 0;
    CHECK((task.state == State::kFinishing) == (task.acknowledgements_missing > 0))
        << "task " << id;
  }
  CHECK(running == running_ && finishing == finishing_ && parked == parked_);
  CHECK(running_ <= concurrency_);
  for (const auto& [arrival, id] : ready_) CHECK(tasks_.contains(id)) << "task " << id;
}

}  // namespace mobula::worker
