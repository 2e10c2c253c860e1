// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

#include "runtime/base/time.h"

namespace mobula::host {

/// The machine's steady clock, the same in all its processes.
inline Instant MachineNow() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant{time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

inline timespec ToTimespec(std::int64_t nanoseconds) {
  return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
}

/// How the clock of a node goes: from `shown` at the machine's time `machine`, at `rate` times its
/// speed. All processes of a node are given the same law, so that they agree on the time.
struct ClockLaw {
  Instant machine;
  Instant shown;
  double rate = 1;
};

/// From now on this process's clock obeys `law`. Only fault plans do that (`clock_drift`).
void SetClockLaw(const ClockLaw& law);

namespace internal {
extern std::atomic<bool> has_clock_law;
Instant NodeTimeAt(Instant machine);
Instant MachineTimeAt(Instant node);
}  // namespace internal

/// The clock of this process's node: what its machines are told. The machine's, unless a fault plan
/// lets it drift.
inline Instant SteadyNow() {
  const Instant now = MachineNow();
  return internal::has_clock_law.load(std::memory_order_acquire) ? internal::NodeTimeAt(now) : now;
}

/// When the machine's clock will show what it takes for the node's clock to show `node`.
inline Instant ToMachineTime(Instant node) {
  return internal::has_clock_law.load(std::memory_order_acquire) ? internal::MachineTimeAt(node)
                                                                 : node;
}

}  // namespace mobula::host
