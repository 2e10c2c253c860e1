// SPDX-License-Identifier: Apache-2.0
// What the executor does with the items of generators: sends them as they are made, and lets the
// generator wait for its consumer.
#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/executor.h"

namespace mobula::worker {

void Executor::OnYielded(const ItemYielded& event) {
  const auto entry = tasks_.find(event.task);
  CHECK(entry != tasks_.end() && entry->second.state == State::kRunning)
      << "task " << event.task << " is not running";
  PushedTask& task = entry->second;
  CHECK(task.spec.header->stream && task.spec.attempt == event.attempt) << "task " << event.task;
  OutgoingStream& stream = task.stream.Edit();
  CHECK(event.item.object == task.spec.Return(++stream.made)) << "task " << event.task;
  CHECK(!stream.blocked && !stream.end) << "task " << event.task;
  for (const ObjectRef& reference : event.item.contained) references_.Add(reference, Count::kHeld);
  stream.items.push_back(event.item);
  SendItems(entry);
  const std::uint32_t limit = task.spec.header->stream->limit;
  const StreamStep step = NextStep(task);
  if (step != StreamStep::kNext || limit == 0 || !stream.IsFull(limit)) {
    context_.Emit(FulfilStream{event.request, step});
    return;
  }
  stream.blocked = event.request;
  // It hears of the death of whom it waits for.
  watch_list_.Watch(task.sender);
  if (watch_list_.IsDead(task.sender)) return Unblock(stream, StreamStep::kEnd);
  if (event.releases_cpu) stream.lends_cpu = Block();
}

StreamStep Executor::NextStep(const PushedTask& task) {
  if (task.stream->cancelled) return StreamStep::kCancelled;
  return task.stream->unwanted ? StreamStep::kEnd : StreamStep::kNext;
}

void Executor::SendItems(Entry entry) {
  PushedTask& task = entry->second;
  OutgoingStream& stream = task.stream.Edit();
  while (!stream.items.empty()) {
    const TaskResult& item = stream.items.front();
    if (!std::exchange(stream.registering, true)) {
      for (const ObjectRef& reference : item.contained) {
        if (references_.RegisterOther(reference, task.sender, task.spec.task))
          ++stream.acknowledgements_missing;
      }
    }
    if (stream.acknowledgements_missing > 0) return;
    stream.registering = false;
    TaskResult sent = std::move(stream.items.front());
    stream.items.pop_front();
    SendItem(task, std::move(sent));
  }
  if (!stream.end) return;
  const TaskExecuted end = *std::exchange(stream.end, std::nullopt);
  OnExecuted(end);
}

void Executor::SendItem(const PushedTask& task, TaskResult item) {
  if (item.in_store) context_.TellDaemon(SealObject{item.object});
  references_.DropAll(item.contained, Count::kHeld);
  context_.Tell(task.sender, StreamItem{task.spec.task, task.spec.attempt, std::move(item)});
}

void Executor::OnProgress(const Address& source, const StreamProgress& message) {
  const auto entry = tasks_.find(message.task);
  if (entry == tasks_.end() || entry->second.sender != source ||
      entry->second.spec.attempt != message.attempt)
    return;
  PushedTask& task = entry->second;
  if (!task.spec.header->stream) return;
  OutgoingStream& stream = task.stream.Edit();
  stream.taken = std::max(stream.taken, message.taken);
  stream.unwanted = stream.unwanted || message.unwanted;
  if (stream.unwanted || !stream.IsFull(task.spec.header->stream->limit))
    Unblock(stream, NextStep(task));
}

void Executor::Unblock(OutgoingStream& stream, StreamStep step) {
  if (!stream.blocked) return;
  context_.Emit(FulfilStream{*std::exchange(stream.blocked, std::nullopt), step});
  if (std::exchange(stream.lends_cpu, false)) TakeCpuBack();
}

void Executor::Abandon(RequestId request) {
  for (auto& [id, task] : tasks_) {
    if (task.stream->blocked != request) continue;
    OutgoingStream& stream = task.stream.Edit();
    stream.blocked.reset();
    if (std::exchange(stream.lends_cpu, false)) TakeCpuBack();
  }
}

void Executor::ForgetDead() {
  for (auto& [id, task] : tasks_) {
    if (!task.spec.header->stream || !watch_list_.IsDead(task.sender)) continue;
    task.stream.Edit().unwanted = true;
    Unblock(task.stream.Edit(), StreamStep::kEnd);
  }
}

void Executor::CheckStream(const PushedTask& task, ExpectedCounts& counts) {
  const OutgoingStream& stream = *task.stream;
  for (const TaskResult& item : stream.items) {
    for (const ObjectRef& reference : item.contained) counts.Add(reference.id, Count::kHeld);
  }
  const TaskId id = task.spec.task;
  CHECK(stream.items.empty() == (stream.acknowledgements_missing == 0)) << "task " << id;
  CHECK(!stream.blocked || (task.state == State::kRunning && !stream.end)) << "task " << id;
  CHECK(!stream.blocked || NextStep(task) == StreamStep::kNext) << "task " << id;
  CHECK(!stream.lends_cpu || stream.blocked) << "task " << id;
  CHECK(!stream.end || !stream.items.empty()) << "task " << id;
}

}  // namespace mobula::worker
