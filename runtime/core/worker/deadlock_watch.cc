// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/deadlock_watch.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace mobula::worker {
namespace {

/// A longer circle is not found, nor one through a later object of a get.
constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kObjectsMax = 1000;

}  // namespace

void DeadlockWatch::OnTimer() {
  for (const auto& [request, objects] : requests_.TakeOverdue()) {
    const TaskSpec* running = executor_.OnlyRunning();
    if (running == nullptr) continue;
    TraceWait trace;
    trace.origin = context_.self;
    trace.request = request;
    trace.tasks = {running->task};
    trace.steps = {running->header->name};
    Follow(objects, trace);
  }
}

void DeadlockWatch::OnTrace(const TraceWait& trace) {
  if (trace.executing) {
    OnTraceOfPushed(trace);
  } else {
    OnTraceOfOwned(trace);
  }
}

void DeadlockWatch::OnTraceOfOwned(const TraceWait& trace) {
  if (const auto worker = tasks_.PushedTo(trace.task)) {
    TraceWait next = trace;
    next.executing = true;
    context_.Tell(*worker, std::move(next));
    return;
  }
  const std::vector<ObjectId> awaited = tasks_.AwaitedBy(trace.task);
  if (awaited.empty()) return;
  TraceWait next = trace;
  next.tasks.push_back(trace.task);
  next.steps.push_back(tasks_.SpecOf(trace.task).header->name + " (for its arguments)");
  Follow(awaited, next);
}

void DeadlockWatch::OnTraceOfPushed(TraceWait trace) {
  const TaskSpec* asked = executor_.FindUnfinished(trace.task);
  const TaskSpec* running = executor_.OnlyRunning();
  const auto blocked = requests_.Blocking();
  if (asked == nullptr || running == nullptr || !blocked) return;
  std::string step = asked->header->name;
  if (asked->task != running->task) step += " (behind " + running->header->name + ")";
  trace.steps.push_back(std::move(step));
  if (trace.origin == context_.self && trace.request == blocked->request) return Report(trace);
  if (sent_on_for_ != blocked->request) sent_on_.clear();
  sent_on_for_ = blocked->request;
  if (!sent_on_.emplace(trace.origin.worker, trace.request).second) return;
  trace.tasks.push_back(running->task);
  Follow(blocked->objects, trace);
}

/// To the owners of what is missing.
void DeadlockWatch::Follow(const std::vector<ObjectId>& objects, const TraceWait& trace) {
  if (trace.steps.size() > kStepsMax) return;
  for (const ObjectId object : objects | std::views::take(kObjectsMax)) {
    const ObjectRecord* record = references_.Find(object);
    if (record == nullptr || record->IsResolved() || object.IsPut()) continue;
    TraceWait next = trace;
    next.task = object.task;
    next.executing = false;
    if (record->owned) {
      OnTraceOfOwned(next);
    } else {
      context_.Tell(record->owner, std::move(next));
    }
  }
}

void DeadlockWatch::Report(const TraceWait& trace) {
  DeadlockFound found{trace.tasks,
                      "Deadlock: these calls wait for one another, and none of them can go on: "};
  std::ranges::sort(found.tasks);
  for (std::size_t i = 0; i < trace.steps.size(); ++i) {
    found.message += (i == 0 ? "" : " -> ") + trace.steps[i];
  }
  found.message +=
      ". Give an actor that is called while it calls more than one thread (max_concurrency), or "
      "await in it instead of get; or cancel one of the calls.";
  context_.Tell(context_.driver, std::move(found));
}

void DeadlockWatch::OnFound(const DeadlockFound& found) {
  const std::string& key = found.tasks.empty() ? found.message : std::string();
  if (told_.emplace(found.tasks, key).second) context_.Emit(Warn{found.message});
}

}  // namespace mobula::worker
