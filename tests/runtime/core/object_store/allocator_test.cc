// SPDX-License-Identifier: Apache-2.0
// Goal: ranges are disjoint, aligned, and come back whole. Method: cases, then random use checked
// by the allocator's own invariants and against the list of what is taken.
#include "runtime/core/object_store/allocator.h"

#include <gtest/gtest.h>

#include "runtime/base/rng.h"

namespace mobula::object_store {
namespace {

TEST(Allocator, AlignsOffsetsAndRoundsSizesUp) {
  Allocator allocator(1000, 64);
  EXPECT_EQ(allocator.Capacity(), 960u);
  EXPECT_EQ(allocator.Allocate(1), 0u);
  EXPECT_EQ(allocator.Allocate(65), 64u);
  EXPECT_EQ(allocator.Allocate(0), 192u);
  EXPECT_EQ(allocator.Used(), 256u);
  allocator.CheckInvariants();
}

TEST(Allocator, TakesTheSmallestRangeThatFits) {
  Allocator allocator(64 * 10, 64);
  const auto a = allocator.Allocate(64 * 4);
  const auto b = allocator.Allocate(64);
  const auto c = allocator.Allocate(64 * 2);
  ASSERT_TRUE(allocator.Allocate(64));
  allocator.Free(*a);
  allocator.Free(*c);
  EXPECT_EQ(allocator.Allocate(128), c) << "free are 4 units, 2 units and the tail of 2";
  allocator.Free(*b);
  EXPECT_EQ(allocator.LargestFree(), 64u * 5);
  allocator.CheckInvariants();
}

TEST(Allocator, JoinsNeighboursOnBothSides) {
  Allocator allocator(64 * 3, 64);
  const auto a = allocator.Allocate(64);
  const auto b = allocator.Allocate(64);
  const auto c = allocator.Allocate(64);
  EXPECT_EQ(allocator.Allocate(1), std::nullopt);
  allocator.Free(*a);
  allocator.Free(*c);
  allocator.Free(*b);
  EXPECT_EQ(allocator.LargestFree(), 64u * 3);
  allocator.CheckInvariants();
}

TEST(Allocator, RefusesWhatIsLargerThanItsCapacityOrTheWholeAddressSpace) {
  Allocator allocator(256, 64);
  EXPECT_EQ(allocator.Allocate(257), std::nullopt);
  EXPECT_EQ(allocator.Allocate(~std::uint64_t{0}), std::nullopt);
  EXPECT_EQ(Allocator(10, 64).Allocate(1), std::nullopt);
}

TEST(AllocatorDeathTest, FreeingTwiceIsABug) {
  Allocator allocator(256, 64);
  const auto range = allocator.Allocate(64);
  allocator.Free(*range);
  EXPECT_DEATH(allocator.Free(*range), "nothing was allocated at 0");
}

TEST(Allocator, SurvivesRandomUseAndEndsEmpty) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Allocator allocator(64 * 200, 64);
    std::vector<std::uint64_t> taken;
    for (int step = 0; step < 500; ++step) {
      if (taken.empty() || rng.Below(5) < 3) {
        if (const auto offset = allocator.Allocate(rng.Below(64 * 20))) taken.push_back(*offset);
      } else {
        const std::size_t index = rng.Below(taken.size());
        allocator.Free(taken[index]);
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(index));
      }
      allocator.CheckInvariants();
    }
    for (const std::uint64_t offset : taken) allocator.Free(offset);
    EXPECT_EQ(allocator.Used(), 0u);
    EXPECT_EQ(allocator.LargestFree(), allocator.Capacity());
  }
}

}  // namespace
}  // namespace mobula::object_store
