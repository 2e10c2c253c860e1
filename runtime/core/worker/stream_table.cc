// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/stream_table.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/worker/errors.h"

namespace mobula::worker {

std::uint32_t StreamTable::Stream::LastHeld() const {
  if (dropped) return taken;
  return options.gathered ? known : std::max(known, taken + 1);
}

// The life of a stream

void StreamTable::Open(const TaskSpec& spec) {
  const auto [entry, added] = streams_.try_emplace(spec.task);
  CHECK(added && spec.header->num_returns == 1) << "the stream of task " << spec.task;
  entry->second.options = *spec.header->stream;
  if (!entry->second.options.gathered) Hold(spec.task, 1);
}

void StreamTable::Hold(TaskId task, std::uint32_t index) {
  references_.Own({task, index}).Of(Count::kHeld) = 1;
}

std::uint32_t StreamTable::Known(TaskId task) const {
  const auto entry = streams_.find(task);
  return entry == streams_.end() ? 0 : entry->second.known;
}

std::uint32_t StreamTable::Made(TaskId task) const { return streams_.at(task).made; }

void StreamTable::Begin(const TaskSpec& spec, const Address& worker) {
  Stream& stream = streams_.at(spec.task);
  stream.worker = worker;
  stream.attempt = spec.attempt;
  stream.made = 0;
  stream.told_unwanted = false;
  stream.lost.clear();
  stream.wanted = 0;
  for (std::uint32_t i = stream.known; i > 0 && stream.wanted == 0; --i) {
    const ObjectRecord* record = references_.Find({spec.task, i});
    if (record != nullptr && !record->IsResolved()) stream.wanted = i;
  }
  if (stream.taken > 0 || stream.ended || stream.dropped) TellProgress(spec.task, stream);
}

void StreamTable::Pause(TaskId task) { streams_.at(task).worker = Address{}; }

bool StreamTable::Admit(ObjectId item) {
  Stream& stream = streams_.at(item.task);
  if (item.index != stream.made + 1) return false;  // A mistake of the executor's language layer.
  stream.made = item.index;
  if (item.index <= stream.known) return true;
  if (stream.ended || stream.dropped) return false;
  CHECK(item.index == stream.known + 1) << "item " << item;
  if (item.index > stream.LastHeld()) Hold(item.task, item.index);
  stream.known = item.index;
  return true;
}

void StreamTable::Advance(TaskId task) {
  Stream& stream = streams_.at(task);
  AnswerWaiting(stream);
  if (stream.dropped) TellProgress(task, stream);
}

bool StreamTable::Expect(ObjectId item) {
  Stream& stream = streams_.at(item.task);
  const bool comes = !stream.told_unwanted && item.index > stream.made;
  if (stream.worker == Address{}) return true;
  if (comes) {
    stream.wanted = std::max(stream.wanted, item.index);
  } else {
    stream.lost.push_back(item);
  }
  return comes;
}

void StreamTable::End(TaskId task, const Payload* failure) {
  Stream& stream = streams_.at(task);
  stream.worker = Address{};
  if (!stream.ended && failure != nullptr && !stream.dropped && !stream.options.gathered) {
    const std::uint32_t index = stream.known + 1;
    if (index > stream.LastHeld()) Hold(task, index);
    stream.known = index;
    ResolvePending({task, index}, *failure);
  }
  if (!std::exchange(stream.ended, true)) {
    for (std::uint32_t i = stream.known + 1; i <= stream.taken + 1; ++i)
      ResolvePending({task, i}, Payload::Error(errors::EndOfStream({task, i})));
  }
  for (const ObjectId item : std::exchange(stream.lost, {})) values_.NoteLost(item);
  if (stream.options.gathered && !stream.dropped) Release(task, stream);
  AnswerWaiting(stream);
}

void StreamTable::ResolvePending(ObjectId item, const Payload& payload) {
  ObjectRecord* record = references_.Find(item);
  if (record != nullptr && !record->IsResolved()) values_.SetInline(item, *record, payload);
}

void StreamTable::Forget(TaskId task) {
  const auto entry = streams_.find(task);
  CHECK(entry != streams_.end()) << "task " << task;
  entry->second.has_task = false;
  EraseIfOver(entry);
}

void StreamTable::EraseIfOver(Table::iterator entry) {
  if (entry->second.dropped && !entry->second.has_task) streams_.erase(entry);
}

void StreamTable::TellProgress(TaskId task, Stream& stream) {
  if (stream.worker == Address{} || stream.told_unwanted) return;
  stream.told_unwanted = stream.dropped && stream.made >= stream.wanted;
  if (!stream.told_unwanted && stream.options.limit == 0) return;
  const std::uint32_t taken = stream.ended || stream.dropped ? stream.known : stream.taken;
  context_.Tell(stream.worker, StreamProgress{task, stream.attempt, taken, stream.told_unwanted});
}

// The consumer

void StreamTable::Next(const NextRequested& event) {
  const auto entry = streams_.find(event.task);
  if (entry == streams_.end() || entry->second.dropped) {
    context_.Emit(FulfilStream{event.request, StreamStep::kEnd});
    return;
  }
  Stream& stream = entry->second;
  if (stream.taken < stream.known || stream.ended) {
    const StreamStep step = stream.taken < stream.known ? StreamStep::kNext : StreamStep::kEnd;
    context_.Emit(FulfilStream{event.request, step});
  } else if (event.timeout && event.timeout->nanoseconds <= 0) {
    context_.Emit(FulfilStream{event.request, StreamStep::kTimedOut});
  } else {
    if (event.timeout) context_.Start(TimerKind::kRequestTimeout, event.request, *event.timeout);
    const bool blocks = event.releases_cpu && executor_.Block();
    stream.waiting.push_back({event.request, blocks});
    waiting_.emplace(event.request, event.task);
  }
}

void StreamTable::AnswerWaiting(Stream& stream) {
  const bool is_there = stream.taken < stream.known && !stream.dropped;
  if (!is_there && !stream.ended && !stream.dropped) return;
  const StreamStep step = is_there ? StreamStep::kNext : StreamStep::kEnd;
  for (const Waiting& waiting : std::exchange(stream.waiting, {})) {
    context_.Emit(FulfilStream{waiting.request, step});
    Leave(waiting);
  }
}

void StreamTable::Leave(const Waiting& waiting) {
  waiting_.erase(waiting.request);
  if (waiting.blocks) executor_.Unblock();
}

void StreamTable::OnTimeout(RequestId request) {
  if (Abandon(request)) context_.Emit(FulfilStream{request, StreamStep::kTimedOut});
}

bool StreamTable::Abandon(RequestId request) {
  const auto found = waiting_.find(request);
  if (found == waiting_.end()) return false;
  std::deque<Waiting>& waiting = streams_.at(found->second).waiting;
  const auto place = std::ranges::find(waiting, request, &Waiting::request);
  CHECK(place != waiting.end()) << "request " << request;
  const Waiting left = *place;
  waiting.erase(place);
  Leave(left);
  return true;
}

void StreamTable::Take(TaskId task) {
  const auto entry = streams_.find(task);
  CHECK(entry != streams_.end() && !entry->second.dropped && !entry->second.options.gathered)
      << "task " << task << " has no next item";
  Stream& stream = entry->second;
  const ObjectId item{task, ++stream.taken};
  ++references_.Find(item)->Of(Count::kLocal);
  references_.Drop(item, Count::kHeld);
  const ObjectId next{task, stream.taken + 1};
  if (next.index > stream.known) {
    Hold(task, next.index);
    if (stream.ended) values_.SetInline(next, Payload::Error(errors::EndOfStream(next)));
  }
  if (!stream.ended) TellProgress(task, stream);
}

void StreamTable::Drop(TaskId task) {
  const auto entry = streams_.find(task);
  if (entry == streams_.end() || entry->second.dropped) return;
  Release(task, entry->second);
  TellProgress(task, entry->second);
  AnswerWaiting(entry->second);
  EraseIfOver(entry);
}

void StreamTable::Release(TaskId task, Stream& stream) {
  const std::uint32_t last = stream.LastHeld();
  for (std::uint32_t i = stream.taken + 1; i <= last; ++i)
    references_.Drop({task, i}, Count::kHeld);
  stream.dropped = true;
}

void StreamTable::CheckInvariants(ExpectedCounts& counts) const {
  std::size_t waiting = 0;
  for (const auto& [task, stream] : streams_) {
    for (std::uint32_t i = stream.taken + 1; i <= stream.LastHeld(); ++i)
      counts.Add({task, i}, Count::kHeld);
    waiting += stream.waiting.size();
    CHECK(stream.waiting.empty() ||
          (stream.taken >= stream.known && !stream.ended && !stream.dropped))
        << "who waits for the next item of task " << task << " should have been answered";
    CHECK(stream.has_task || !stream.dropped) << "the stream of task " << task << " is over";
    CHECK(stream.has_task || (stream.ended && stream.worker == Address{})) << "task " << task;
    CHECK(stream.worker != Address{} || stream.lost.empty()) << "task " << task;
    CHECK(!stream.told_unwanted || stream.dropped) << "task " << task;
    CHECK(!stream.options.gathered || stream.taken == 0) << "task " << task;
    CHECK(stream.ended || !stream.has_task || stream.made <= stream.known || stream.dropped)
        << "task " << task;
  }
  CHECK(waiting == waiting_.size());
}

}  // namespace mobula::worker
