// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/wait_room.h"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "runtime/host/local/clock.h"

namespace mobula::host {
namespace {

constexpr Duration kTick = Milliseconds(1);
/// What comes within this time a visitor reads in one go.
constexpr Duration kVisitPause = Microseconds(5);

}  // namespace

bool WaitRoom::Wait(Lock& lock, const Options& options, Condition done) {
  if (done()) return true;
  Waiter waiter{done, options.may_lead};
  const auto leave = absl::MakeCleanup([&] {
    if (!lock.owns_lock()) lock.lock();
    if (leader_ == &waiter) leader_ = nullptr;
    // Also when it did not lead: it may just have been promoted.
    if (leader_ == nullptr) HandOver();
  });
  while (!done()) {
    if (leader_ == &waiter || (leader_ == nullptr && options.may_lead)) {
      Lead(lock, waiter);
    } else {
      Follow(lock, waiter);
    }
    if (IsInterrupted(lock, waiter, options)) return false;
  }
  return true;
}

bool WaitRoom::IsInterrupted(Lock& lock, Waiter& waiter, const Options& options) {
  if (!std::exchange(waiter.interrupted, false) || !options.interrupted) return false;
  // A signal handler may run for long, and others wait too.
  if (leader_ == &waiter) {
    leader_ = nullptr;
    HandOver();
  }
  lock.unlock();
  const bool give_up = options.interrupted();
  lock.lock();
  return give_up;
}

void WaitRoom::Lead(Lock& lock, Waiter& waiter) {
  leader_ = &waiter;
  ++comers_;
  if (background_ == Background::kArmed) Disarm(SteadyNow() - armed_since_ < kTick);
  leader_polls_ = true;
  Poller::Events events;
  lock.unlock();
  const std::span<const epoll_event> ready = poller_.Wait(events);
  lock.lock();
  leader_polls_ = false;
  if (ready.empty()) waiter.interrupted = true;
  work_(lock, ready);
}

void WaitRoom::Follow(Lock& lock, Waiter& waiter) {
  const Fd event = NewEventFd();
  waiter.event = event.Get();
  followers_.push_back(&waiter);
  lock.unlock();
  pollfd readable{event.Get(), POLLIN, 0};
  const bool signalled = poll(&readable, 1, -1) < 0;
  lock.lock();
  if (signalled) waiter.interrupted = true;
  std::erase(followers_, &waiter);
}

void WaitRoom::HandOver() {
  const auto next = std::find_if(followers_.begin(), followers_.end(),
                                 [](const Waiter* waiter) { return waiter->may_lead; });
  if (next != followers_.end()) {
    SignalEvent((*next)->event);
  } else if (background_ == Background::kIdle) {
    Arm();
  }
}

void WaitRoom::Arm() {
  background_ = Background::kArmed;
  armed_since_ = SteadyNow();
  poller_.Arm();
}

void WaitRoom::Disarm(bool soon) {
  poller_.Disarm();
  background_ = soon ? Background::kTicking : Background::kIdle;
  comers_seen_ = comers_;
  if (soon) poller_.NudgeBackground();
}

bool WaitRoom::Visit(Instant now) {
  if (leader_ != nullptr) return false;
  ++comers_;
  if (now - last_visit_ < kVisitPause) return false;
  const bool again = now - std::exchange(last_visit_, now) < kTick;
  if (again && background_ == Background::kArmed) Disarm(true);
  return true;
}

void WaitRoom::WakeSatisfied() {
  for (const Waiter* waiter : followers_) {
    if (waiter->done()) SignalEvent(waiter->event);
  }
  if (leader_polls_ && leader_->done()) {
    leader_polls_ = false;
    poller_.Kick();
  }
}

void WaitRoom::Interrupt() {
  for (Waiter* waiter : followers_) {
    waiter->interrupted = true;
    SignalEvent(waiter->event);
  }
  if (leader_ != nullptr) leader_->interrupted = true;
  if (std::exchange(leader_polls_, false)) poller_.Kick();
}

void WaitRoom::RunInBackground(std::mutex& mutex) {
  std::optional<Duration> patience;
  while (true) {
    poller_.WaitInBackground(patience);
    Lock lock(mutex);
    if (stopped_) return;
    Attend(lock);
    patience = background_ == Background::kTicking ? std::optional(kTick) : std::nullopt;
  }
}

void WaitRoom::StopBackground() {
  stopped_ = true;
  poller_.NudgeBackground();
}

void WaitRoom::AwaitUnattended(Lock& lock) {
  while (leader_ != nullptr) {
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
  }
}

void WaitRoom::Attend(Lock& lock) {
  if (leader_ == nullptr) {
    poller_.WakeUp();
    Poller::Events events;
    work_(lock, poller_.Poll(events));
  }
  // `work_` may have let go of the lock.
  if (background_ == Background::kTicking && std::exchange(comers_seen_, comers_) == comers_) {
    background_ = Background::kIdle;
    if (leader_ == nullptr) HandOver();
  } else if (background_ == Background::kArmed) {
    poller_.FallAsleep();
  }
}

}  // namespace mobula::host
