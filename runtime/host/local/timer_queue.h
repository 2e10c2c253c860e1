// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/core/protocol/effects.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// The timers that a machine started, behind one timerfd that becomes readable when the first is
/// due. Deadlines are by the node's clock (SteadyNow). Ties are broken by the order of starting.
/// Not thread-safe.
class TimerQueue {
 public:
  TimerQueue();

  /// For polling.
  [[nodiscard]] int Number() const { return clock_.Get(); }
  void Start(Instant now, Duration delay, TimerId timer);
  /// Hands over what is due and sets the clock to the next.
  void Expire(Instant now, absl::FunctionRef<void(TimerId)> fire);
  /// The node's clock goes at another speed now.
  void ClockChanged();

 private:
  struct Entry {
    Instant deadline;
    std::uint64_t order = 0;
    TimerId timer;
    bool operator>(const Entry& other) const {
      return std::tie(deadline, order) > std::tie(other.deadline, other.order);
    }
  };
  void SetClock(Instant deadline);

  Fd clock_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_;
  std::uint64_t next_order_ = 0;
  /// The deadline that the timerfd is set to; zero when it is not.
  Instant set_to_;
};

}  // namespace mobula::host
