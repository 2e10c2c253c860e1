// SPDX-License-Identifier: Apache-2.0
/// Goal: whoever holds GPUs knows which, and no GPU is given twice over. Method: the table by
/// itself, then one raylet, whose invariants count every GPU after each event.
#include <gmock/gmock.h>

#include "runtime/core/raylet/gpu_table.h"
#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Numbers = std::vector<std::uint32_t>;

ResourceSet Gpus(double count) { return ResourceSet::Of({{"GPU", count}}); }

TEST(GpuTable, GivesWholeOnesToOneHolder) {
  GpuTable table = GpuTable::OfNode(Gpus(3));
  const auto two = table.Find(Gpus(2));
  ASSERT_TRUE(two);
  EXPECT_EQ(NumbersOf(*two), (Numbers{0, 1}));
  table.Take(*two);
  EXPECT_EQ(table.Find(Gpus(2)), std::nullopt);
  EXPECT_EQ(NumbersOf(*table.Find(Gpus(1))), (Numbers{2}));
  table.Give(*two);
  EXPECT_EQ(table.Free(), table.All());
}

TEST(GpuTable, LetsFractionsShareTheFullestGpuWithRoom) {
  GpuTable table = GpuTable::OfNode(Gpus(3));
  const auto take = [&](double amount) {
    const auto found = table.Find(Gpus(amount));
    if (!found) return Numbers{};
    table.Take(*found);
    return NumbersOf(*found);
  };
  EXPECT_EQ(take(0.6), Numbers{0});
  EXPECT_EQ(take(0.6), Numbers{1});
  EXPECT_EQ(take(0.3), Numbers{0});
  EXPECT_EQ(take(0.4), Numbers{1});
  EXPECT_EQ(take(1), Numbers{2});
  EXPECT_EQ(take(0.2), Numbers{}) << "0.1 is left, of GPU 0";
  EXPECT_EQ(take(0.1), Numbers{0});
}

TEST(GpuTable, DoesNotAddUpWhatIsLeftOfSeveral) {
  GpuTable table = GpuTable::OfNode(Gpus(2));
  for (int i = 0; i < 2; ++i) table.Take(*table.Find(Gpus(0.6)));
  EXPECT_EQ(table.Find(Gpus(0.8)), std::nullopt);
  EXPECT_EQ(table.Find(ResourceSet{}), GpuShares{}) << "nothing is always there";
}

class RayletGpuTest : public RayletFixture {
 protected:
  RayletGpuTest() : RayletFixture(ResourceSet::Of({{"CPU", 8}, {"GPU", 2}})) { JoinWithDriver(); }
};

TEST_F(RayletGpuTest, AGrantSaysWhichAndARepeatedOneTheSame) {
  const LeaseGranted first = Lease(1, Gpus(1));
  const LeaseGranted second = Lease(2, Gpus(1));
  EXPECT_EQ(first.gpus, Numbers{0});
  EXPECT_EQ(second.gpus, Numbers{1});
  const auto again = Sent<LeaseGranted>(Hear(kDriver, Request(2, Gpus(1))));
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].second, second);
  Return(first);
  EXPECT_EQ(Lease(3, Gpus(0.5)).gpus, Numbers{0});
  EXPECT_EQ(Lease(4, Cpus(1)).gpus, Numbers{});
}

TEST_F(RayletGpuTest, ARequestWaitsForOneGpuWithRoomThoughTheSumWouldDo) {
  const LeaseGranted first = Lease(1, Gpus(0.6));
  const LeaseGranted second = Lease(2, Gpus(0.6));
  EXPECT_NE(first.gpus, second.gpus);
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(3, Gpus(0.7)))), IsEmpty());
  const auto granted = Sent<LeaseGranted>(Return(first));
  ASSERT_THAT(granted, SizeIs(1));
  EXPECT_EQ(granted[0].second.gpus, first.gpus);
}

TEST_F(RayletGpuTest, ABlockedWorkerKeepsItsGpuAndADeadOneGivesItBack) {
  const LeaseGranted granted = Lease(1, ResourceSet::Of({{"CPU", 1}, {"GPU", 2}}));
  EXPECT_EQ(granted.gpus, (Numbers{0, 1}));
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(2, Gpus(0.1)))), IsEmpty());
  const auto started = Of<StartProcess>(Do(ProcessExited{granted.worker.worker, "killed"}));
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(Sent<LeaseGranted>(Register(started[0].worker))[0].second.gpus, Numbers{0});
}

TEST_F(RayletGpuTest, ABundlesGpusAreItsUsersAlone) {
  constexpr PlacementGroupId kGroup{0, 3};
  PrepareBundles prepare{kGroup, 1, {{0, Gpus(1)}}};
  HearGcs(prepare);
  HearGcs(CommitBundles{kGroup, 1});
  EXPECT_EQ(Lease(1, Gpus(1)).gpus, Numbers{1});
  RequestLease request = Request(2, Gpus(0.5));
  request.strategy.kind = StrategyKind::kPlacementGroup;
  request.strategy.group = kGroup;
  EXPECT_EQ(Lease(request).gpus, Numbers{0});
  request.request = 3;
  const LeaseGranted half = Lease(request);
  EXPECT_EQ(half.gpus, Numbers{0});
  // They end with the group, and its GPU is free when the last one has.
  HearGcs(ReturnBundles{kGroup, 1});
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(4, Gpus(1)))), IsEmpty());
}

TEST_F(RayletGpuTest, BundlesThatWouldNeedPiecesOfSeveralGpusAreNotMade) {
  for (std::uint64_t request = 1; request <= 2; ++request) Lease(request, Gpus(0.6));
  constexpr PlacementGroupId kGroup{0, 3};
  const auto prepared =
      Sent<BundlesPrepared>(HearGcs(PrepareBundles{kGroup, 1, {{0, Gpus(0.4)}, {1, Gpus(0.4)}}}));
  ASSERT_THAT(prepared, SizeIs(1));
  EXPECT_TRUE(prepared[0].second.ok);
  HearGcs(ReturnBundles{kGroup, 1});
  const auto refused =
      Sent<BundlesPrepared>(HearGcs(PrepareBundles{kGroup, 2, {{0, Gpus(0.3)}, {1, Gpus(0.5)}}}));
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_FALSE(refused[0].second.ok);
  EXPECT_EQ(Lease(3, Gpus(0.4)).gpus, Numbers{0}) << "nothing was kept";
}

}  // namespace
}  // namespace mobula::raylet
