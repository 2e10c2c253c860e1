// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/worker.h"

#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/deadlock_watch.h"
#include "runtime/core/worker/errors.h"
#include "runtime/core/worker/request_table.h"
#include "runtime/core/worker/task_manager.h"

namespace mobula::worker {

/// The parts, and who hears of which event. Parts that depend on others come after them.
struct Worker::Parts {
  Parts(WorkerId id, const Options& options) : context(options, id) {
    if (!options.note_touched) return;
    references.Records().Track();
    tasks.NoteTouched();
  }

  void Settle();
  bool SettleStep();
  void SettleNotice(const ObjectValues::Notice& notice);
  void SettleObject(ObjectId id);
  void AddReference(const ReferenceAdded& event);
  void Own(ObjectId id, const std::vector<ObjectRef>& contained);
  void Cancel(const CancelRequested& event);
  void Free(ObjectId id);
  void Bury(const Death& death);
  void AnswerGcs(const Message& message);
  void CheckObjects(const ExpectedCounts& counts) const;

  Context context;
  WatchList watch_list{context};
  GcsClient gcs{context};
  StoreClient store{context};
  ReferenceTable references{context, watch_list};
  ObjectValues values{context, references, store, watch_list};
  Executor executor{context, references, values, store, watch_list};
  RequestTable requests{context, values, store, executor};
  StreamTable streams{context, references, values, executor};
  TaskManager tasks{context, references, values, watch_list, gcs, streams};
  DeadlockWatch deadlocks{context, references, executor, requests, tasks};
};

namespace {

/// Routes messages to the parts.
template <class Parts>
struct MessageRouter {
  Parts& parts;
  const Address& source;
  const Message& message;

  void operator()(const WorkerRegistered& answer) {
    parts.context.self = answer.address;
    parts.context.driver = answer.driver;
    const std::int64_t lineage = answer.job_config.lineage_bytes_max;
    if (lineage > 0) {
      parts.context.options.lineage_bytes_max = static_cast<std::uint64_t>(lineage);
    } else if (lineage < 0) {
      parts.context.options.keep_lineage = false;
    }
    parts.context.Emit(Registered{answer});
  }
  void operator()(const WorkerDied& death) {
    if (death.worker.worker.IsNil() || parts.watch_list.IsDead(death.worker)) return;
    parts.watch_list.MarkDead(death.worker);
    parts.tasks.Actors().WorkerDied(death.worker);
    parts.Bury(
        {.reason = death.reason, .intended = death.intended, .out_of_memory = death.out_of_memory});
  }
  void operator()(const NodeDied& death) {
    if (parts.watch_list.IsNodeDead(death.node)) return;
    parts.watch_list.MarkNodeDead(death.node);
    parts.tasks.Actors().ForgetDeadNode(death.node);
    parts.Bury({.reason = death.reason, .of_node = true});
  }
  void operator()(const LogLines& lines) { parts.context.Emit(ShowLogs{lines}); }

  void operator()(const LeaseGranted& granted) { parts.tasks.Leases().OnGranted(source, granted); }
  void operator()(const LeaseSpilled& spilled) { parts.tasks.Leases().OnSpilled(spilled); }
  void operator()(const LeaseRefused& refused) { parts.tasks.Leases().OnRefused(refused); }
  void operator()(const LeaseInfeasible& infeasible) {
    parts.tasks.Leases().OnInfeasible(infeasible);
  }
  void operator()(const ReclaimLease& reclaimed) { parts.tasks.Leases().OnReclaimed(reclaimed); }

  void operator()(const PushTask& push) { parts.executor.OnPush(source, push); }
  void operator()(const TaskDone& done) { parts.tasks.OnTaskDone(source, done); }
  void operator()(const TaskReturned& returned) { parts.tasks.OnTaskReturned(source, returned); }
  void operator()(const StreamItem& item) { parts.tasks.OnStreamItem(source, item); }
  void operator()(const StreamProgress& progress) { parts.executor.OnProgress(source, progress); }
  void operator()(const CancelTask& cancel) {
    if (!parts.executor.Cancel(cancel)) {
      // A borrower of a return value asks its owner.
      parts.tasks.Cancel(cancel.task, cancel.force, cancel.recursive);
    } else if (cancel.recursive) {
      parts.tasks.CancelChildren(cancel.task, cancel.force);
    }
  }

  void operator()(const GetObjectStatus& asked) { parts.values.OnGetObjectStatus(source, asked); }
  void operator()(const ObjectStatusReply& reply) { parts.values.OnObjectStatusReply(reply); }
  void operator()(const AddBorrower& added) { parts.references.OnAddBorrower(source, added); }
  void operator()(const BorrowerAdded& added) {
    if (const auto task = parts.references.OnBorrowerAdded(added))
      parts.executor.OnAcknowledged(*task);
  }
  void operator()(const RemoveBorrower& removed) { parts.references.OnRemoveBorrower(removed); }
  void operator()(const CheckBorrower& asked) { parts.references.OnCheckBorrower(source, asked); }
  void operator()(const BorrowerChecked& checked) {
    parts.references.OnBorrowerChecked(source, checked);
  }
  void operator()(const ObjectLocationChanged& changed) { parts.values.OnLocationChanged(changed); }

  void operator()(const ObjectCreated& created) { parts.store.OnCreated(created); }
  void operator()(const ObjectAvailable& available) { parts.values.OnObjectAvailable(available); }
  void operator()(const ObjectUnavailable& unavailable) {
    parts.values.OnObjectUnavailable(unavailable);
    parts.executor.OnArgumentFailed(unavailable.object);
  }

  void operator()(const TraceWait& trace) { parts.deadlocks.OnTrace(trace); }
  void operator()(const DeadlockFound& found) { parts.deadlocks.OnFound(found); }

  void operator()(const KillWorker& kill) { parts.executor.Leave(kill.reason); }

  void operator()(const RoomWanted&) {
    parts.store.OnRoomWanted();
    parts.executor.OnRoomWanted();
  }

  void operator()(const GcsRestarted&) {
    // First what it must know of; then what it is asked.
    parts.tasks.Actors().GcsRestarted();
    parts.gcs.RepeatAll();
  }
  void operator()(const ActorUpdate& update) { parts.tasks.OnActorUpdate(update.actor); }
  template <class Answer>
  void operator()(const Answer&) {
    parts.AnswerGcs(message);
  }
};

/// Routes events of the language layer, timers and messages to the parts.
template <class Parts>
struct EventRouter {
  Parts& parts;

  void operator()(const MessageReceived& event) {
    std::visit(MessageRouter<Parts>{parts, event.source, event.message}, event.message);
  }
  void operator()(const TimerFired& event) {
    switch (static_cast<TimerKind>(event.timer.kind)) {
      case TimerKind::kGcsRetry:
        parts.gcs.Repeat(event.timer.key);
        break;
      case TimerKind::kRequestTimeout:
        parts.requests.OnTimeout(event.timer.key);
        parts.gcs.OnTimeout(event.timer.key);
        parts.streams.OnTimeout(event.timer.key);
        break;
      case TimerKind::kLeaseLinger:
        parts.tasks.Leases().OnLinger(event.timer.key);
        break;
      case TimerKind::kStall:
        parts.executor.OnStallTimer(event.timer.key);
        break;
      case TimerKind::kBlocked:
        parts.deadlocks.OnTimer();
        break;
    }
  }
  void operator()(const Started& event) {
    const Address daemon = event.node.IsNil() ? Address{} : Address::Daemon(event.node);
    parts.context.Tell(daemon, event.registration);
  }
  void operator()(const TaskSubmitted& event) { parts.tasks.Submit(event.spec); }
  void operator()(const ObjectPut& event) {
    parts.Own(event.object, event.contained);
    parts.values.SetInline(event.object, event.value, event.contained);
  }
  void operator()(const BufferRequested& event) {
    parts.store.Create(event.request, event.object, event.size);
  }
  void operator()(const BufferSealed& event) {
    parts.Own(event.object, event.contained);
    parts.store.Written(event.object);
    parts.values.SetStored(event.object, event.kind, event.size, parts.context.self.node,
                           event.contained);
  }
  void operator()(const GetRequested& event) { parts.requests.Get(event); }
  void operator()(const WaitRequested& event) { parts.requests.Wait(event); }
  void operator()(const RequestAbandoned& event) {
    parts.requests.Abandon(event.request);
    parts.store.Abandon(event.request);
    parts.gcs.Abandon(event.request);
    parts.tasks.Actors().Abandon(event.request);
    parts.streams.Abandon(event.request);
    parts.executor.Abandon(event.request);
  }
  void operator()(const ReferenceAdded& event) { parts.AddReference(event); }
  void operator()(const ReferenceRemoved& event) {
    parts.references.Drop(event.object, Count::kLocal);
  }
  void operator()(const BufferReleased& event) { parts.store.DropUser(event.object); }
  void operator()(const GcsRequested& event) { parts.gcs.AskFor(event); }
  void operator()(const ActorKillRequested& event) { parts.tasks.Kill(event); }
  void operator()(const CancelRequested& event) { parts.Cancel(event); }
  void operator()(const FreeRequested& event) {
    for (const ObjectId id : event.objects) parts.Free(id);
  }
  void operator()(const TaskExecuted& event) { parts.executor.OnExecuted(event); }
  void operator()(const ItemYielded& event) { parts.executor.OnYielded(event); }
  void operator()(const NextRequested& event) { parts.streams.Next(event); }
  void operator()(const NextTaken& event) { parts.streams.Take(event.task); }
  void operator()(const StreamDropped& event) { parts.streams.Drop(event.task); }
};

}  // namespace

// Routing

Worker::Worker(WorkerId id, Options options) : parts_(std::make_unique<Parts>(id, options)) {}
Worker::~Worker() = default;

void Worker::Handle(Instant now, const Event& event, Effects& out) {
  parts_->context.now = now;
  parts_->context.out = &out;
  parts_->references.Records().ForgetTouched();
  parts_->tasks.ForgetTouched();
  std::visit(EventRouter<Parts>{*parts_}, event);
  parts_->Settle();
  parts_->context.out = nullptr;
}

// What one event changes can change more: values that came, copies that are missing, counts that
// fell.
void Worker::Parts::Settle() {
  do {
    while (SettleStep()) {
    }
    tasks.Pump();
  } while (SettleStep());
  store.ReleaseUnused();
}

bool Worker::Parts::SettleStep() {
  if (const auto notice = values.NextNotice()) {
    SettleNotice(*notice);
  } else if (const auto lost = values.NextLost()) {
    tasks.Recover(*lost);
  } else if (const auto candidate = references.NextCandidate()) {
    SettleObject(*candidate);
  } else {
    return false;
  }
  return true;
}

void Worker::Parts::SettleNotice(const ObjectValues::Notice& notice) {
  switch (notice.waiter.kind) {
    case Waiter::Kind::kTask:
      tasks.OnNotice(notice.waiter.task);
      break;
    case Waiter::Kind::kRequest:
      requests.OnNotice(notice.waiter.request, notice.waiter.slot, notice.failure);
      break;
    case Waiter::Kind::kExecutor:
      executor.OnNotice(notice.waiter.task, notice.waiter.slot, notice.failure);
      break;
    case Waiter::Kind::kHandle:
      tasks.OnHandleResolved(notice.object);
      break;
  }
}

void Worker::Parts::SettleObject(ObjectId id) {
  ObjectRecord* record = references.Find(id);
  if (record == nullptr || record->IsInScope()) return;
  if (!record->owned) {
    values.NotifyAll(id, *record);
    references.Release(id, *record);
    references.Erase(id, *record);
    return;
  }
  values.FreeCopies(id, *record);
  if (record->Of(Count::kLineage) > 0 && !context.Has(Bug::kForgetsLineageArguments)) {
    if (record->freed) values.Unfree(*record);
    record->released = record->status.phase == ObjectPhase::kStored;
    return;
  }
  const ActorId actor = *record->actor;
  if (!record->looked_at && actor.IsNil()) context.TellUnhandled(record->status.value);
  values.NotifyAll(id, *record);
  references.DropAll(*record->inner, Count::kContained);
  if (record->NeedsLineage() && !id.IsPut()) tasks.ReturnErased(id);
  references.Erase(id, *record);
  if (!actor.IsNil()) tasks.HandleErased(actor);
}

void Worker::Parts::Own(ObjectId id, const std::vector<ObjectRef>& contained) {
  references.Own(id).Of(Count::kLocal) = 1;
  references.AddAll(contained, Count::kContained);
}

void Worker::Parts::AddReference(const ReferenceAdded& event) {
  const ObjectId id = event.reference.id;
  references.Add(event.reference, Count::kLocal);
  const ObjectRecord& record = *references.Find(id);
  // What a task holds is seen to when the task ends.
  if (!references.IsUnregistered(record) || record.Of(Count::kExecuting) > 0) return;
  if (event.container_is_task) {
    if (executor.HoldFor(event.container.task, event.reference)) return;
    references.Register(id, ObjectId{}, TaskId{});
    return;
  }
  const bool held = !event.container.IsNil() && references.Find(event.container) != nullptr &&
                    !context.Has(Bug::kReleasesContainerEarly);
  references.Register(id, held ? event.container : ObjectId{}, TaskId{});
}

void Worker::Parts::Cancel(const CancelRequested& event) {
  const ObjectRecord* record = references.Find(event.object);
  if (record == nullptr || event.object.IsPut()) return;
  if (record->owned) {
    tasks.Cancel(event.object.task, event.force, event.recursive);
  } else {
    context.Tell(record->owner, CancelTask{event.object.task, 0, event.force, event.recursive});
  }
}

void Worker::Parts::Free(ObjectId id) {
  ObjectRecord* record = references.Find(id);
  if (record == nullptr || !record->owned || !record->actor->IsNil() || !record->IsResolved()) {
    return;
  }
  const bool had_lineage = record->NeedsLineage() && tasks.HasLineage(id);
  const bool is_lineage = record->Of(Count::kLineage) > 0;
  values.FreeCopies(id, *record);
  values.SetInline(id, *record, Payload::Error(errors::ObjectFreedOnPurpose(id)));
  record->freed = had_lineage && is_lineage;
  if (had_lineage && !is_lineage) tasks.ReturnErased(id);
}

void Worker::Parts::Bury(const Death& death) {
  for (const TaskId task : references.ForgetDead()) executor.OnAcknowledged(task);
  values.ForgetDead();
  executor.ForgetDead();
  tasks.OnDeath(death);
}

void Worker::Parts::AnswerGcs(const Message& message) {
  const auto number = RequestNumberOf(message);
  CHECK(number) << "a worker cannot handle " << NameOf(message);
  const auto question = gcs.Answered(*number);
  if (!question) return;  // The second answer to a repeated question.
  if (question->request) {
    context.Emit(FulfilGcs{*question->request, message, /*timed_out=*/false});
  } else if (const auto* registered = std::get_if<ActorRegistered>(&message)) {
    tasks.OnActorRegistered(question->creation, registered->error);
  } else if (const auto* listed = std::get_if<ListActorsReply>(&message)) {
    tasks.OnActorsListed(listed->actors);
  }
}

// Views

std::vector<PendingTask> Worker::PendingTasks() const { return parts_->tasks.PendingTasks(); }

std::size_t Worker::PendingCount() const { return parts_->tasks.PendingCount(); }

std::size_t Worker::PendingCalls(ActorId actor) const {
  return std::as_const(parts_->tasks).Actors().PendingCalls(actor);
}

std::vector<FailedTask> Worker::FailedTasks() const { return parts_->tasks.Failures().Tasks(); }

std::vector<ReferenceView> Worker::References() const {
  std::vector<ReferenceView> views;
  for (const auto& [id, record] : std::as_const(parts_->references).Records()) {
    ReferenceView view;
    view.reference = {id, record.owner};
    view.owned = record.owned;
    view.local = record.Of(Count::kLocal);
    view.submitted = record.Of(Count::kSubmitted) + record.Of(Count::kExecuting);
    view.contained = record.Of(Count::kContained);
    for (const auto& [borrower, registrations] : record.lending->borrowers)
      view.borrowers.push_back(borrower);
    view.status = record.status;
    view.lineage = parts_->tasks.HasLineage(id);
    view.attempt = parts_->tasks.AttemptOf(id);
    view.actor = *record.actor;
    views.push_back(std::move(view));
  }
  return views;
}

ObjectRef Worker::FindReference(ObjectId object) const {
  const ReferenceTable::Table& records = std::as_const(parts_->references).Records();
  const auto found = records.find(object);
  return found == records.end() ? ObjectRef{} : ObjectRef{object, found->second.owner};
}

std::optional<std::vector<FetchedValue>> Worker::Peek(const std::vector<ObjectId>& objects) const {
  const ReferenceTable::Table& records = std::as_const(parts_->references).Records();
  std::vector<FetchedValue> values;
  values.reserve(objects.size());
  for (const ObjectId id : objects) {
    const auto found = records.find(id);
    if (found == records.end()) return std::nullopt;
    const ObjectStatus& status = found->second.status;
    if (status.phase != ObjectPhase::kInline || status.value.kind != PayloadKind::kValue)
      return std::nullopt;
    values.push_back({id, status.value, {}});
  }
  return values;
}

std::vector<ObjectId> Worker::MappedObjects() const { return parts_->store.Pinned(); }

Touched Worker::LastTouched() const {
  const ReferenceTable::Table& records = std::as_const(parts_->references).Records();
  Touched touched{records.Touched(), parts_->tasks.Touched()};
  if (records.AllTouched()) {
    for (const auto& [id, record] : records) touched.objects.push_back(id);
  }
  // Whether an object can be made again shows in its task.
  for (const TaskId task : touched.tasks) touched.objects.push_back({task, 0});
  return touched;
}

std::optional<ObjectView> Worker::FindObject(ObjectId object) const {
  const ReferenceTable::Table& records = std::as_const(parts_->references).Records();
  const auto found = records.find(object);
  if (found == records.end()) return std::nullopt;
  ObjectView view = ViewOf(found->second);
  view.has_lineage = found->second.owned && parts_->tasks.HasLineage(object);
  return view;
}

std::optional<TaskView> Worker::FindTask(TaskId task) const { return parts_->tasks.Find(task); }

std::vector<LeaseView> Worker::Leases() const {
  return std::as_const(parts_->tasks).Leases().Leases();
}

std::vector<LeaseRequestView> Worker::LeaseRequests() const {
  return std::as_const(parts_->tasks).Leases().Requests();
}

std::vector<CalledActorView> Worker::CalledActors() const {
  return std::as_const(parts_->tasks).Actors().Views();
}

std::vector<ExecutionView> Worker::Executions() const { return parts_->executor.Views(); }

void Worker::CheckInvariants() const {
  ExpectedCounts counts;
  parts_->values.CheckInvariants();
  parts_->references.CheckInvariants(counts);
  parts_->tasks.CheckInvariants(counts);
  parts_->executor.CheckInvariants(counts);
  parts_->streams.CheckInvariants(counts);
  parts_->requests.CheckInvariants();
  parts_->store.CheckInvariants();
  parts_->CheckObjects(counts);
}

// Every count must be explained by something that this process can point at.
void Worker::Parts::CheckObjects(const ExpectedCounts& counts) const {
  for (const auto& [id, count] : counts) {
    CHECK(references.Records().contains(id)) << "object " << id << " is needed and not known";
  }
  for (const auto& [id, record] : references.Records()) {
    auto expected = counts.Of(id);
    expected[static_cast<std::size_t>(Count::kLocal)] = record.Of(Count::kLocal);
    CHECK(expected == record.counts) << "object " << id << " is not counted right";
    CHECK(record.IsInScope() || record.Of(Count::kLineage) > 0)
        << "object " << id << " is kept for nobody";
    CHECK(record.owned || record.lending->borrowers.empty()) << "object " << id;
    CHECK(record.owned == (record.owner == context.self)) << "object " << id;
    values.CheckObject(id, record);
  }
}

}  // namespace mobula::worker
