// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/actor_client.h"

#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

void ActorClient::AddOwned(const TaskSpec& creation) {
  Actor& actor = actors_[creation.actor];
  actor.unregistered = true;
  actor.view.actor = creation.actor;
  actor.view.class_name = creation.name;
  actor.view.handle = {creation.Return(0), creation.owner};
  if (!creation.actor_options) return;
  actor.view.max_task_retries = creation.actor_options->max_task_retries;
  actor.view.detached = creation.actor_options->detached;
}

void ActorClient::Registered(ActorId id) {
  Actor& actor = actors_.at(id);
  actor.unregistered = false;
  Subscribe(id, actor);
  if (actor.kill_without_restart) context_.TellGcs(KillActor{id, *actor.kill_without_restart});
  if (actor.out_of_scope) context_.TellGcs(ActorOutOfScope{id});
}

void ActorClient::Kill(ActorId id, bool no_restart) {
  const auto found = actors_.find(id);
  if (found != actors_.end() && found->second.unregistered) {
    found->second.kill_without_restart = no_restart;
    return;
  }
  if (found != actors_.end() && found->second.view.state == ActorState::kAlive) {
    found->second.unreachable = true;
  }
  context_.TellGcs(KillActor{id, no_restart});
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
  Actor& actor = actors_[call.actor];
  actor.view.actor = call.actor;
  if (actor.view.state == ActorState::kDead) {
    dispatcher_.Fail(call.task, errors::ActorDied(actor.view, call, false));
    return false;
  }
  Subscribe(call.actor, actor);
  const bool added = actor.waiting.emplace(order, call.task).second;
  CHECK(added) << "call " << call.task << " is queued twice";
  return true;
}

void ActorClient::Remove(ActorId id, std::uint64_t order) {
  const auto found = actors_.find(id);
  if (found == actors_.end()) return;
  found->second.waiting.erase(order);
  found->second.in_flight.erase(order);
}

std::pair<std::uint64_t, TaskId> ActorClient::NextCall(const Actor& actor) const {
  if (context_.Has(Bug::kReordersCalls)) {
    for (const auto& call : actor.waiting) {
      if (dispatcher_.IsReady(call.second)) return call;
    }
  }
  return *actor.waiting.begin();
}

void ActorClient::Pump(ActorId id) {
  const auto found = actors_.find(id);
  if (found == actors_.end()) return;
  Actor& actor = found->second;
  const bool reachable = !actor.unreachable || context_.Has(Bug::kCallsOldIncarnations);
  while (actor.view.state == ActorState::kAlive && reachable && !actor.waiting.empty()) {
    const auto [order, task] = NextCall(actor);
    if (!dispatcher_.IsReady(task)) return;
    if (!dispatcher_.Push(task, actor.view.worker, actor.next_sequence)) return;
    ++actor.next_sequence;
    actor.waiting.erase(order);
    actor.in_flight.emplace(order, task);
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
  for (const auto& [order, task] : waiting) {
    dispatcher_.Fail(task, errors::ActorDied(actor.view, dispatcher_.SpecOf(task), false));
  }
}

ActorClient::LostCalls ActorClient::Update(const ActorView& view) {
  const auto found = actors_.find(view.actor);
  if (found == actors_.end()) return {};
  Actor& actor = found->second;
  const bool outdated =
      actor.view.state == ActorState::kDead || view.incarnation < actor.view.incarnation;
  if (outdated) return {};
  const bool moved = view.incarnation != actor.view.incarnation ||
                     (view.state == ActorState::kAlive && view.worker != actor.view.worker);
  actor.view = view;
  actor.heard = true;
  if (view.state == ActorState::kDead) {
    FailAll(actor);
    return {};
  }
  LostCalls lost{view, {}};
  if (moved || view.state == ActorState::kRestarting) {
    if (!context_.Has(Bug::kForgetsLostCalls)) lost.tasks = TakeInFlight(actor);
    actor.next_sequence = 0;
    actor.unreachable = false;
  }
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
    if (!actor.heard && !actor.waiting.empty()) unheard.push_back(id);
  }
  return unheard;
}

const ActorView* ActorClient::Find(ActorId actor) const {
  const auto found = actors_.find(actor);
  return found == actors_.end() ? nullptr : &found->second.view;
}

void ActorClient::CheckInvariants() const {
  for (const auto& [id, actor] : actors_) {
    if (actor.view.state != ActorState::kDead) continue;
    CHECK(actor.waiting.empty() && actor.in_flight.empty())
        << "actor " << id << " is dead and has calls";
  }
}

}  // namespace mobula::worker
