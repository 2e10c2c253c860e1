// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/lease_queue.h"

#include "runtime/base/check.h"

namespace mobula::raylet {

void LeaseQueue::Add(Instant now, const RequestLease& message) {
  ClassKey key = ClassKey::Of(message);
  const auto [number, is_new] = class_numbers_.try_emplace(key, next_class_);
  if (is_new) ++next_class_;
  RequestClass& added = classes_[number->second];
  if (is_new) {
    added.number = number->second;
    added.key = std::move(key);
    added.turn = next_turn_++;
    turns_.emplace(added.turn, added.number);
  }
  QueuedRequest request{message, RequestPhase::kQueued, added.number, next_sequence_++, now, {}};
  added.order.emplace(request.sequence, request.Key());
  added.decided_at = 0;
  const bool inserted = requests_.emplace(request.Key(), std::move(request)).second;
  CHECK(inserted) << "request " << message.request << " is queued already";
}

void LeaseQueue::LeaveClass(const QueuedRequest& request) {
  const auto found = classes_.find(request.class_number);
  CHECK(found != classes_.end() && found->second.order.erase(request.sequence) == 1);
  found->second.decided_at = 0;
  turns_.erase(found->second.turn);
  if (!found->second.order.empty()) {
    found->second.turn = next_turn_++;
    turns_.emplace(found->second.turn, found->first);
    return;
  }
  class_numbers_.erase(found->second.key);
  classes_.erase(found);
}

void LeaseQueue::Acquired(const RequestKey& key, std::optional<BundleKey> bundle, GpuShares gpus) {
  QueuedRequest& request = requests_.at(key);
  CHECK(request.phase == RequestPhase::kQueued);
  LeaveClass(request);
  request.phase = RequestPhase::kWaitingForWorker;
  request.bundle = bundle;
  request.gpus = std::move(gpus);
  waiting_[ClassKey::PoolOf(request.message)].emplace(request.sequence, key);
}

void LeaseQueue::Remove(const RequestKey& key) {
  const auto found = requests_.find(key);
  CHECK(found != requests_.end());
  const QueuedRequest& request = found->second;
  if (request.phase == RequestPhase::kQueued) {
    LeaveClass(request);
  } else {
    const auto waiting = waiting_.find(ClassKey::PoolOf(request.message));
    CHECK(waiting != waiting_.end() && waiting->second.erase(request.sequence) == 1);
    if (waiting->second.empty()) waiting_.erase(waiting);
  }
  requests_.erase(found);
}

const QueuedRequest* LeaseQueue::Find(const RequestKey& key) const {
  const auto found = requests_.find(key);
  return found == requests_.end() ? nullptr : &found->second;
}

void LeaseQueue::SetBacklog(const RequestKey& key, std::uint32_t backlog) {
  requests_.at(key).message.backlog = backlog;
}

RequestClass& LeaseQueue::NextClass() {
  CHECK(!classes_.empty());
  auto next = turns_.upper_bound(turn_);
  if (next == turns_.end()) next = turns_.begin();
  turn_ = next->first;
  return classes_.at(next->second);
}

void LeaseQueue::RetryUnknownNodes() {
  for (auto& [number, requests] : classes_) {
    if (requests.node_unknown) requests.decided_at = 0;
  }
}

std::vector<RequestKey> LeaseQueue::OfOwner(WorkerId owner) const {
  std::vector<RequestKey> keys;
  for (auto next = requests_.lower_bound({owner, 0});
       next != requests_.end() && next->first.first == owner; ++next) {
    keys.push_back(next->first);
  }
  return keys;
}

void LeaseQueue::CheckInvariants() const {
  std::size_t listed = 0;
  CHECK(class_numbers_.size() == classes_.size() && turns_.size() == classes_.size());
  for (const auto& [number, request_class] : classes_) {
    CHECK(turns_.at(request_class.turn) == number);
    CHECK(!request_class.order.empty() && class_numbers_.at(request_class.key) == number);
    for (const auto& [sequence, key] : request_class.order) {
      const QueuedRequest& request = requests_.at(key);
      CHECK(request.phase == RequestPhase::kQueued && request.class_number == number);
      CHECK(request.sequence == sequence);
      ++listed;
    }
  }
  for (const auto& [pool, waiting] : waiting_) {
    CHECK(!waiting.empty());
    for (const auto& [sequence, key] : waiting) {
      CHECK(requests_.at(key).phase == RequestPhase::kWaitingForWorker);
      ++listed;
    }
  }
  CHECK(listed == requests_.size())
      << listed << " of " << requests_.size() << " requests are listed";
  for (const auto& [key, request] : requests_) {
    CHECK(request.message.owner.IsGcs() || !request.message.owner.worker.IsNil()) << "no owner";
  }
}

}  // namespace mobula::raylet
