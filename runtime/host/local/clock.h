// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

#include "runtime/base/time.h"

namespace mobula::host {

/// The machine's steady clock, the same in all its processes.
inline Instant SteadyNow() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant{time.tv_sec * 1'000'000'000 + time.tv_nsec};
}

inline timespec ToTimespec(std::int64_t nanoseconds) {
  return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
}

}  // namespace mobula::host
