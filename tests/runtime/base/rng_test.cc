// SPDX-License-Identifier: Apache-2.0
// Goal: the same seed gives the same numbers, different purposes independent ones.
#include "runtime/base/rng.h"

#include <gtest/gtest.h>

#include <array>

namespace mobula {
namespace {

TEST(Rng, RepeatsItselfForTheSameSeed) {
  Rng first(7);
  Rng second(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.Next(), second.Next());
}

TEST(Rng, DiffersBetweenSeedsAndPurposes) {
  Rng first(7);
  Rng second(8);
  EXPECT_NE(first.Next(), second.Next());
  EXPECT_NE(Rng(7).Fork(1).Next(), Rng(7).Fork(2).Next());
  EXPECT_EQ(Rng(7).Fork(1).Next(), Rng(7).Fork(1).Next());
}

TEST(Rng, ForkingTakesNothingFromTheParent) {
  Rng parent(7);
  Rng same(7);
  (void)parent.Fork(1);
  EXPECT_EQ(parent.Next(), same.Next());
}

TEST(Rng, StaysInItsBoundsAndUsesThemAll) {
  Rng rng(3);
  std::array<int, 10> counts{};
  for (int i = 0; i < 10'000; ++i) ++counts[rng.Below(10)];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Rng, DrawsUniformNumbersBelowOne) {
  Rng rng(3);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double drawn = rng.Uniform();
    ASSERT_GE(drawn, 0.0);
    ASSERT_LT(drawn, 1.0);
    sum += drawn;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

}  // namespace
}  // namespace mobula
