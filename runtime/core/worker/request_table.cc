// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/request_table.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::worker {

void RequestTable::Get(const GetRequested& event) {
  Request request;
  request.objects = event.objects;
  request.wanted = static_cast<std::uint32_t>(event.objects.size());
  Begin(event.request, std::move(request), event.timeout, event.releases_cpu);
}

void RequestTable::Wait(const WaitRequested& event) {
  Request request;
  request.is_wait = true;
  request.objects = event.objects;
  request.wanted = std::min(event.num_returns, static_cast<std::uint32_t>(event.objects.size()));
  request.fetch_local = event.fetch_local;
  Begin(event.request, std::move(request), event.timeout, event.releases_cpu);
}

void RequestTable::Begin(RequestId id, Request request, std::optional<Duration> timeout,
                         bool releases_cpu) {
  const auto [entry, added] = requests_.emplace(id, std::move(request));
  CHECK(added) << "request " << id << " is asked twice";
  Request& state = entry->second;
  state.ready.resize(state.objects.size());
  if (!state.is_wait) state.values.resize(state.objects.size());
  // A program that waits for one after the other has most of them ready at the front.
  const auto is_open = [&] { return !state.is_wait || state.ready_count < state.wanted; };
  for (; state.asked < state.objects.size() && is_open(); ++state.asked)
    Ask(id, state, static_cast<std::uint32_t>(state.asked));
  if (state.IsDone()) {
    Fulfil(entry, false);
  } else if (timeout && timeout->nanoseconds <= 0) {
    Fulfil(entry, true);
  } else {
    if (timeout) context_.Start(TimerKind::kRequestTimeout, id, *timeout);
    if (releases_cpu) state.blocks = executor_.Block();
    state.waits_for_all = state.blocks && !timeout && state.wanted == state.objects.size();
    if (!state.waits_for_all) return;
    state.since = context_.now;
    WatchFrom(state.since);
  }
}

void RequestTable::Ask(RequestId id, Request& request, std::uint32_t slot) {
  const ObjectId object = request.objects[slot];
  const Waiter waiter{Waiter::Kind::kRequest, id, TaskId{}, slot};
  const bool here = request.fetch_local ? values_.RequestLocal(object, waiter)
                                        : values_.RequestStatus(object, waiter);
  if (here) MarkReady(request, slot);
}

void RequestTable::MarkReady(Request& request, std::uint32_t slot,
                             const Boxed<ErrorInfo>& failure) {
  CHECK(!request.ready[slot]);
  request.ready[slot] = true;
  ++request.ready_count;
  if (request.is_wait) return;
  if (failure) {
    request.values[slot] = {request.objects[slot], Payload::Error(*failure), {}};
    request.failed = true;
    return;
  }
  // Taken now: the pin must last until the whole get is answered, whatever happens to the object.
  request.values[slot] = values_.Read(request.objects[slot]);
  if (request.values[slot].stored) store_.AddUser(request.objects[slot]);
  if (request.values[slot].IsFailure()) request.failed = true;
}

void RequestTable::OnNotice(RequestId id, std::uint32_t slot, const Boxed<ErrorInfo>& failure) {
  const auto entry = requests_.find(id);
  if (entry == requests_.end() || entry->second.ready[slot]) return;
  Request& request = entry->second;
  // The world may have changed since the notice was written: look again.
  if (failure) {
    MarkReady(request, slot, failure);
  } else {
    Ask(id, request, slot);
  }
  if (request.IsDone()) Fulfil(entry, false);
}

void RequestTable::Fulfil(Entry entry, bool timed_out) {
  Request& request = entry->second;
  if (request.is_wait) {
    FulfilWait answer{entry->first, {}};
    for (std::size_t slot = 0; slot < request.objects.size(); ++slot) {
      if (request.ready[slot] && answer.ready.size() < request.wanted) {
        answer.ready.push_back(request.objects[slot]);
      }
    }
    context_.Emit(std::move(answer));
  } else {
    FulfilGet answer{entry->first, timed_out, {}};
    if (request.failed && !timed_out) {
      const auto failure = std::ranges::find_if(request.values, &FetchedValue::IsFailure);
      answer.values.push_back(std::exchange(*failure, FetchedValue{}));
    } else if (!timed_out) {
      // Their pins pass to whoever receives them.
      answer.values = std::exchange(request.values, {});
    }
    context_.Emit(std::move(answer));
  }
  Forget(entry);
}

void RequestTable::Forget(Entry entry) {
  const Request& request = entry->second;
  for (std::size_t slot = 0; slot < request.asked; ++slot) {
    if (!request.ready[slot]) values_.ForgetRequest(request.objects[slot], entry->first);
  }
  for (const FetchedValue& value : request.values) {
    if (value.stored) store_.DropUser(value.object);
  }
  if (request.blocks) executor_.Unblock();
  requests_.erase(entry);
}

void RequestTable::Abandon(RequestId id) {
  const auto entry = requests_.find(id);
  if (entry != requests_.end()) Forget(entry);
}

void RequestTable::OnTimeout(RequestId id) {
  const auto entry = requests_.find(id);
  if (entry != requests_.end()) Fulfil(entry, true);
}

void RequestTable::WatchFrom(Instant since) {
  if (std::exchange(is_watched_, true)) return;
  const Duration rest = since + context_.options.blocked_patience - context_.now;
  context_.Start(TimerKind::kBlocked, 0, rest);
}

RequestTable::BlockingCall RequestTable::MissingOf(RequestId id, const Request& request) {
  BlockingCall call{id, {}};
  for (std::size_t slot = 0; slot < request.objects.size(); ++slot) {
    if (!request.ready[slot]) call.objects.push_back(request.objects[slot]);
  }
  return call;
}

std::vector<RequestTable::BlockingCall> RequestTable::TakeOverdue() {
  is_watched_ = false;
  std::vector<BlockingCall> overdue;
  for (auto& [id, request] : requests_) {
    if (!request.waits_for_all || request.examined) continue;
    if (context_.now < request.since + context_.options.blocked_patience) {
      WatchFrom(request.since);
      continue;
    }
    request.examined = true;
    overdue.push_back(MissingOf(id, request));
  }
  return overdue;
}

std::optional<RequestTable::BlockingCall> RequestTable::Blocking() const {
  const auto blocks = [](const auto& entry) { return entry.second.blocks; };
  const auto first = std::ranges::find_if(requests_, blocks);
  if (first == requests_.end() || !first->second.waits_for_all) return std::nullopt;
  if (std::find_if(std::next(first), requests_.end(), blocks) != requests_.end())
    return std::nullopt;
  return MissingOf(first->first, first->second);
}

void RequestTable::CheckInvariants() const {
  for (const auto& [id, request] : requests_) {
    CHECK(!request.IsDone()) << "request " << id << " should have been answered";
  }
}

}  // namespace mobula::worker
