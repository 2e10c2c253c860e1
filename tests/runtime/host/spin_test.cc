// SPDX-License-Identifier: Apache-2.0
// Goal: a thread looks for news only where they come at once, and a pause costs one look.
#include "runtime/host/process/spin.h"

#include <gtest/gtest.h>

namespace mobula::host {
namespace {

TEST(Spin, StartsAsleep) { EXPECT_EQ(Spin().Budget(), Duration{}); }

TEST(Spin, LooksAfterAnAnswerThatCameAtOnceAlthoughItSlept) {
  Spin spin;
  spin.Waited(Microseconds(60));
  EXPECT_EQ(spin.Budget(), Spin::kSpinMax);
  spin.Waited(Microseconds(5));
  EXPECT_EQ(spin.Budget(), Spin::kSpinMax);
}

TEST(Spin, APauseCostsOneLook) {
  Spin spin;
  spin.Waited(Microseconds(5));
  // It looked in vain, though it was close: the next wait sleeps.
  spin.Waited(Spin::kSpinMax + Microseconds(1));
  EXPECT_EQ(spin.Budget(), Duration{});
  spin.Waited(Seconds(1));
  EXPECT_EQ(spin.Budget(), Duration{});
}

}  // namespace
}  // namespace mobula::host
