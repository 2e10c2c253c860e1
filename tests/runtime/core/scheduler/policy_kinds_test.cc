// SPDX-License-Identifier: Apache-2.0
// Goal: a cluster can choose how requests without a strategy are placed. Method: a view, many
// requests, and how often each node was chosen.
#include <gtest/gtest.h>

#include <map>

#include "runtime/core/scheduler/scheduler.h"
#include "tests/runtime/core/scheduler/view_fixture.h"

namespace mobula::scheduler {
namespace {

using Kind = Decision::Kind;
using Counts = std::map<NodeId, int>;

constexpr PolicyKind kAll[] = {PolicyKind::kHybrid, PolicyKind::kSpread, PolicyKind::kRandom,
                               PolicyKind::kPowerOfTwo, PolicyKind::kCentral};

class PolicyKindsTest : public testing::Test {
 protected:
  PolicyKindsTest() { request_.resources = Cpus(1); }
  void Hear(NodeView told) { view_.Apply({std::move(told)}); }
  void HearOfHead(std::uint64_t number, const ResourceSet& available) {
    NodeView head = Told(number, Cpus(4), available);
    head.info.is_head = true;
    Hear(head);
  }
  /// Where so many requests would go.
  Counts Decide(const Options& options, int times) {
    Scheduler scheduler(options, view_.Self().node);
    Counts counts;
    for (int i = 0; i < times; ++i) ++counts[scheduler.Decide(request_, view_).node];
    return counts;
  }
  Decision DecideOnce(PolicyKind policy) {
    return Scheduler({.policy = policy}, view_.Self().node).Decide(request_, view_);
  }

  ClusterView view_{Info(5, Cpus(4))};
  RequestLease request_;
};

TEST_F(PolicyKindsTest, SpreadTakesTurnsWithoutBeingAskedTo) {
  for (const std::uint64_t node : {1, 9}) Hear(Told(node, Cpus(4)));
  EXPECT_EQ(Decide({.policy = PolicyKind::kSpread}, 30),
            (Counts{{Node(1), 10}, {Node(5), 10}, {Node(9), 10}}));
}

TEST_F(PolicyKindsTest, RandomTakesAllNodesWithRoomAndNoOther) {
  for (std::uint64_t node = 1; node <= 8; ++node) {
    if (node != 5) Hear(Told(node, Cpus(4), node % 4 == 0 ? Cpus(0) : Cpus(4)));
  }
  const Counts counts = Decide({.policy = PolicyKind::kRandom}, 800);
  // 1 and 5 stand behind a full node each, so they are drawn twice as often.
  for (const std::uint64_t node : {1, 5}) EXPECT_NEAR(counts.at(Node(node)), 200, 50);
  for (const std::uint64_t node : {2, 3, 6, 7}) EXPECT_NEAR(counts.at(Node(node)), 100, 40);
  EXPECT_EQ(counts.size(), 6u);
}

// A busy one is taken only when it is drawn twice.
TEST_F(PolicyKindsTest, PowerOfTwoTakesTheLessUtilisedOfTwo) {
  view_.AcquireLocal(Cpus(3));
  for (const std::uint64_t node : {1, 2, 9}) Hear(Told(node, Cpus(4), Cpus(3)));
  EXPECT_NEAR(Decide({.policy = PolicyKind::kPowerOfTwo}, 1600)[Node(5)], 100, 35);
  EXPECT_NEAR(Decide({.policy = PolicyKind::kRandom}, 1600)[Node(5)], 400, 70);
}

TEST_F(PolicyKindsTest, WhatIsDrawnFollowsFromSeedAndNode) {
  for (const std::uint64_t node : {1, 2, 9}) Hear(Told(node, Cpus(4)));
  const auto draw = [&](std::uint64_t seed, std::uint64_t node) {
    Scheduler scheduler({.policy = PolicyKind::kRandom, .seed = seed}, Node(node));
    std::vector<NodeId> drawn;
    for (int i = 0; i < 20; ++i) drawn.push_back(scheduler.Decide(request_, view_).node);
    return drawn;
  };
  EXPECT_EQ(draw(1, 5), draw(1, 5));
  EXPECT_NE(draw(1, 5), draw(2, 5));
  EXPECT_NE(draw(1, 5), draw(1, 6));
}

TEST_F(PolicyKindsTest, WithoutLocalityNobodyGoesWhereTheArgumentsAre) {
  Hear(Told(9, Cpus(4), Cpus(1)));
  request_.preferred = {Node(9)};
  for (const PolicyKind policy : {PolicyKind::kHybrid, PolicyKind::kPowerOfTwo}) {
    EXPECT_EQ(Decide({.policy = policy}, 10), (Counts{{Node(9), 10}}));
    EXPECT_GT(Decide({.policy = policy, .locality = false}, 10)[Node(5)], 0);
  }
}

TEST_F(PolicyKindsTest, EachWaitsHereWhenNobodyHasRoom) {
  Hear(Told(9, Cpus(4), Cpus(0)));
  view_.AcquireLocal(Cpus(4));
  for (const PolicyKind policy : kAll) {
    EXPECT_EQ(DecideOnce(policy), (Decision{Kind::kLocal, Node(5), false, {}}));
  }
}

TEST_F(PolicyKindsTest, EachFindsTheOnlyNodeThatCouldEverHoldIt) {
  Hear(Told(1, Cpus(4)));
  Hear(Told(9, Cpus(8), Cpus(0)));
  request_.resources = Cpus(6);
  for (const PolicyKind policy : kAll) {
    EXPECT_EQ(DecideOnce(policy), (Decision{Kind::kSpill, Node(9), false, {}}));
  }
  request_.resources = Cpus(9);
  for (const PolicyKind policy : kAll) EXPECT_EQ(DecideOnce(policy), Decision::Infeasible());
}

class CentralTest : public PolicyKindsTest {
 protected:
  Decision Decide(const ClusterView& view) { return scheduler_.Decide(request_, view); }
  Scheduler scheduler_{{.policy = PolicyKind::kCentral}, Node(5)};
};

TEST_F(CentralTest, EverythingGoesToTheHeadEvenWhenThereIsRoom) {
  HearOfHead(9, Cpus(0));
  EXPECT_EQ(Decide(view_), (Decision{Kind::kSpill, Node(9), false, {}}));
  request_.strategy.kind = StrategyKind::kSpread;
  EXPECT_EQ(Decide(view_), (Decision{Kind::kSpill, Node(9), false, {}}));
}

TEST_F(CentralTest, TheChosenNodeTakesItOrSendsItBackHoweverOften) {
  HearOfHead(9, Cpus(0));
  request_.spill_count = 2;
  EXPECT_EQ(Decide(view_).kind, Kind::kLocal);
  view_.AcquireLocal(Cpus(4));
  for (const std::uint32_t spills : {2, 20}) {
    request_.spill_count = spills;
    EXPECT_EQ(Decide(view_), (Decision{Kind::kSpill, Node(9), false, {}}));
  }
}

TEST_F(CentralTest, TheHeadPlacesWhatWasSentToItAndQueuesWhatHasNoRoomAnywhere) {
  NodeInfo info = Info(5, Cpus(4));
  info.is_head = true;
  ClusterView head(info);
  head.AcquireLocal(Cpus(2));
  head.Apply({Told(1, Cpus(8), Cpus(7))});
  request_.spill_count = 1;
  EXPECT_EQ(Decide(head), (Decision{Kind::kSpill, Node(1), true, {}}));
  // Only the other could ever hold it.
  request_.resources = Cpus(8);
  EXPECT_EQ(Decide(head), (Decision{Kind::kLocal, Node(5), false, {}}));
}

TEST_F(CentralTest, WithoutAHeadEachNodeDecides) {
  Hear(Told(1, Cpus(4)));
  EXPECT_EQ(Decide(view_), (Decision{Kind::kLocal, Node(5), true, {}}));
}

}  // namespace
}  // namespace mobula::scheduler
