// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/loop_watch.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>

#include "runtime/base/check.h"

namespace mobula::host {

LoopWatch::LoopWatch(Poller& poller, int file)
    : poller_(poller),
      file_(file),
      clock_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  CHECK(clock_.IsOpen()) << "errno " << errno;
  poller_.Add(clock_.Get());
  poller_.AddOnce(file_);
}

void LoopWatch::Begin(std::optional<Duration> timeout) {
  due_ = false;
  if (std::exchange(told_, false)) poller_.Renew(file_);
  if (!timeout) return;
  constexpr std::int64_t kSecond = Seconds(1).nanoseconds;
  // Zero would stop the clock.
  const std::int64_t rest = std::max<std::int64_t>(timeout->nanoseconds, 1);
  itimerspec setting{};
  setting.it_value = {.tv_sec = rest / kSecond, .tv_nsec = rest % kSecond};
  CHECK(timerfd_settime(clock_.Get(), 0, &setting, nullptr) == 0) << "errno " << errno;
}

bool LoopWatch::Handle(int number) {
  if (number == file_) {
    told_ = true;
  } else if (number == clock_.Get()) {
    ClearEvent(number);
  } else {
    return false;
  }
  due_ = true;
  return true;
}

}  // namespace mobula::host
