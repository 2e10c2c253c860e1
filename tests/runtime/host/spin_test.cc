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

TEST(Spin, WhereMoreWantToRunThanThereAreCoresItLooksEverMoreRarely) {
  Spin spin;
  spin.Waited(Microseconds(5));
  const auto waits_until_it_looks = [&spin] {
    int waits = 0;
    for (; spin.Budget() == Duration{}; ++waits) spin.Waited(Microseconds(5));
    return waits;
  };
  // A yield took long: somebody else had the core.
  const auto look_in_vain = [&spin] {
    EXPECT_FALSE(spin.Yielded(Spin::kYieldMax + Microseconds(1)));
    spin.Waited(Microseconds(5));
  };
  look_in_vain();
  EXPECT_EQ(waits_until_it_looks(), Spin::kContendedWaits - 1);
  look_in_vain();
  EXPECT_EQ(waits_until_it_looks(), 2 * Spin::kContendedWaits - 1);
  for (int i = 0; i < 20; ++i) {
    look_in_vain();
    EXPECT_LT(waits_until_it_looks(), Spin::kContendedWaitsMax);
  }
  // It found what it looked for, and nobody else wanted the core.
  EXPECT_TRUE(spin.Yielded(Microseconds(1)));
  spin.Waited(Microseconds(5));
  look_in_vain();
  EXPECT_EQ(waits_until_it_looks(), Spin::kContendedWaits - 1);
}

}  // namespace
}  // namespace mobula::host
