// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/actor_table.h"

#include <set>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/gcs/actor_placement.h"

namespace mobula::gcs {
namespace {

/// Of a lease request's number: the lower part counts, the upper one is the GCS's incarnation.
constexpr int kCountBits = 32;

/// "the actor Counter (0123...)", with its name if it has one.
std::string Describe(const ActorView& view) {
  std::string text = "actor " + view.class_name;
  if (!view.name.empty()) text += " \"" + view.name + "\"";
  return text + " (" + view.actor.Hex() + ")";
}

/// "Actor ..., for the start of a sentence.
std::string Sentence(const ActorView& view) { return "The " + Describe(view); }

ErrorInfo DeathCause(const ActorView& view, std::string message) {
  ErrorInfo cause;
  cause.kind = ErrorKind::kActorDied;
  cause.actor = view.actor;
  cause.message = std::move(message);
  return cause;
}

ActorRecord MakeRecord(const TaskSpec& creation) {
  const TaskHeader& header = *creation.header;
  const ActorOptions& options = *header.actor_options;
  ActorRecord record;
  record.creation = creation;
  ActorView& view = record.view;
  view.actor = header.actor;
  view.class_name = header.function.name;
  view.name = options.name;
  view.ray_namespace = options.ray_namespace;
  view.job = header.job;
  view.handle = ObjectRef{creation.Return(0), header.owner};
  view.handle_description = options.handle_description;
  view.max_task_retries = options.max_task_retries;
  view.out_of_order = options.out_of_order;
  view.detached = options.detached;
  return record;
}

/// The exception of a constructor, or the system error that came in its place; null when it
/// returned.
const Payload* FindFailure(const TaskDone& done) {
  for (const TaskResult& result : done.results) {
    if (result.value.kind != PayloadKind::kValue) return &result.value;
  }
  return nullptr;
}

bool MayRestart(const ActorRecord& record) {
  const std::int32_t limit = record.creation.header->actor_options->max_restarts;
  return limit < 0 || record.view.incarnation < static_cast<std::uint32_t>(limit);
}

std::string HowToSurvive(const ActorRecord& record) {
  if (record.creation.header->actor_options->max_restarts == 0)
    return " It would be restarted with max_restarts > 0.";
  return " Its max_restarts of " +
         std::to_string(record.creation.header->actor_options->max_restarts) +
         " restarts are used up.";
}

}  // namespace

void ActorTable::Recover(const Rows& rows, std::uint64_t incarnation) {
  directory_.Recover(rows);
  for (const auto& [actor, row] : rows.actors) {
    if (row.lease_request != 0) lease_requests_.emplace(row.lease_request, actor);
  }
  for (const auto& [actor, row] : rows.refusals)
    refusals_.emplace(actor, std::pair(row.owner, row.error));
  next_lease_request_ = (incarnation << kCountBits) + 1;
}

void ActorTable::FillIn(Rows& rows) const {
  directory_.FillIn(rows);
  for (const auto& [actor, refusal] : refusals_)
    rows.refusals[actor] = {actor, refusal.first, refusal.second};
}

// ---- Requests of owners and callers
// ------------------------------------------------------------------------

ErrorInfo ActorTable::RefuseRegistration(const TaskSpec& creation) {
  const TaskHeader& header = *creation.header;
  const ActorOptions& options = *header.actor_options;
  ErrorInfo error;
  error.actor = header.actor;
  const ActorRecord* rival =
      options.name.empty() ? nullptr : directory_.FindNamed(options.ray_namespace, options.name);
  if (rival != nullptr) {
    error.kind = ErrorKind::kInvalid;
    error.message = "The actor name \"" + options.name + "\" is taken in namespace \"" +
                    options.ray_namespace + "\" by the " + Describe(rival->view) +
                    ". Use another name or namespace, or get_if_exists=True to share that actor.";
  } else if (jobs_.IsFinished(header.job) && !options.detached) {
    error.kind = ErrorKind::kActorDied;
    error.message = "The actor " + header.function.name + " cannot start: its job " +
                    header.job.Short() + " has finished. A detached actor could.";
  }
  return error;
}

void ActorTable::Register(const Address& source, const RegisterActor& message, Outbox& out) {
  const TaskSpec& creation = message.creation;
  const TaskHeader& header = *creation.header;
  CHECK(header.actor_options && !header.actor.IsNil())
      << "not an actor's creation: " << header.name;
  const auto refusal = refusals_.find(header.actor);
  if (refusal != refusals_.end()) {
    out.Send(source, ActorRegistered{message.request, refusal->second.second});
    return;
  }
  if (directory_.Find(header.actor) != nullptr) {
    out.Send(source, ActorRegistered{message.request, {}});
    return;
  }
  const ErrorInfo error = RefuseRegistration(creation);
  out.Send(source, ActorRegistered{message.request, error});
  if (!error.Ok()) {
    refusals_.emplace(header.actor, std::pair(header.owner, error));
    out.Log(RefusalRow{header.actor, header.owner, error});
    return;
  }
  out.Log(CreationRow{creation});
  ActorRecord& record = directory_.Add(MakeRecord(creation));
  directory_.Publish(record, out);
  RequestLeaseFor(record, out);
}

void ActorTable::Subscribe(const Address& source, const SubscribeActor& message, Outbox& out) {
  directory_.Subscribe(source, message.actor, out);
}

void ActorTable::GetNamed(const Address& source, const GetNamedActor& message, Outbox& out) {
  NamedActorReply reply;
  reply.request = message.request;
  if (const ActorRecord* record = directory_.FindNamed(message.ray_namespace, message.name)) {
    reply.found = true;
    reply.actor = record->view;
  }
  out.Send(source, std::move(reply));
}

void ActorTable::Kill(const KillActor& message, Outbox& out) {
  ActorRecord* record = directory_.Find(message.actor);
  if (record == nullptr || record->IsDead()) return;
  if (message.no_restart) {
    Die(*record, DeathCause(record->view, "The actor is dead because it was killed by `ray.kill`."),
        out);
    return;
  }
  if (record->view.incarnation > message.incarnation) return;  // Done already.
  if (record->worker.worker.IsNil()) return;  // Its next incarnation is on its way already.
  ReleaseWorker(*record, "killed by ray.kill(), may restart", /*in_order=*/false, out);
  LoseWorker(*record, "is dead because it was killed by `ray.kill` with no_restart=False", out);
}

void ActorTable::OutOfScope(const ActorOutOfScope& message, Outbox& out) {
  ActorRecord* record = directory_.Find(message.actor);
  if (record == nullptr || record->IsDead() || record->view.detached) return;
  Die(*record,
      DeathCause(record->view,
                 Sentence(record->view) +
                     " ended because its last handle went out of scope. Keep a handle, or make "
                     "it detached, for it to live longer."),
      out, /*in_order=*/true);
}

// ---- Leases and creation
// -----------------------------------------------------------------------------------

void ActorTable::RequestLeaseFor(ActorRecord& record, Outbox& out) {
  CHECK(record.lease_request == 0 && record.worker.worker.IsNil()) << record.view.actor;
  const Placement placement = Place(nodes_, groups_, record.creation, turn_++);
  record.spill_count = 0;
  if (!placement.error.Ok()) {
    Die(record, placement.error, out);
  } else if (!placement.node.IsNil()) {
    SendLeaseRequest(record, placement.node, out);
  }
}

void ActorTable::SendLeaseRequest(ActorRecord& record, NodeId node, Outbox& out) {
  record.lease_request = next_lease_request_++;
  record.lease_node = node;
  directory_.Touch(record);
  lease_requests_.emplace(record.lease_request, record.view.actor);
  RepeatLeaseRequest(record, out);
}

void ActorTable::RepeatLeaseRequest(const ActorRecord& record, Outbox& out) const {
  const TaskHeader& header = *record.creation.header;
  RequestLease request = RequestLease::For(header);
  request.request = record.lease_request;
  request.owner = Address::Gcs();
  // Spreading was done here, in turns over the whole cluster; the raylets' own turns would undo it.
  if (header.strategy.kind == StrategyKind::kSpread) request.strategy = {};
  if (header.name.empty()) request.name = header.function.name;
  request.actor = record.view.actor;
  request.spill_count = record.spill_count;
  out.Send(Address::Daemon(record.lease_node), std::move(request));
}

void ActorTable::PushCreation(const ActorRecord& record, Outbox& out) const {
  PushTask push{record.creation, record.view.gpus};
  push.spec.attempt = record.view.incarnation;
  out.Send(record.worker, std::move(push));
}

void ActorTable::EndLeaseRequest(ActorRecord& record) {
  lease_requests_.erase(record.lease_request);
  record.lease_request = 0;
  record.lease_node = NodeId{};
  directory_.Touch(record);
}

ActorRecord* ActorTable::FindLeasing(std::uint64_t request) {
  const auto found = lease_requests_.find(request);
  return found == lease_requests_.end() ? nullptr : directory_.Find(found->second);
}

void ActorTable::Granted(const LeaseGranted& message, Outbox& out) {
  ActorRecord* record = FindLeasing(message.request);
  if (record == nullptr) {
    // The actor died while the grant was under way; a repeated grant of a worker in use is none.
    if (directory_.FindByWorker(message.worker.worker) != nullptr) return;
    out.Send(Address::Daemon(message.worker.node),
             KillWorker{message.worker.worker, "the actor it was meant for is dead",
                        /*in_order=*/false});
    return;
  }
  EndLeaseRequest(*record);
  directory_.SetWorker(*record, message.worker);
  record->view.worker = message.worker;
  record->view.pid = message.pid;
  record->view.gpus = message.gpus;
  record->view.death_cause = ErrorInfo{};
  PushCreation(*record, out);
}

void ActorTable::Spilled(const LeaseSpilled& message, Outbox& out) {
  ActorRecord* record = FindLeasing(message.request);
  if (record == nullptr) return;
  EndLeaseRequest(*record);
  if (!nodes_.IsAlive(message.node)) {
    RequestLeaseFor(*record, out);
    return;
  }
  ++record->spill_count;
  SendLeaseRequest(*record, message.node, out);
}

void ActorTable::Refused(const LeaseRefused& message, Outbox& out) {
  ActorRecord* record = FindLeasing(message.request);
  if (record == nullptr) return;
  EndLeaseRequest(*record);
  ErrorInfo cause = message.error;
  if (cause.Ok()) cause.kind = ErrorKind::kActorUnschedulable;
  cause.actor = record->view.actor;
  Die(*record, std::move(cause), out);
}

/// The request stays queued at the raylet. The owner hears why its actor is still pending.
void ActorTable::Infeasible(const LeaseInfeasible& message, Outbox& out) {
  ActorRecord* record = FindLeasing(message.request);
  if (record == nullptr) return;
  ErrorInfo& warning = record->view.death_cause;
  warning = DeathCause(record->view, message.message);
  warning.kind = ErrorKind::kActorUnschedulable;
  directory_.Touch(*record);
  directory_.Publish(*record, out);
  const Address& owner = record->creation.header->owner;
  if (!record->subscribers.contains(owner)) out.Send(owner, ActorUpdate{record->view});
}

void ActorTable::Done(const Address& source, const TaskDone& message, Outbox& out) {
  const bool stale_too = bugs_.Has(Bug::kAcceptsStaleAttempts);
  ActorRecord* record =
      stale_too ? directory_.Find(ActorOf(message.task)) : directory_.FindByWorker(source.worker);
  if (record == nullptr || !record->IsCreating()) return;
  if (record->creation.task != message.task) return;
  if (record->view.incarnation != message.attempt && !stale_too) return;
  const Payload* failure = FindFailure(message);
  if (failure != nullptr || message.application_error) {
    ErrorInfo cause = DeathCause(record->view, Sentence(record->view) + " died in its constructor");
    if (failure != nullptr && failure->kind == PayloadKind::kError) {
      cause.message += ": " + failure->Problem().message;
    } else {
      cause.message += ", which raised an exception.";
      if (failure != nullptr) cause.cause = failure->data;
    }
    Die(*record, std::move(cause), out);
    return;
  }
  record->view.state = ActorState::kAlive;
  directory_.Touch(*record);
  directory_.Publish(*record, out);
  out.Tell(Describe(record->view) + " is alive on node " + nodes_.NameOf(source.node));
}

/// The worker leaves before it began: another one is asked for, and no restart is counted.
void ActorTable::Returned(const Address& source, const TaskReturned& message, Outbox& out) {
  ActorRecord* record = directory_.FindByWorker(source.worker);
  if (record == nullptr || !record->IsCreating() || record->creation.task != message.task) return;
  ReleaseWorker(*record, "it gave an actor's creation back", /*in_order=*/false, out);
  RequestLeaseFor(*record, out);
}

// ---- Deaths
// ------------------------------------------------------------------------------------------------

/// The worker is not this actor's any more; it is ended unless it ended with its node.
void ActorTable::ReleaseWorker(ActorRecord& record, const std::string& reason, bool in_order,
                               Outbox& out) {
  const Address worker = record.worker;
  directory_.ClearWorker(record);
  if (nodes_.IsAlive(worker.node) && !bugs_.Has(Bug::kLeavesOldActors)) {
    out.Send(Address::Daemon(worker.node), KillWorker{worker.worker, reason, in_order});
  }
}

/// After the end of its worker: the next incarnation, or death. `reason` goes on after "the actor",
/// in the words of Ray, which programs look for.
void ActorTable::LoseWorker(ActorRecord& record, const std::string& reason, Outbox& out) {
  CHECK(record.worker.worker.IsNil()) << record.view.actor << " has not lost its worker";
  if (!MayRestart(record)) {
    Die(record, DeathCause(record.view, "The actor " + reason + "." + HowToSurvive(record)), out);
    return;
  }
  ++record.view.incarnation;
  record.view.state = ActorState::kRestarting;
  record.view.worker = Address{};
  record.view.pid = 0;
  directory_.Touch(record);
  directory_.Publish(record, out);
  out.Tell(Describe(record.view) + " restarts: the last incarnation " + reason);
  RequestLeaseFor(record, out);
}

void ActorTable::Die(ActorRecord& record, ErrorInfo cause, Outbox& out, bool in_order) {
  CHECK(!record.IsDead()) << record.view.actor << " cannot die twice";
  if (record.lease_request != 0) {
    if (nodes_.IsAlive(record.lease_node)) {
      out.Send(Address::Daemon(record.lease_node),
               CancelLeaseRequest{record.lease_request, Address::Gcs()});
    }
    EndLeaseRequest(record);
  }
  if (!record.worker.worker.IsNil()) ReleaseWorker(record, cause.message, in_order, out);
  record.view.state = ActorState::kDead;
  record.view.death_cause = std::move(cause);
  record.view.worker = Address{};
  if (record.view.detached) bereaved_.insert(record.view.job);
  directory_.Bury(record);
  directory_.Publish(record, out);
  out.Tell(Describe(record.view) + " is dead: " + record.view.death_cause.message);
}

void ActorTable::DieWithOwner(const std::vector<ActorId>& actors, const std::string& why,
                              Outbox& out) {
  for (const ActorId actor : actors) {
    ActorRecord& record = *directory_.Find(actor);
    const Address& owner = record.creation.header->owner;
    Die(record,
        DeathCause(record.view, "The actor is dead because its owner has died: process " +
                                    owner.worker.Hex() + " on node " + nodes_.NameOf(owner.node) +
                                    ", " + why + ". A detached actor outlives its owner."),
        out);
  }
}

void ActorTable::WorkerDied(const Address& worker, const std::string& reason, bool intended,
                            Outbox& out) {
  directory_.DropSubscriber(worker.worker);
  const auto forgotten = std::erase_if(
      refusals_, [&](const auto& entry) { return entry.second.first.worker == worker.worker; });
  if (forgotten > 0) out.Log(AskerGone{worker});
  // First the orphans: none of them may be restarted.
  DieWithOwner(directory_.OwnedBy(worker.worker), reason, out);
  ActorRecord* record = directory_.FindByWorker(worker.worker);
  if (record == nullptr) return;
  directory_.ClearWorker(*record);
  if (intended) {
    Die(*record,
        DeathCause(record->view, "The actor is dead because it exited on purpose: " + reason + "."),
        out);
    return;
  }
  LoseWorker(*record,
             "is dead because its worker process has died: it was on node " +
                 nodes_.NameOf(worker.node) + " and ended: " + reason,
             out);
}

void ActorTable::NodeDied(NodeId node, Outbox& out) {
  const std::string reason =
      "node " + nodes_.NameOf(node) + " died: " + nodes_.Find(node)->death_reason;
  directory_.DropSubscribersOf(node);
  const auto forgotten = std::erase_if(
      refusals_, [node](const auto& entry) { return entry.second.first.node == node; });
  if (forgotten > 0) out.Log(AskerGone{Address::Daemon(node)});
  DieWithOwner(directory_.OwnedOn(node), reason, out);
  for (const ActorId actor :
       directory_.Select([node](const ActorRecord& r) { return r.worker.node == node; })) {
    ActorRecord& record = *directory_.Find(actor);
    directory_.ClearWorker(record);
    LoseWorker(record, "died because its node has died. It was " + reason, out);
  }
  for (const ActorId actor :
       directory_.Select([node](const ActorRecord& r) { return r.lease_node == node; })) {
    ActorRecord& record = *directory_.Find(actor);
    EndLeaseRequest(record);
    RequestLeaseFor(record, out);
  }
}

void ActorTable::GroupRemoved(const PlacementGroupView& group, Outbox& out) {
  const auto is_in = [&](const ActorRecord& record) {
    if (record.IsDead()) return false;
    const SchedulingStrategy& strategy = record.creation.header->strategy;
    return strategy.kind == StrategyKind::kPlacementGroup && strategy.group == group.spec.group;
  };
  for (const ActorId actor : directory_.Select(is_in)) {
    ActorRecord& record = *directory_.Find(actor);
    ErrorInfo cause = DeathCause(record.view,
                                 "The actor died because its placement group was "
                                 "removed. " +
                                     group.error.message);
    if (record.view.state != ActorState::kAlive)
      cause.kind = ErrorKind::kActorPlacementGroupRemoved;
    Die(record, std::move(cause), out);
  }
}

void ActorTable::PlaceWaiting(Outbox& out) {
  const auto waits = [](const ActorRecord& record) {
    return !record.IsDead() && record.lease_request == 0 && record.worker.worker.IsNil();
  };
  for (const ActorId actor : directory_.Select(waits))
    RequestLeaseFor(*directory_.Find(actor), out);
}

/// An actor's worker, or the request for one, of an actor that has died, restarted or was never
/// logged.
void ActorTable::EndUnwanted(NodeId node, const ActorLease& lease, Outbox& out) {
  const ActorRecord* record = directory_.Find(lease.actor);
  if (record != nullptr) {
    const bool asked = record->lease_request == lease.request && record->lease_node == node;
    if (asked || (!lease.worker.IsNil() && record->worker.worker == lease.worker)) return;
  }
  if (lease.worker.IsNil()) {
    out.Send(Address::Daemon(node), CancelLeaseRequest{lease.request, Address::Gcs()});
  } else {
    out.Send(Address::Daemon(node),
             KillWorker{lease.worker, "the GCS has no actor for it", /*in_order=*/false});
  }
}

void ActorTable::Reconcile(const RegisterNode& message, Outbox& out) {
  const NodeId node = message.info.node;
  const std::set<WorkerId> processes(message.processes.begin(), message.processes.end());
  for (const ActorLease& lease : message.actor_leases) EndUnwanted(node, lease, out);
  const auto is_gone = [&](const Address& process) {
    return process.node == node && !process.worker.IsNil() && !processes.contains(process.worker);
  };
  // What is still under way there; before the dead are buried, because their next incarnations may
  // ask the same node.
  for (const ActorId actor : directory_.Select([&](const ActorRecord& record) {
         const bool leasing = record.lease_request != 0 && record.lease_node == node;
         const bool creating =
             record.IsCreating() && record.worker.node == node && !is_gone(record.worker);
         return (leasing || creating) &&
                (record.view.detached || !is_gone(record.creation.header->owner));
       })) {
    const ActorRecord& record = *directory_.Find(actor);
    if (record.lease_request != 0) {
      RepeatLeaseRequest(record, out);
    } else {
      PushCreation(record, out);
    }
  }
  std::set<Address> gone;
  for (const ActorId actor : directory_.OwnedOn(node)) {
    const Address& owner = directory_.Find(actor)->creation.header->owner;
    if (is_gone(owner)) gone.insert(owner);
  }
  for (const ActorId actor :
       directory_.Select([&](const ActorRecord& record) { return is_gone(record.worker); })) {
    gone.insert(directory_.Find(actor)->worker);
  }
  for (const auto& [actor, refusal] : refusals_) {
    if (is_gone(refusal.first)) gone.insert(refusal.first);
  }
  for (const Address& process : gone)
    WorkerDied(process, "it ended while the GCS was down", /*intended=*/false, out);
}

void ActorTable::JobFinished(JobId job, Outbox& out) {
  const bool all = bugs_.Has(Bug::kEndsDetachedActors);
  const auto ends = [=](const ActorRecord& record) {
    return !record.IsDead() && (all || !record.view.detached) && record.view.job == job;
  };
  for (const ActorId actor : directory_.Select(ends)) {
    ActorRecord& record = *directory_.Find(actor);
    Die(record,
        DeathCause(record.view, Sentence(record.view) + " died because its job " + job.Short() +
                                    " finished. A detached actor outlives its job."),
        out);
  }
}

bool ActorTable::HasDetached(JobId job) const {
  return !directory_
              .Select([job](const ActorRecord& record) {
                return !record.IsDead() && record.view.detached && record.view.job == job;
              })
              .empty();
}

void ActorTable::CheckInvariants() const {
  directory_.CheckInvariants();
  const auto leasing =
      directory_.Select([](const ActorRecord& record) { return record.lease_request != 0; });
  CHECK(leasing.size() == lease_requests_.size()) << "a lease request without an actor";
  const auto lost = directory_.Select([this](const ActorRecord& record) {
    return record.lease_request != 0 && !nodes_.IsAlive(record.lease_node);
  });
  CHECK(lost.empty()) << lost.front() << " waits for a dead node";
}

}  // namespace mobula::gcs
