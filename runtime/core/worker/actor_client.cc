// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/actor_client.h"

#include <iterator>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

void ActorClient::AddOwned(const TaskSpec& creation) {
  const TaskHeader& header = *creation.header;
  Actor& actor = actors_[header.actor];
  actor.unregistered = true;
  actor.view.actor = header.actor;
  actor.view.class_name = header.name;
  actor.view.handle = {creation.Return(0), header.owner};
  if (!header.actor_options) return;
  actor.view.max_task_retries = header.actor_options->max_task_retries;
  actor.view.detached = header.actor_options->detached;
}

void ActorClient::Registered(ActorId id) {
  Actor& actor = actors_.at(id);
  actor.unregistered = false;
  Subscribe(id, actor);
  if (actor.kill) TellKill(actor);
  if (actor.out_of_scope) context_.TellGcs(ActorOutOfScope{id});
}

void ActorClient::Kill(const ActorKillRequested& event) {
  Actor& actor = actors_[event.actor];
  actor.view.actor = event.actor;
  actor.killers.push_back(event.request);
  if (actor.view.state == ActorState::kDead) return AnswerKillers(actor);
  if (actor.view.state == ActorState::kAlive) actor.unreachable = true;
  actor.kill = KillActor{event.actor, event.no_restart, actor.view.incarnation};
  if (actor.unregistered) return;
  Subscribe(event.actor, actor);
  // Which incarnation is meant shows when the GCS has said how the actor is.
  if (event.no_restart || actor.heard) TellKill(actor);
}

void ActorClient::Abandon(RequestId request) {
  for (auto& [id, actor] : actors_) std::erase(actor.killers, request);
}

void ActorClient::AnswerKillers(Actor& actor) {
  for (const RequestId request : std::exchange(actor.killers, {}))
    context_.Emit(FulfilGcs{request, ActorKilled{}, /*timed_out=*/false});
}

void ActorClient::TellKill(Actor& actor) {
  // Each who waits is answered by the GCS; what is told once more for nobody is repeated, too.
  if (actor.killers.empty()) gcs_.Ask(*actor.kill, std::nullopt);
  for (const RequestId request : std::exchange(actor.killers, {})) gcs_.Ask(*actor.kill, request);
  // One that is on its way to life is not killed; a repetition could find it alive.
  if (!actor.kill->no_restart && actor.view.state != ActorState::kAlive) actor.kill.reset();
}

/// An actor that was killed lives on, as far as the GCS has said.
void ActorClient::HearOfKilled(Actor& actor, bool is_first) {
  if (actor.kill->no_restart) {
    // The kill may have been faster than the registration, and then it was for nobody.
    if (is_first) TellKill(actor);
  } else if (is_first) {
    actor.kill->incarnation = actor.view.incarnation;
    if (actor.view.state == ActorState::kAlive) actor.unreachable = true;
    TellKill(actor);
  } else if (actor.view.incarnation > actor.kill->incarnation) {
    actor.kill.reset();
  }
}

void ActorClient::GcsRestarted() {
  for (auto& [id, actor] : actors_) {
    if (actor.view.state == ActorState::kDead || actor.unregistered) continue;
    if (actor.subscribed) context_.TellGcs(SubscribeActor{id});
    if (actor.out_of_scope) context_.TellGcs(ActorOutOfScope{id});
  }
}

void ActorClient::OutOfScope(ActorId id) {
  const auto found = actors_.find(id);
  if (found == actors_.end()) return;
  Actor& actor = found->second;
  if (actor.view.detached || actor.view.state == ActorState::kDead) return;
  if (std::exchange(actor.out_of_scope, true) || actor.unregistered) return;
  context_.TellGcs(ActorOutOfScope{id});
}

void ActorClient::Subscribe(ActorId id, Actor& actor) {
  if (actor.unregistered || std::exchange(actor.subscribed, true)) return;
  context_.TellGcs(SubscribeActor{id});
}

bool ActorClient::Enqueue(const TaskSpec& call, std::uint64_t order) {
  Actor& actor = actors_[call.header->actor];
  actor.view.actor = call.header->actor;
  if (actor.view.state == ActorState::kDead) {
    dispatcher_.Fail(call.task, errors::ActorDied(actor.view, call, false));
    return false;
  }
  Subscribe(call.header->actor, actor);
  const bool added = actor.waiting[CallerOf(call)].emplace(order, call.task).second;
  CHECK(added) << "call " << call.task << " is queued twice";
  return true;
}

TaskId ActorClient::CallerOf(const TaskSpec& call) const {
  return context_.actor.IsNil() ? call.parent : TaskId{};
}

void ActorClient::Remove(const TaskSpec& call, std::uint64_t order) {
  const auto found = actors_.find(call.header->actor);
  if (found == actors_.end()) return;
  Actor& actor = found->second;
  actor.in_flight.erase(order);
  // `Pump`, which can be at this queue just now, erases it when it is empty.
  const auto queue = actor.waiting.find(CallerOf(call));
  if (queue != actor.waiting.end()) queue->second.erase(order);
}

ActorClient::Queue::const_iterator ActorClient::NextCall(const Actor& actor,
                                                         const Queue& queue) const {
  if (actor.view.out_of_order || context_.Has(Bug::kReordersCalls)) {
    for (auto call = queue.begin(); call != queue.end(); ++call) {
      if (dispatcher_.IsReady(call->second)) return call;
    }
  }
  return queue.begin();
}

std::size_t ActorClient::PendingCalls(ActorId id) const {
  const auto found = actors_.find(id);
  if (found == actors_.end()) return 0;
  std::size_t count = found->second.in_flight.size();
  for (const auto& [caller, queue] : found->second.waiting) count += queue.size();
  return count;
}

void ActorClient::Pump(ActorId id) {
  const auto found = actors_.find(id);
  if (found == actors_.end()) return;
  Actor& actor = found->second;
  const bool is_doomed = actor.unreachable || (actor.kill && actor.kill->no_restart);
  const bool reachable = !is_doomed || context_.Has(Bug::kCallsOldIncarnations);
  const bool can_send = actor.view.state == ActorState::kAlive && reachable;
  const bool restarts = actor.view.state == ActorState::kRestarting;
  for (auto queue = actor.waiting.begin(); queue != actor.waiting.end();) {
    if (can_send) PumpQueue(actor, queue->second);
    if (restarts) FailQueue(actor, queue->second);
    queue = queue->second.empty() ? actor.waiting.erase(queue) : std::next(queue);
  }
}

void ActorClient::PumpQueue(Actor& actor, Queue& queue) {
  while (!queue.empty()) {
    const auto call = NextCall(actor, queue);
    if (!dispatcher_.IsReady(call->second)) return;
    if (!dispatcher_.Push(call->second, actor.view.worker, actor.next_sequence, {})) return;
    ++actor.next_sequence;
    actor.in_flight.insert(*call);
    queue.erase(call);
  }
}

void ActorClient::FailQueue(const Actor& actor, const Queue& queue) {
  while (!queue.empty()) {
    const TaskId call = queue.begin()->second;
    const TaskSpec& spec = dispatcher_.SpecOf(call);
    if (spec.header->max_retries != 0 || !dispatcher_.IsReady(call)) return;
    dispatcher_.Fail(call, errors::ActorRestarts(actor.view, spec));
  }
}

std::vector<TaskId> ActorClient::TakeInFlight(Actor& actor) {
  std::vector<TaskId> tasks;
  for (const auto& [order, task] : std::exchange(actor.in_flight, {})) tasks.push_back(task);
  return tasks;
}

void ActorClient::FailAll(Actor& actor) {
  const auto waiting = std::exchange(actor.waiting, {});
  for (const TaskId task : TakeInFlight(actor)) {
    dispatcher_.Fail(task, errors::ActorDied(actor.view, dispatcher_.SpecOf(task), true));
  }
  for (const auto& [caller, queue] : waiting) {
    for (const auto& [order, task] : queue)
      dispatcher_.Fail(task, errors::ActorDied(actor.view, dispatcher_.SpecOf(task), false));
  }
}

ActorClient::LostCalls ActorClient::Update(const ActorView& view) {
  const auto found = actors_.find(view.actor);
  if (found == actors_.end()) return {};
  Actor& actor = found->second;
  // News of an earlier life of the GCS can be late.
  const bool went_back = view.incarnation == actor.view.incarnation &&
                         actor.view.state == ActorState::kAlive &&
                         view.state != ActorState::kAlive && view.state != ActorState::kDead;
  const bool outdated =
      actor.view.state == ActorState::kDead || view.incarnation < actor.view.incarnation;
  if (outdated || went_back) return {};
  const bool moved = view.incarnation != actor.view.incarnation ||
                     (view.state == ActorState::kAlive && view.worker != actor.view.worker);
  actor.view = view;
  const bool is_first = !std::exchange(actor.heard, true);
  if (view.state == ActorState::kDead) {
    actor.kill.reset();
    AnswerKillers(actor);
    FailAll(actor);
    return {};
  }
  LostCalls lost{view, {}};
  if (moved || view.state == ActorState::kRestarting) {
    if (!context_.Has(Bug::kForgetsLostCalls)) lost.tasks = TakeInFlight(actor);
    actor.next_sequence = 0;
    actor.unreachable = false;
  }
  if (actor.kill) HearOfKilled(actor, is_first);
  return lost;
}

void ActorClient::WorkerDied(const Address& worker) {
  for (auto& [id, actor] : actors_) {
    if (actor.view.state == ActorState::kAlive && actor.view.worker == worker)
      actor.unreachable = true;
  }
}

void ActorClient::ForgetDeadNode(NodeId node) {
  for (auto& [id, actor] : actors_) {
    if (actor.view.state == ActorState::kAlive && actor.view.worker.node == node)
      actor.unreachable = true;
  }
}

bool ActorClient::IsHeard(ActorId actor) const {
  const auto found = actors_.find(actor);
  return found != actors_.end() && found->second.heard;
}

std::vector<ActorId> ActorClient::Unheard() const {
  std::vector<ActorId> unheard;
  for (const auto& [id, actor] : actors_) {
    if (!actor.heard && !(actor.waiting.empty() && actor.killers.empty())) unheard.push_back(id);
  }
  return unheard;
}

const ActorView* ActorClient::Find(ActorId actor) const {
  const auto found = actors_.find(actor);
  return found == actors_.end() ? nullptr : &found->second.view;
}

void ActorClient::CheckInvariants() const {
  for (const auto& [id, actor] : actors_) {
    for (const auto& [caller, queue] : actor.waiting) {
      CHECK(!queue.empty()) << "caller " << caller << " of actor " << id << " has no call";
    }
    if (actor.view.state != ActorState::kDead) continue;
    CHECK(actor.waiting.empty() && actor.in_flight.empty())
        << "actor " << id << " is dead and has calls";
  }
}

}  // namespace mobula::worker
