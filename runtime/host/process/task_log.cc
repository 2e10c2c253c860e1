// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/task_log.h"

#include <algorithm>

namespace mobula::host {
namespace {

TaskTimes::Kind KindOf(TaskKind kind) {
  switch (kind) {
    case TaskKind::kNormal:
      return TaskTimes::Kind::kNormal;
    case TaskKind::kActorCreation:
      return TaskTimes::Kind::kActorCreation;
    case TaskKind::kActorCall:
      return TaskTimes::Kind::kActorCall;
  }
  return TaskTimes::Kind::kNormal;
}

}  // namespace

void TaskLog::Pushed(Instant now, const Address& source, const PushTask& push) {
  // The GCS may push an actor's creation again, which is answered once.
  if (!source.IsGcs()) Add(page_.Count().pushed);
  arrivals_[PlaceOf(push.spec.task)] = {push.spec.task, now};
}

void TaskLog::Started(Instant now, const TaskSpec& spec) {
  Add(page_.Count().started);
  const Arrival& arrival = arrivals_[PlaceOf(spec.task)];
  TaskTimes times;
  times.task = spec.task;
  times.arrived = arrival.task == spec.task ? arrival.time : now;
  times.started = times.ended = now;
  times.attempt = spec.attempt;
  times.kind = KindOf(spec.header->kind);
  times.SetText(spec.header->name);
  executions_[PlaceOf(spec.task)] = {spec.task, page_.Note(times)};
}

void TaskLog::Executed(Instant now, const worker::TaskExecuted& event) {
  const bool failed = std::any_of(
      event.results.begin(), event.results.end(),
      [](const TaskResult& result) { return result.value.kind != PayloadKind::kValue; });
  Add(failed ? page_.Count().failed : page_.Count().finished);
  const Execution& execution = executions_[PlaceOf(event.task)];
  if (execution.task == event.task) page_.NoteEnd(execution.number, now, failed);
}

void TaskLog::Marked(Instant started, Instant ended, std::string_view text) {
  TaskTimes times;
  times.arrived = times.started = started;
  times.ended = ended;
  times.kind = TaskTimes::Kind::kMark;
  times.over = true;
  times.SetText(text);
  page_.Note(times);
}

}  // namespace mobula::host
