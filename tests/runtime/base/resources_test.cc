// SPDX-License-Identifier: Apache-2.0
// Goal: amounts add up exactly, and absent means zero.
#include "runtime/base/resources.h"

#include <gtest/gtest.h>

namespace mobula {
namespace {

TEST(ResourceSet, AddsTenthsUpExactly) {
  ResourceSet sum;
  for (int i = 0; i < 10; ++i) sum.Add(ResourceSet::Of({{"CPU", 0.1}}));
  EXPECT_EQ(sum, ResourceSet::Of({{"CPU", 1}}));
  EXPECT_EQ(sum.Get("CPU"), 1.0);
}

TEST(ResourceSet, DoesNotStoreZero) {
  ResourceSet set = ResourceSet::Of({{"CPU", 0}, {"GPU", 1}});
  EXPECT_EQ(set.units.size(), 1u);
  set.Subtract(ResourceSet::Of({{"GPU", 1}}));
  EXPECT_TRUE(set.IsEmpty());
  set.SetUnits("CPU", 5);
  set.SetUnits("CPU", 0);
  EXPECT_TRUE(set.IsEmpty());
}

TEST(ResourceSet, CoversWhatItHasEnoughOf) {
  const ResourceSet have = ResourceSet::Of({{"CPU", 2}, {"memory", 100}});
  EXPECT_TRUE(have.Covers(ResourceSet::Of({{"CPU", 2}})));
  EXPECT_TRUE(have.Covers(ResourceSet()));
  EXPECT_FALSE(have.Covers(ResourceSet::Of({{"CPU", 2.0001}})));
  EXPECT_FALSE(have.Covers(ResourceSet::Of({{"GPU", 0.5}})));
}

TEST(ResourceSet, GoesBelowZeroOnlyWhenAllowed) {
  ResourceSet set = ResourceSet::Of({{"CPU", 1}});
  set.Subtract(ResourceSet::Of({{"CPU", 3}}), /*allow_negative=*/true);
  EXPECT_EQ(set.Get("CPU"), -2.0);
  set.Add(ResourceSet::Of({{"CPU", 3}}));
  EXPECT_EQ(set.Get("CPU"), 1.0);
}

TEST(ResourceSetDeathTest, RefusesToTakeWhatIsNotThere) {
  ResourceSet set = ResourceSet::Of({{"CPU", 1}});
  EXPECT_DEATH(set.Subtract(ResourceSet::Of({{"CPU", 2}})), "CPU: 1.* - .*CPU: 2");
}

TEST(ResourceSet, ReadsAsPeopleWriteIt) {
  EXPECT_EQ(ResourceSet::Of({{"GPU", 0.5}, {"CPU", 2}}).ToString(), "{CPU: 2, GPU: 0.5}");
  EXPECT_EQ(ResourceSet().ToString(), "{}");
}

TEST(ResourceSet, RoundsToTheNearestTenThousandth) {
  EXPECT_EQ(ResourceSet::Of({{"CPU", 0.00004}}).Units("CPU"), 0);
  EXPECT_EQ(ResourceSet::Of({{"CPU", 0.00006}}).Units("CPU"), 1);
}

}  // namespace
}  // namespace mobula
