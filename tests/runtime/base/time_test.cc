// SPDX-License-Identifier: Apache-2.0
// Goal: instants and durations combine as points and spans do.
#include "runtime/base/time.h"

#include <gtest/gtest.h>

namespace mobula {
namespace {

TEST(Time, SpansAddAndScale) {
  EXPECT_EQ(Seconds(1), Milliseconds(1000));
  EXPECT_EQ(Milliseconds(1), Microseconds(1000));
  EXPECT_EQ(Milliseconds(3) - Milliseconds(1), Milliseconds(2));
  EXPECT_EQ(Milliseconds(3) * 2 / 3, Milliseconds(2));
}

TEST(Time, PointsDifferBySpans) {
  const Instant start{5};
  EXPECT_EQ((start + Seconds(2)) - start, Seconds(2));
  EXPECT_EQ(start + Seconds(2) - Seconds(2), start);
  EXPECT_LT(start, start + Nanoseconds(1));
}

TEST(Time, SecondsRoundToNanoseconds) {
  EXPECT_EQ(FromSeconds(0.1), Milliseconds(100));
  EXPECT_EQ(FromSeconds(-0.1), Milliseconds(-100));
  EXPECT_DOUBLE_EQ(Milliseconds(1500).Seconds(), 1.5);
}

}  // namespace
}  // namespace mobula
