// SPDX-License-Identifier: Apache-2.0
// Clocks that drift: continuous, never back, and a timer is due by the clock that it was set by.
#include "sim/drifting_time.h"

namespace mobula::sim {
namespace {

TEST(DriftingTime, IsTheWorldsTimeWithoutFaults) {
  const DriftingTime clock;
  EXPECT_EQ(clock.Read(Instant{12345}), Instant{12345});
  EXPECT_EQ(clock.Real(Nanoseconds(7)), Nanoseconds(7));
}

TEST(DriftingTime, RunsFasterForAWhileAndDoesNotJump) {
  DriftingTime clock;
  clock.Drift(Instant{1000}, 1, 2);
  EXPECT_EQ(clock.Read(Instant{1000}), Instant{1000});
  EXPECT_EQ(clock.Read(Instant{1500}), Instant{2000});
  clock.Steady(Instant{1500}, 1);
  EXPECT_EQ(clock.Read(Instant{1500}), Instant{2000});
  EXPECT_EQ(clock.Read(Instant{1600}), Instant{2100});
}

/// A timer of one nanosecond on a clock four times as fast once took no time at all: it fired,
/// found that it was not due, and was set again, for ever.
TEST(DriftingTime, NeverFiresATimerBeforeItsTime) {
  for (const double rate : {0.3, 1.5, 1.9156401510076502 * 1.9156401510076502, 10.0}) {
    DriftingTime clock;
    clock.Drift(Instant{333}, 1, rate);
    for (const std::int64_t span : {1, 2, 3, 1000, 123'456'789}) {
      const Instant set_at{777};
      const Duration real = clock.Real(Nanoseconds(span));
      EXPECT_GT(real, Duration{});
      EXPECT_GE(clock.Read(set_at + real), clock.Read(set_at) + Nanoseconds(span)) << rate;
    }
  }
}

}  // namespace
}  // namespace mobula::sim
