// SPDX-License-Identifier: Apache-2.0
// Goal: what a raylet sets aside for placement groups is served out of nothing else, and comes back
// whole. Method: one raylet with 2 CPUs, 1 GPU and 1 "custom", the GCS played by hand.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr PlacementGroupId kGroup{3, 3};

class BundleTest : public RayletFixture {
 protected:
  bool Prepare(std::uint64_t attempt, std::vector<BundleRequest> bundles) {
    const auto answers =
        Sent<BundlesPrepared>(HearGcs(PrepareBundles{kGroup, attempt, std::move(bundles)}));
    EXPECT_THAT(answers, SizeIs(1));
    return !answers.empty() && answers[0].second.ok;
  }
  void Make(std::vector<BundleRequest> bundles) {
    EXPECT_TRUE(Prepare(1, std::move(bundles)));
    EXPECT_THAT(Sent<BundlesCommitted>(HearGcs(CommitBundles{kGroup, 1})), SizeIs(1));
  }
  static RequestLease InGroup(std::uint64_t request, const ResourceSet& resources,
                              std::uint32_t bundle = 0) {
    RequestLease message = Request(request, resources);
    message.strategy = {StrategyKind::kPlacementGroup, {}, false, kGroup, bundle, false};
    return message;
  }
  static PlacementGroupView Located(PlacementGroupState state,
                                    const std::vector<std::uint64_t>& nodes) {
    PlacementGroupView view;
    view.spec.group = kGroup;
    view.state = state;
    for (const std::uint64_t node : nodes) {
      view.spec.bundles.push_back(Cpus(1));
      view.bundles.push_back({BundlePhase::kCommitted, Node(node), 1});
    }
    return view;
  }
};

TEST_F(BundleTest, SetsAsideAllOrNothing) {
  JoinWithDriver();
  EXPECT_FALSE(Prepare(1, {{0, Cpus(1)}, {1, Cpus(2)}}));
  EXPECT_EQ(FreeCpus(), 2);
  EXPECT_TRUE(Prepare(2, {{0, Cpus(1)}, {1, Cpus(1)}}));
  EXPECT_EQ(FreeCpus(), 0);
  EXPECT_TRUE(Prepare(2, {{0, Cpus(1)}, {1, Cpus(1)}})) << "a repetition takes nothing more";
  HearGcs(ReturnBundles{kGroup, 1});
  EXPECT_EQ(FreeCpus(), 0) << "that attempt has nothing";
  HearGcs(ReturnBundles{kGroup, 2});
  EXPECT_EQ(FreeCpus(), 2);
  HearGcs(ReturnBundles{kGroup, 0});
  EXPECT_EQ(FreeCpus(), 2);
}

TEST_F(BundleTest, GrantsOutOfACommittedBundleOnly) {
  JoinWithDriver();
  EXPECT_TRUE(Prepare(1, {{0, Cpus(1)}}));
  const Effects early = Hear(kDriver, InGroup(1, Cpus(1)));
  EXPECT_THAT(Of<StartProcess>(early), IsEmpty());
  EXPECT_THAT(Sent<LocatePlacementGroup>(early), SizeIs(1));
  EXPECT_THAT(Of<StartProcess>(HearGcs(CommitBundles{kGroup, 1})), SizeIs(1));
  EXPECT_EQ(FreeCpus(), 1) << "out of the bundle";
}

TEST_F(BundleTest, ServesEachBundleUpToWhatItHas) {
  JoinWithDriver();
  Make({{0, Cpus(1)}, {1, Cpus(1)}});
  HearGcs(PlacementGroupUpdate{Located(PlacementGroupState::kCreated, {1, 1})});
  const LeaseGranted first = Lease(InGroup(1, Cpus(1), 1));
  Hear(kDriver, InGroup(2, Cpus(1), 1));
  EXPECT_THAT(raylet_.LeaseRequests(), SizeIs(1)) << "bundle 0 is full, and 1 is not meant";
  const LeaseGranted other = Lease(InGroup(3, Cpus(1)));
  EXPECT_NE(other.worker, first.worker);
  EXPECT_THAT(Sent<LeaseGranted>(Return(first)), SizeIs(1));
}

TEST_F(BundleTest, ABlockedWorkerLendsItsCpuToItsBundle) {
  JoinWithDriver();
  Make({{0, Cpus(1)}});
  HearGcs(PlacementGroupUpdate{Located(PlacementGroupState::kCreated, {1})});
  const LeaseGranted first = Lease(InGroup(1, Cpus(1)));
  const Address worker = first.worker;
  Hear(worker, TaskBlocked{worker.worker});
  EXPECT_EQ(FreeCpus(), 1);
  const LeaseGranted second = Lease(InGroup(2, Cpus(1)));
  Hear(worker, TaskUnblocked{worker.worker});
  EXPECT_EQ(raylet_.Bundles().at(0).available.Get("CPU"), -1);
  Return(second);
  Return(first);
  EXPECT_EQ(raylet_.Bundles().at(0).available.Get("CPU"), 1);
}

TEST_F(BundleTest, ReturningEndsWhatRunsThereAndThenGivesItBack) {
  JoinWithDriver();
  Make({{0, Cpus(1)}});
  const LeaseGranted lease = Lease(InGroup(1, Cpus(1)));
  const Effects ended = HearGcs(ReturnBundles{kGroup, 0});
  ASSERT_THAT(Of<KillProcess>(ended), SizeIs(1));
  EXPECT_EQ(FreeCpus(), 1);
  Do(ProcessExited{lease.worker.worker, "killed"});
  EXPECT_EQ(FreeCpus(), 2);
  EXPECT_THAT(raylet_.Bundles(), IsEmpty());
}

TEST_F(BundleTest, ReturningTakesTheResourcesOfWhatWaitsForAWorker) {
  JoinWithDriver();
  Make({{0, Cpus(1)}});
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, InGroup(1, Cpus(1)))), SizeIs(1));
  const Effects out = HearGcs(ReturnBundles{kGroup, 0});
  EXPECT_EQ(FreeCpus(), 2);
  EXPECT_THAT(Sent<LocatePlacementGroup>(out), SizeIs(1)) << "it wants to know what became of it";
  PlacementGroupView removed = Located(PlacementGroupState::kRemoved, {});
  removed.error.message = "The placement group was removed.";
  const auto refused = Sent<LeaseRefused>(HearGcs(PlacementGroupUpdate{removed}));
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].second.error.kind, ErrorKind::kTaskPlacementGroupRemoved);
}

TEST_F(BundleTest, SendsARequestToTheNodeOfItsBundle) {
  JoinWithDriver({Told(1, Cpus(2), Cpus(2)), Told(2, Cpus(4), Cpus(4))});
  Hear(kDriver, InGroup(1, Cpus(1)));
  const auto spilled = Sent<LeaseSpilled>(
      HearGcs(PlacementGroupUpdate{Located(PlacementGroupState::kCreated, {2})}));
  ASSERT_THAT(spilled, SizeIs(1));
  EXPECT_EQ(spilled[0].second.node, Node(2));
}

TEST_F(BundleTest, AFullBundleSendsRequestsForAnyToOthersUntilAllWereAsked) {
  JoinWithDriver({Told(1, Cpus(2), Cpus(2)), Told(2, Cpus(4), Cpus(4))});
  Make({{0, Cpus(1)}});
  HearGcs(PlacementGroupUpdate{Located(PlacementGroupState::kCreated, {1, 2})});
  Lease(InGroup(1, Cpus(1)));
  EXPECT_THAT(Sent<LeaseSpilled>(Hear(kDriver, InGroup(2, Cpus(1)))), SizeIs(1));
  RequestLease again = InGroup(3, Cpus(1));
  again.spill_count = 2;
  EXPECT_THAT(Sent<LeaseSpilled>(Hear(kDriver, again)), IsEmpty()) << "it was everywhere";
  now_ = now_ + Seconds(1);
  EXPECT_THAT(Sent<LeaseSpilled>(Fire(TimerKind::kReport)), SizeIs(1)) << "and looks again";
}

TEST_F(BundleTest, RefusesWhatNoBundleCouldHold) {
  JoinWithDriver();
  Make({{0, Cpus(1)}});
  HearGcs(PlacementGroupUpdate{Located(PlacementGroupState::kCreated, {1})});
  const auto refused = Sent<LeaseRefused>(Hear(kDriver, InGroup(1, Cpus(2))));
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].second.error.kind, ErrorKind::kTaskUnschedulable);
  EXPECT_THAT(refused[0].second.error.message, HasSubstr("no bundle"));
}

TEST_F(BundleTest, TellsAGcsThatCameBackWhatItHolds) {
  JoinWithDriver();
  Make({{0, Cpus(1)}});
  EXPECT_TRUE(Prepare(2, {{1, Cpus(1)}}));
  const auto told = Sent<RegisterNode>(HearGcs(GcsRestarted{}));
  ASSERT_THAT(told, SizeIs(1));
  const std::vector<HeldBundle> expected{{kGroup, 0, 1, true}, {kGroup, 1, 2, false}};
  EXPECT_EQ(told[0].second.bundles, expected);
}

TEST_F(BundleTest, AnActorThatHoldsNoCpuStillNeedsANodeThatHasOne) {
  JoinWithDriver();
  RequestLease actor = Request(1, {});
  actor.actor = ActorId{1, 1};
  actor.placement = Cpus(1);
  Lease(Request(2, Cpus(2)));
  Lease(actor);
  EXPECT_EQ(FreeCpus(), 0) << "it takes none, so it waits for none";
  RequestLease large = actor;
  large.request = 3;
  large.actor = ActorId{1, 2};
  large.placement = Cpus(3);
  EXPECT_THAT(Sent<LeaseInfeasible>(Hear(kDriver, large)), SizeIs(1));
}

}  // namespace
}  // namespace mobula::raylet
