// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/timer_queue.h"

#include <sys/timerfd.h>

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/host/local/clock.h"

namespace mobula::host {

TimerQueue::TimerQueue() : clock_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  CHECK(clock_.IsOpen());
}

void TimerQueue::Start(Instant now, Duration delay, TimerId timer) {
  const Instant deadline = now + std::max(delay, Nanoseconds(1));
  entries_.push({deadline, next_order_++, timer});
  if (set_to_ == Instant{} || deadline < set_to_) SetClock(deadline);
}

void TimerQueue::Expire(Instant now, absl::FunctionRef<void(TimerId)> fire) {
  std::uint64_t expirations = 0;
  if (read(clock_.Get(), &expirations, sizeof(expirations)) > 0) set_to_ = {};
  while (!entries_.empty() && entries_.top().deadline <= now) {
    const TimerId timer = entries_.top().timer;
    entries_.pop();
    fire(timer);
  }
  if (!entries_.empty() && (set_to_ == Instant{} || entries_.top().deadline < set_to_)) {
    SetClock(entries_.top().deadline);
  }
}

void TimerQueue::ClockChanged() {
  if (!entries_.empty()) SetClock(entries_.top().deadline);
}

void TimerQueue::SetClock(Instant deadline) {
  itimerspec setting{};
  // Zero would switch it off.
  setting.it_value = ToTimespec(std::max(ToMachineTime(deadline).nanoseconds, std::int64_t{1}));
  CHECK(timerfd_settime(clock_.Get(), TFD_TIMER_ABSTIME, &setting, nullptr) == 0);
  set_to_ = deadline;
}

}  // namespace mobula::host
