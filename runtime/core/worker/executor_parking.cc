// SPDX-License-Identifier: Apache-2.0
// What the executor does when the node's store is full of what processes have mapped: the arguments
// of tasks that wait are let go, and fetched again one task at a time.
#include <tuple>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/core/worker/executor.h"

namespace mobula::worker {

void Executor::OnRoomWanted() {
  // What could start now is left alone, or nobody would get on.
  const Entry kept = running_ < concurrency_ ? FirstInTurn() : tasks_.end();
  for (auto entry = tasks_.begin(); entry != tasks_.end(); ++entry) {
    if (entry->second.state != State::kQueued || entry->second.stalled || entry == kept) continue;
    Park(entry->second);
  }
  ResumeParked();
}

void Executor::Park(PushedTask& task) {
  if (std::exchange(task.parked, true)) return;
  ++parked_;
  ready_.erase(task.arrival);
  for (const FetchedValue& argument : task.arguments) {
    if (argument.stored) store_.DropUser(argument.object);
  }
  task.arguments.clear();
  task.missing_arguments = 0;
}

void Executor::Unpark(PushedTask& task) {
  CHECK(task.parked && parked_ > 0);
  task.parked = false;
  --parked_;
}

Executor::Entry Executor::FirstInTurn() {
  Entry first = tasks_.end();
  const auto take = [&](Entry entry) {
    // One that is being fetched for already comes before those that are not.
    const auto place = [](const PushedTask& task) {
      return std::tuple(WaitsForLost(task), task.parked, task.arrival);
    };
    if (first == tasks_.end() || place(entry->second) < place(first->second)) first = entry;
  };
  for (const auto& [sender, state] : senders_) {
    if (state.queue.empty()) continue;
    const auto& [order, id] = *state.queue.begin();
    const Entry next = tasks_.find(id);
    if (!IsQueued(next, order)) continue;
    if (IsActorCall(next->second) && order != state.next_sequence) continue;
    take(next);
    if (!WaitsForLost(next->second)) continue;
    for (const Entry other : OutOfTurn(state)) take(other);
  }
  return first;
}

void Executor::ResumeParked() {
  while (parked_ > 0 && !exiting_ && running_ < concurrency_ && ready_.empty()) {
    const Entry next = FirstInTurn();
    if (next == tasks_.end() || !next->second.parked) return;
    Unpark(next->second);
    RequestArguments(next->second);
    Advance(next->second.sender);
    StartReady();
  }
}

}  // namespace mobula::worker
