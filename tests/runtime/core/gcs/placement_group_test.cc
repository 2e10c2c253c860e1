// SPDX-License-Identifier: Apache-2.0
// Goal: a placement group is had whole or not at all, and is given back whole, whatever dies or is
// repeated meanwhile. Method: the raylets' side of the two-phase commit is played by hand.
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PlacementGroupTest : public ActorTest {
 protected:
  PlacementGroupSpec Spec(PlacementStrategy strategy, const std::vector<double>& cpus,
                          std::uint64_t number = 1) const {
    PlacementGroupSpec spec;
    spec.group = PlacementGroupId{number, 7};
    spec.job = job;
    spec.strategy = strategy;
    spec.ray_namespace = "space";
    for (const double amount : cpus) spec.bundles.push_back(ResourceSet::Of({{"CPU", amount}}));
    return spec;
  }
  void Make(const PlacementGroupSpec& spec) { Say(kDriver, CreatePlacementGroup{9, spec}); }
  PlacementGroupView View(std::uint64_t number = 1) const {
    for (const PlacementGroupView& view : gcs.PlacementGroups()) {
      if (view.spec.group.high == number) return view;
    }
    ADD_FAILURE() << "no group " << number;
    return {};
  }
  PrepareBundles PreparedAt(std::uint64_t node) const {
    const auto asked = SentTo<PrepareBundles>(Daemon(node));
    EXPECT_THAT(asked, SizeIs(1)) << "at node " << node;
    return asked.empty() ? PrepareBundles{} : asked[0];
  }
  void Answer(std::uint64_t node, std::uint64_t attempt, bool ok = true, std::uint64_t group = 1) {
    Say(Daemon(node), BundlesPrepared{PlacementGroupId{group, 7}, attempt, ok});
  }
  void Confirm(std::uint64_t node, std::uint64_t attempt) {
    Say(Daemon(node), BundlesCommitted{PlacementGroupId{1, 7}, attempt});
  }
  /// Two bundles, on nodes 1 and 2 or any two others.
  std::vector<std::uint64_t> MakeSpread() {
    Make(Spec(PlacementStrategy::kStrictSpread, {1, 1}));
    std::vector<std::uint64_t> nodes;
    for (std::uint64_t node = 1; node <= 3; ++node) {
      if (!SentTo<PrepareBundles>(Daemon(node)).empty()) nodes.push_back(node);
    }
    EXPECT_THAT(nodes, SizeIs(2));
    return nodes;
  }
  void CreateSpread(const std::vector<std::uint64_t>& nodes) {
    for (const std::uint64_t node : nodes) Answer(node, 1);
    for (const std::uint64_t node : nodes) Confirm(node, 1);
    ASSERT_EQ(View().state, PlacementGroupState::kCreated);
  }
};

TEST_F(PlacementGroupTest, IsCommittedOnceAllOfItIsPrepared) {
  const auto nodes = MakeSpread();
  EXPECT_THAT(SentTo<PlacementGroupReply>(kDriver), SizeIs(1));
  Say(kDriver, GetPlacementGroup{10, PlacementGroupId{1, 7}, "", "", true});
  EXPECT_THAT(SentTo<PlacementGroupReply>(kDriver), IsEmpty()) << "it waits";
  Answer(nodes[0], 1);
  EXPECT_EQ(CountSent<CommitBundles>(), 0u);
  Answer(nodes[1], 1);
  EXPECT_EQ(CountSent<CommitBundles>(), 2u);
  Confirm(nodes[0], 1);
  EXPECT_EQ(View().state, PlacementGroupState::kPending);
  Confirm(nodes[1], 1);
  EXPECT_EQ(View().state, PlacementGroupState::kCreated);
  ASSERT_THAT(SentTo<PlacementGroupReply>(kDriver), SizeIs(1));
  EXPECT_EQ(SentTo<PlacementGroupReply>(kDriver)[0].request, 10u);
}

TEST_F(PlacementGroupTest, ARefusalGivesEverythingBackAndItTriesAgain) {
  const auto nodes = MakeSpread();
  Answer(nodes[0], 1);
  Answer(nodes[1], 1, false);
  ASSERT_THAT(SentTo<ReturnBundles>(Daemon(nodes[0])), SizeIs(1));
  EXPECT_EQ(SentTo<ReturnBundles>(Daemon(nodes[0]))[0].attempt, 1u);
  EXPECT_THAT(SentTo<ReturnBundles>(Daemon(nodes[1])), SizeIs(1)) << "it may be asked twice";
  Answer(nodes[0], 1);
  EXPECT_EQ(CountSent<CommitBundles>(), 0u) << "an answer to a void attempt";
  Wait(Milliseconds(200), {1, 2, 3});
  EXPECT_EQ(CountSent<PrepareBundles>(), 2u);
  EXPECT_EQ(View().attempts, 2u);
}

TEST_F(PlacementGroupTest, WaitsForRoom) {
  Make(Spec(PlacementStrategy::kStrictPack, {5}));
  EXPECT_EQ(CountSent<PrepareBundles>(), 0u);
  Wait(Milliseconds(100), {1, 2, 3});
  EXPECT_EQ(CountSent<PrepareBundles>(), 0u);
  Say(Daemon(4), Registration(4, 8));
  Wait(Milliseconds(100), {1, 2, 3, 4});
  EXPECT_THAT(PreparedAt(4).bundles, SizeIs(1));
}

TEST_F(PlacementGroupTest, WhatWasPromisedIsNotPromisedAgainBeforeANodeReports) {
  for (std::uint64_t number = 1; number <= 3; ++number)
    Make(Spec(PlacementStrategy::kStrictPack, {4}, number));
  EXPECT_EQ(CountSent<PrepareBundles>(), 1u);
  Make(Spec(PlacementStrategy::kStrictPack, {4}, 4));
  EXPECT_EQ(CountSent<PrepareBundles>(), 0u) << "all of the three nodes are full";
}

TEST_F(PlacementGroupTest, ADeathBeforeTheDecisionVoidsTheAttempt) {
  const auto nodes = MakeSpread();
  Answer(nodes[0], 1);
  DieNode(nodes[1]);
  EXPECT_THAT(SentTo<ReturnBundles>(Daemon(nodes[0])), SizeIs(1));
  EXPECT_EQ(View().state, PlacementGroupState::kPending);
  Wait(Milliseconds(200), {1, 2, 3});
  EXPECT_EQ(CountSent<PrepareBundles>(), 2u);
}

TEST_F(PlacementGroupTest, ADeathAfterItReplacesTheLostBundleOnly) {
  const auto nodes = MakeSpread();
  Answer(nodes[0], 1);
  Answer(nodes[1], 1);
  Confirm(nodes[0], 1);
  DieNode(nodes[1]);
  EXPECT_EQ(CountSent<ReturnBundles>(), 0u);
  Wait(Milliseconds(200), {1, 2, 3});
  EXPECT_EQ(CountSent<PrepareBundles>(), 1u);
  const std::uint64_t third = 6 - nodes[0] - nodes[1];
  ASSERT_THAT(PreparedAt(third).bundles, SizeIs(1));
  Answer(third, 2);
  Confirm(third, 2);
  EXPECT_EQ(View().state, PlacementGroupState::kCreated);
}

TEST_F(PlacementGroupTest, ACreatedGroupThatLosesANodeIsRescheduled) {
  const auto nodes = MakeSpread();
  CreateSpread(nodes);
  Say(Daemon(nodes[0]), LocatePlacementGroup{PlacementGroupId{1, 7}});
  EXPECT_THAT(SentTo<PlacementGroupUpdate>(Daemon(nodes[0])), SizeIs(1));
  DieNode(nodes[1]);
  EXPECT_EQ(View().state, PlacementGroupState::kRescheduling);
  EXPECT_THAT(SentTo<PlacementGroupUpdate>(Daemon(nodes[0])), SizeIs(1));
  Wait(Milliseconds(200), {1, 2, 3});
  const std::uint64_t third = 6 - nodes[0] - nodes[1];
  Answer(third, 2);
  Confirm(third, 2);
  EXPECT_EQ(View().state, PlacementGroupState::kCreated);
  EXPECT_THAT(SentTo<PlacementGroupUpdate>(Daemon(nodes[0])), SizeIs(1));
}

TEST_F(PlacementGroupTest, RemovalGivesItBackAndEndsItsActors) {
  const auto nodes = MakeSpread();
  CreateSpread(nodes);
  TaskSpec actor = Creation();
  actor.header.Edit().strategy = {StrategyKind::kPlacementGroup, {}, false,
                                  PlacementGroupId{1, 7},        2,  false};
  Register(actor);
  const NodeId node = View().bundles[1].node;
  const RequestLease lease = LeaseAt(node.high);
  Grant(lease.request, Worker(node.high, 50));
  FinishConstructor(actor, Worker(node.high, 50));
  Say(kDriver, RemovePlacementGroup{11, PlacementGroupId{1, 7}});
  EXPECT_EQ(CountSent<ReturnBundles>(), 2u);
  EXPECT_EQ(CountSent<KillWorker>(), 1u);
  EXPECT_EQ(View().state, PlacementGroupState::kRemoved);
  const ErrorInfo cause = Cause(actor);
  EXPECT_EQ(cause.kind, ErrorKind::kActorDied);
  EXPECT_THAT(cause.message, HasSubstr("placement group was removed"));
  Say(kDriver, RemovePlacementGroup{12, PlacementGroupId{1, 7}});
  EXPECT_EQ(CountSent<ReturnBundles>(), 0u) << "done already";
  const TaskSpec late = [&] {
    TaskSpec spec = Creation(2);
    spec.header.Edit().strategy = actor.header->strategy;
    return spec;
  }();
  Register(late);
  EXPECT_EQ(Cause(late).kind, ErrorKind::kActorPlacementGroupRemoved);
}

TEST_F(PlacementGroupTest, AnAnswerThatComesAfterTheRemovalChangesNothing) {
  const auto nodes = MakeSpread();
  for (const std::uint64_t node : nodes) Answer(node, 1);
  Say(kDriver, RemovePlacementGroup{11, PlacementGroupId{1, 7}});
  for (const std::uint64_t node : nodes) Confirm(node, 1);
  EXPECT_EQ(View().state, PlacementGroupState::kRemoved);
}

TEST_F(PlacementGroupTest, AnActorWaitsForItsGroup) {
  const auto nodes = MakeSpread();
  TaskSpec actor = Creation();
  actor.header.Edit().strategy = {StrategyKind::kPlacementGroup, {}, false,
                                  PlacementGroupId{1, 7},        0,  false};
  Register(actor);
  EXPECT_EQ(CountSent<RequestLease>(), 0u);
  CreateSpread(nodes);
  EXPECT_EQ(CountSent<RequestLease>(), 1u);
}

TEST_F(PlacementGroupTest, NamesAreTakenUntilTheGroupIsRemoved) {
  PlacementGroupSpec spec = Spec(PlacementStrategy::kPack, {1});
  spec.name = "mine";
  Make(spec);
  PlacementGroupSpec rival = Spec(PlacementStrategy::kPack, {1}, 2);
  rival.name = "mine";
  Make(rival);
  ASSERT_THAT(SentTo<PlacementGroupReply>(kDriver), SizeIs(1));
  EXPECT_EQ(SentTo<PlacementGroupReply>(kDriver)[0].group.error.kind, ErrorKind::kInvalid);
  Say(kDriver, GetPlacementGroup{10, {}, "mine", "space", false});
  EXPECT_EQ(SentTo<PlacementGroupReply>(kDriver).at(0).group.spec.group, spec.group);
  Say(kDriver, RemovePlacementGroup{11, spec.group});
  Say(kDriver, GetPlacementGroup{12, {}, "mine", "space", false});
  EXPECT_FALSE(SentTo<PlacementGroupReply>(kDriver).at(0).found);
  Make(rival);
  EXPECT_EQ(SentTo<PlacementGroupReply>(kDriver).at(0).group.error.kind, ErrorKind::kInvalid)
      << "a repeated request gets the first answer";
}

TEST_F(PlacementGroupTest, GoesWithItsJobUnlessItIsDetached) {
  Make(Spec(PlacementStrategy::kPack, {1}));
  PlacementGroupSpec kept = Spec(PlacementStrategy::kPack, {1}, 2);
  kept.detached = true;
  Make(kept);
  Say(Daemon(1), JobFinished{job});
  EXPECT_EQ(CountSent<ReturnBundles>(), 1u);
  EXPECT_EQ(View(1).state, PlacementGroupState::kRemoved);
  EXPECT_EQ(View(2).state, PlacementGroupState::kPending);
  Make(Spec(PlacementStrategy::kPack, {1}, 3));
  EXPECT_EQ(View(3).state, PlacementGroupState::kRemoved) << "too late";
}

TEST_F(PlacementGroupTest, AfterARestartGoesOnWithWhatTheNodesHold) {
  const auto nodes = MakeSpread();
  Answer(nodes[0], 1);
  Restart();
  const auto comes_back = [&](std::uint64_t node, std::vector<HeldBundle> held) {
    RegisterNode message = Registration(node);
    message.returning = true;
    message.processes = {kDriver.worker};
    message.bundles = std::move(held);
    Say(Daemon(node), message);
  };
  const PlacementGroupId group{1, 7};
  const auto index_at = [&](std::uint64_t node) {
    return View().bundles[0].node == NodeNumber(node) ? 0u : 1u;
  };
  // The first node's answer was heard, the second one's question was lost; a third one has what
  // nobody wants.
  comes_back(nodes[0], {{group, index_at(nodes[0]), 1, false}});
  comes_back(nodes[1], {});
  EXPECT_THAT(PreparedAt(nodes[1]).bundles, SizeIs(1));
  comes_back(6 - nodes[0] - nodes[1], {{group, 0, 9, true}});
  EXPECT_EQ(CountSent<ReturnBundles>(), 1u);
  Answer(nodes[1], 1);
  EXPECT_EQ(CountSent<CommitBundles>(), 2u);
  Restart();
  comes_back(nodes[0], {{group, index_at(nodes[0]), 1, true}});
  comes_back(nodes[1], {{group, index_at(nodes[1]), 1, false}});
  EXPECT_EQ(CountSent<CommitBundles>(), 1u);
  Confirm(nodes[1], 1);
  EXPECT_EQ(View().state, PlacementGroupState::kCreated);
}

TEST_F(PlacementGroupTest, AfterARestartWhatWasRemovedIsReturned) {
  const auto nodes = MakeSpread();
  CreateSpread(nodes);
  Say(kDriver, RemovePlacementGroup{11, PlacementGroupId{1, 7}});
  Restart();
  RegisterNode message = Registration(nodes[0]);
  message.returning = true;
  message.bundles = {{PlacementGroupId{1, 7}, 0, 1, true}};
  Say(Daemon(nodes[0]), message);
  EXPECT_THAT(SentTo<ReturnBundles>(Daemon(nodes[0])), SizeIs(1));
}

TEST_F(PlacementGroupTest, ForgetsTheOldestTombstones) {
  constexpr std::uint64_t kGroups = 1005;
  for (std::uint64_t number = 1; number <= kGroups; ++number) {
    Make(Spec(PlacementStrategy::kPack, {1}, number));
    Say(kDriver, RemovePlacementGroup{11, PlacementGroupId{number, 7}});
  }
  EXPECT_THAT(gcs.PlacementGroups(), SizeIs(1000));
  EXPECT_EQ(gcs.PlacementGroups().front().spec.group.high, 6u);
}

}  // namespace
}  // namespace mobula::gcs
