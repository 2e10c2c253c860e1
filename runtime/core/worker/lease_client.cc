// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/lease_client.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::worker {

LeaseClient::KeyView LeaseClient::KeyOf(const TaskHeader& header) {
  return {header.function.id, header.function.name, header.function.language,
          header.runtime_env, header.resources,     header.strategy};
}

std::optional<std::size_t> LeaseClient::FindClass(const TaskSpec& spec) {
  if (last_.header.Identity() != nullptr && last_.header.Identity() == spec.header.Identity())
    return last_.index;
  const auto found = class_index_.find(KeyOf(*spec.header));
  if (found == class_index_.end()) return std::nullopt;
  last_ = {spec.header, found->second};
  return found->second;
}

void LeaseClient::Enqueue(TaskId task, const TaskSpec& spec, std::uint64_t order) {
  std::optional<std::size_t> index = FindClass(spec);
  if (!index) {
    index = classes_.size();
    class_index_.emplace(ClassKey(KeyOf(*spec.header)), *index);
    classes_.emplace_back();
  }
  const bool queued = classes_[*index].queue.Add(order, task);
  CHECK(queued) << "task " << task << " is queued twice";
  MarkDirty(*index);
}

void LeaseClient::Remove(const TaskSpec& spec, std::uint64_t order) {
  const auto index = FindClass(spec);
  if (index && classes_[*index].queue.Remove(order)) MarkDirty(*index);
}

void LeaseClient::MarkDirty(std::size_t index) {
  if (!std::exchange(classes_[index].dirty, true)) dirty_.push_back(index);
}

void LeaseClient::Pump() {
  while (!dirty_.empty()) {
    const std::size_t index = dirty_.back();
    dirty_.pop_back();
    classes_[index].dirty = false;
    PumpClass(index);
  }
}

std::size_t LeaseClient::DepthOf(const Class& state) const {
  if (!state.run_time) return 1;
  const std::size_t most = std::max(1u, context_.options.pipeline_depth_max);
  if (state.run_time->nanoseconds <= 0) return most;
  const auto fit = context_.options.pipeline_span.nanoseconds / state.run_time->nanoseconds;
  return std::clamp<std::size_t>(static_cast<std::size_t>(fit), 1, most);
}

void LeaseClient::PumpClass(std::size_t index) {
  Class& state = classes_[index];
  const std::size_t depth = DepthOf(state);
  while (!state.queue.empty() && !state.open.empty()) {
    const auto place = state.open.begin();
    Lease& lease = (*place)->second;
    if (lease.in_flight.size() >= depth) break;
    // A lease under way may well start its task before a busy worker would: tasks that were fast so
    // far tell little of one that waits behind them.
    const bool busy = !lease.in_flight.empty();
    if (busy && state.queue.size() <= state.requests.size()) break;
    const TaskId task = state.queue.TakeFront();
    if (!dispatcher_.Push(task, lease.worker, 0, lease.gpus)) continue;
    lease.in_flight.push_back(task);
    Sift(state.open, place);
  }
  BalanceRequests(state);
}

void LeaseClient::BalanceRequests(Class& state) {
  const std::size_t wanted =
      std::min<std::size_t>(state.queue.size(), context_.options.lease_requests_max);
  while (state.requests.size() > wanted) CancelOne(state);
  while (state.requests.size() < wanted) RequestOne(state);
}

void LeaseClient::RequestOne(Class& state) {
  const TaskId first = state.queue.Front();
  RequestLease message = RequestLease::For(*dispatcher_.SpecOf(first).header);
  message.request = ++last_request_;
  message.owner = context_.self;
  message.backlog = static_cast<std::uint32_t>(state.queue.size());
  message.preferred = dispatcher_.PreferredNodes(first);
  context_.TellDaemon(message);
  requests_.emplace(message.request, static_cast<std::size_t>(&state - classes_.data()));
  state.requests.emplace(message.request, Request{context_.self.node, std::move(message)});
}

void LeaseClient::CancelOne(Class& state) {
  const auto last = std::prev(state.requests.end());
  context_.Tell(Address::Daemon(last->second.raylet),
                CancelLeaseRequest{last->first, context_.self});
  requests_.erase(last->first);
  state.requests.erase(last);
}

LeaseClient::Class* LeaseClient::FindRequest(std::uint64_t request) {
  const auto found = requests_.find(request);
  return found == requests_.end() ? nullptr : &classes_[found->second];
}

bool LeaseClient::TakeOut(LeaseEntry lease, TaskId task) {
  std::deque<TaskId>& in_flight = lease->second.in_flight;
  const auto found = std::ranges::find(in_flight, task);
  if (found == in_flight.end()) return false;
  const auto place = PlaceOf(lease);
  if (found == in_flight.begin()) {
    in_flight.pop_front();
  } else {
    in_flight.erase(found);
  }
  if (lease->second.IsOpen()) Sift(classes_[lease->second.scheduling_class].open, place);
  return true;
}

std::vector<LeaseClient::LeaseEntry>::iterator LeaseClient::PlaceOf(LeaseEntry lease) {
  return std::ranges::lower_bound(classes_[lease->second.scheduling_class].open, KeyInOrder(lease),
                                  {}, KeyInOrder);
}

void LeaseClient::Sift(std::vector<LeaseEntry>& open, std::vector<LeaseEntry>::iterator place) {
  const auto is_before = [](LeaseEntry a, LeaseEntry b) { return KeyInOrder(a) < KeyInOrder(b); };
  for (; place != open.begin() && is_before(*place, *std::prev(place)); --place)
    std::iter_swap(place, std::prev(place));
  for (; std::next(place) != open.end() && is_before(*std::next(place), *place); ++place)
    std::iter_swap(place, std::next(place));
}

void LeaseClient::Open(LeaseEntry lease) {
  if (lease->second.IsOpen())
    classes_[lease->second.scheduling_class].open.insert(PlaceOf(lease), lease);
}

void LeaseClient::Close(LeaseEntry lease) {
  if (lease->second.IsOpen()) classes_[lease->second.scheduling_class].open.erase(PlaceOf(lease));
}

void LeaseClient::Finished(const Address& worker, TaskId task, Duration run_time) {
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return;
  const LeaseEntry lease = found->second;
  if (TakeOut(lease, task)) {
    auto& average = classes_[lease->second.scheduling_class].run_time;
    average = average ? (*average * 7 + run_time) / 8 : run_time;
    SetBlocked(lease, false);
  }
  MarkDirty(lease->second.scheduling_class);
  Rest(lease);
}

void LeaseClient::Returned(const Address& worker, TaskId task) {
  const auto found = by_worker_.find(worker);
  if (found == by_worker_.end()) return;
  const LeaseEntry lease = found->second;
  TakeOut(lease, task);
  // Without a task that blocks there, no TaskDone would come to end the state.
  SetBlocked(lease, !lease->second.in_flight.empty());
  MarkDirty(lease->second.scheduling_class);
  Rest(lease);
}

void LeaseClient::SetBlocked(LeaseEntry lease, bool blocked) {
  if (lease->second.blocked == blocked) return;
  Close(lease);
  lease->second.blocked = blocked;
  Open(lease);
}

void LeaseClient::OnGranted(const Address& source, const LeaseGranted& message) {
  const auto request = requests_.find(message.request);
  if (request == requests_.end()) {
    if (!context_.Has(Bug::kKeepsUnwantedLeases)) {
      context_.Tell(source, ReturnLease{message.lease});
    }
    return;
  }
  const std::size_t index = request->second;
  classes_[index].requests.erase(message.request);
  requests_.erase(request);
  MarkDirty(index);
  if (watch_list_.IsDead(message.worker)) return;
  watch_list_.Watch(message.worker);
  const auto [lease, added] = leases_.try_emplace(message.lease);
  CHECK(added) << "lease " << message.lease << " was granted twice";
  lease->second.scheduling_class = index;
  lease->second.worker = message.worker;
  lease->second.raylet = source.node;
  lease->second.gpus = message.gpus;
  by_worker_.insert_or_assign(message.worker, lease);
  Open(lease);
  Rest(lease);
}

void LeaseClient::OnSpilled(const LeaseSpilled& message) {
  Class* state = FindRequest(message.request);
  if (state == nullptr) return;
  Request& request = state->requests.at(message.request);
  request.raylet = watch_list_.IsNodeDead(message.node) ? context_.self.node : message.node;
  ++request.message.spill_count;
  request.message.backlog =
      static_cast<std::uint32_t>(std::max<std::size_t>(1, state->queue.size()));
  context_.Tell(Address::Daemon(request.raylet), request.message);
}

void LeaseClient::OnRefused(const LeaseRefused& message) {
  Class* state = FindRequest(message.request);
  if (state == nullptr) return;
  state->requests.erase(message.request);
  requests_.erase(message.request);
  // What is refused to one task of a class is refused to all.
  for (TaskQueue refused = std::exchange(state->queue, {}); !refused.empty();)
    dispatcher_.Fail(refused.TakeFront(), message.error);
  MarkDirty(static_cast<std::size_t>(state - classes_.data()));
}

void LeaseClient::OnInfeasible(const LeaseInfeasible& message) {
  Class* state = FindRequest(message.request);
  if (state == nullptr || std::exchange(state->warned, true)) return;
  context_.Emit(Warn{message.message});
}

void LeaseClient::OnReclaimed(const ReclaimLease& message) {
  const auto lease = leases_.find(message.lease);
  if (lease == leases_.end()) return;
  Close(lease);
  lease->second.reclaimed = true;
  MarkDirty(lease->second.scheduling_class);
  Rest(lease);
}

void LeaseClient::Rest(LeaseEntry entry) {
  Lease& lease = entry->second;
  if (!lease.in_flight.empty()) return;
  if (lease.reclaimed) {
    Return(entry);
    return;
  }
  lease.idle_since = context_.now;
  if (lease.timer != 0) return;
  lease.timer = ++last_timer_;
  timers_.emplace(lease.timer, entry->first);
  context_.Start(TimerKind::kLeaseLinger, lease.timer, context_.options.lease_linger);
}

void LeaseClient::OnLinger(std::uint64_t timer) {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  const auto entry = leases_.find(found->second);
  timers_.erase(found);
  Lease& lease = entry->second;
  lease.timer = 0;
  if (!lease.in_flight.empty()) return;
  const Duration rest = lease.idle_since + context_.options.lease_linger - context_.now;
  if (rest.nanoseconds <= 0) {
    Return(entry);
    return;
  }
  lease.timer = ++last_timer_;
  timers_.emplace(lease.timer, entry->first);
  context_.Start(TimerKind::kLeaseLinger, lease.timer, rest);
}

void LeaseClient::Return(LeaseEntry lease) {
  context_.Tell(Address::Daemon(lease->second.raylet), ReturnLease{lease->first});
  Drop(lease);
}

void LeaseClient::Drop(LeaseEntry lease) {
  Close(lease);
  timers_.erase(lease->second.timer);
  const auto worker = by_worker_.find(lease->second.worker);
  if (worker != by_worker_.end() && worker->second == lease) by_worker_.erase(worker);
  MarkDirty(lease->second.scheduling_class);
  leases_.erase(lease);
}

std::vector<TaskId> LeaseClient::ForgetDead() {
  std::vector<TaskId> tasks;
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    const auto next = std::next(lease);
    if (watch_list_.IsDead(lease->second.worker)) {
      tasks.insert(tasks.end(), lease->second.in_flight.begin(), lease->second.in_flight.end());
      Drop(lease);
    }
    lease = next;
  }
  for (std::size_t index = 0; index < classes_.size(); ++index) {
    const auto forgotten = std::erase_if(classes_[index].requests, [&](const auto& entry) {
      if (!watch_list_.IsNodeDead(entry.second.raylet)) return false;
      requests_.erase(entry.first);
      return true;
    });
    if (forgotten > 0) MarkDirty(index);
  }
  return tasks;
}

void LeaseClient::CheckInvariants() const {
  CHECK(dirty_.empty());
  std::size_t requests = 0;
  std::size_t open = 0;
  for (const Class& state : classes_) {
    requests += state.requests.size();
    CHECK(state.requests.size() <= state.queue.size());
    CHECK(std::ranges::is_sorted(state.open, {}, KeyInOrder));
    open += state.open.size();
  }
  CHECK(requests == requests_.size());
  CHECK(open == static_cast<std::size_t>(std::ranges::count_if(
                    leases_, [](const auto& entry) { return entry.second.IsOpen(); })));
  for (const auto& [id, lease] : leases_) {
    CHECK(!lease.reclaimed || !lease.in_flight.empty()) << "lease " << id << " should be returned";
    CHECK(lease.timer != 0 || !lease.in_flight.empty())
        << "lease " << id << " would be kept for ever";
  }
}

}  // namespace mobula::worker
