// SPDX-License-Identifier: Apache-2.0
// Goal: each policy chooses the node that its contract names. Method: a small view, one request,
// the decision.
#include "runtime/core/scheduler/scheduler.h"

#include <gtest/gtest.h>

#include "tests/runtime/core/scheduler/view_fixture.h"

namespace mobula::scheduler {
namespace {

using Kind = Decision::Kind;

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() {
    request_.resources = Cpus(1);
    request_.name = "f";
  }
  Decision Decide() { return scheduler_.Decide(request_, view_); }
  void Affinity(std::uint64_t node, bool soft) {
    request_.strategy = {StrategyKind::kNodeAffinity, Node(node), soft, {}, 0, false};
  }

  void Hear(NodeView told) { view_.Apply({std::move(told)}); }
  ClusterView view_{Info(5, Cpus(4))};
  Scheduler scheduler_{Options{}, Node(5)};
  RequestLease request_;
};

Decision Local(bool has_room = true) { return {Kind::kLocal, Node(5), has_room, {}}; }
Decision Spill(std::uint64_t node, bool has_room = true) {
  return {Kind::kSpill, Node(node), has_room, {}};
}

TEST_F(SchedulerTest, HybridPacksTheOwnNodeBelowTheThreshold) {
  Hear(Told(1, Cpus(4)));
  EXPECT_EQ(Decide(), Local());
  view_.AcquireLocal(Cpus(1));
  EXPECT_EQ(Decide(), Local());
}

TEST_F(SchedulerTest, HybridSpreadsToTheLeastUtilisedAboveTheThreshold) {
  Hear(Told(1, Cpus(4), Cpus(1)));
  Hear(Told(2, Cpus(4), Cpus(3)));
  view_.AcquireLocal(Cpus(2));
  EXPECT_EQ(Decide(), Spill(2));
}

TEST_F(SchedulerTest, HybridBreaksTiesByTheNextNodeInOrder) {
  for (const std::uint64_t node : {1, 2, 7, 8}) Hear(Told(node, Cpus(4)));
  view_.AcquireLocal(Cpus(4));
  EXPECT_EQ(Decide(), Spill(7));
}

TEST_F(SchedulerTest, LocalityGoesWhereTheArgumentsAre) {
  Hear(Told(1, Cpus(4), Cpus(1)));
  Hear(Told(2, Cpus(4), {}));
  request_.preferred = {Node(2), Node(1)};
  EXPECT_EQ(Decide(), Spill(1)) << "node 2 has most of them and no room";
}

TEST_F(SchedulerTest, HybridSparesNodesWithGpusForThoseWhoNeedThem) {
  Hear(Told(7, ResourceSet::Of({{"CPU", 4}, {"GPU", 1}})));
  Hear(Told(8, Cpus(4)));
  view_.AcquireLocal(Cpus(4));
  EXPECT_EQ(Decide(), Spill(8));
  request_.resources = ResourceSet::Of({{"GPU", 0.5}});
  EXPECT_EQ(Decide(), Spill(7));
}

TEST_F(SchedulerTest, HybridWaitsHereWhenNobodyHasRoom) {
  Hear(Told(1, Cpus(8), {}));
  view_.AcquireLocal(Cpus(4));
  EXPECT_EQ(Decide(), Local(false));
}

TEST_F(SchedulerTest, HybridWaitsElsewhereWhenThisNodeNeverCould) {
  Hear(Told(1, Cpus(8), {}));
  request_.resources = Cpus(6);
  EXPECT_EQ(Decide(), Spill(1, false));
}

TEST_F(SchedulerTest, NothingIsFeasibleWithoutALivingNodeThatIsLargeEnough) {
  Hear(Told(1, Cpus(8)));
  request_.resources = Cpus(6);
  EXPECT_EQ(Decide(), Spill(1));
  Hear(Dead(1));
  EXPECT_EQ(Decide(), Decision::Infeasible());
}

TEST_F(SchedulerTest, ARequestForNothingRunsEvenOnAFullNode) {
  view_.AcquireLocal(Cpus(4));
  view_.ResumeLocal(Cpus(1));
  request_.resources = {};
  EXPECT_EQ(Decide(), Local());
}

TEST_F(SchedulerTest, SpreadTakesNodesInTurnAndSkipsFullOnes) {
  request_.strategy.kind = StrategyKind::kSpread;
  Hear(Told(1, Cpus(4)));
  Hear(Told(2, Cpus(4), {}));
  Hear(Told(9, Cpus(4)));
  EXPECT_EQ(Decide(), Spill(9));
  EXPECT_EQ(Decide(), Spill(1));
  EXPECT_EQ(Decide(), Local());
  EXPECT_EQ(Decide(), Spill(9));
}

TEST_F(SchedulerTest, SpreadWithoutRoomWaitsWhereItCouldRun) {
  request_.strategy.kind = StrategyKind::kSpread;
  Hear(Told(1, Cpus(8), {}));
  view_.AcquireLocal(Cpus(4));
  EXPECT_EQ(Decide(), Local(false));
  request_.resources = Cpus(6);
  EXPECT_EQ(Decide(), Spill(1, false));
  request_.resources = Cpus(9);
  EXPECT_EQ(Decide(), Decision::Infeasible());
}

TEST_F(SchedulerTest, AffinityWaitsAtItsNodeEvenWhenItIsFull) {
  Hear(Told(1, Cpus(4), {}));
  Affinity(1, /*soft=*/false);
  EXPECT_EQ(Decide(), Spill(1, false));
  Affinity(5, /*soft=*/true);
  view_.AcquireLocal(Cpus(4));
  EXPECT_EQ(Decide(), Local(false));
}

TEST_F(SchedulerTest, HardAffinityIsRefusedWhenTheNodeIsDead) {
  Hear(Dead(1));
  Affinity(1, /*soft=*/false);
  EXPECT_EQ(Decide().kind, Kind::kRefuse);
  EXPECT_NE(Decide().reason.find("is dead"), std::string::npos);
  Affinity(2, /*soft=*/false);
  EXPECT_EQ(Decide().kind, Kind::kUnknownNode);
}

TEST_F(SchedulerTest, HardAffinityIsInfeasibleWhenTheNodeIsTooSmall) {
  Hear(Told(1, Cpus(8)));
  Affinity(5, /*soft=*/false);
  request_.resources = Cpus(6);
  EXPECT_EQ(Decide(), Decision::Infeasible());
}

TEST_F(SchedulerTest, SoftAffinityGoesElsewhereWhenItsNodeIsGoneOrTooSmall) {
  Hear(Dead(1));
  Affinity(1, /*soft=*/true);
  EXPECT_EQ(Decide(), Local());
  Hear(Told(2, Cpus(8)));
  Affinity(5, /*soft=*/true);
  request_.resources = Cpus(6);
  EXPECT_EQ(Decide(), Spill(2));
}

NodeView Labelled(NodeView view, std::map<std::string, std::string> labels) {
  view.info.labels = std::move(labels);
  return view;
}

class NodeLabelTest : public SchedulerTest {
 protected:
  Decision DecideBy(std::vector<LabelRule> rules) {
    request_.strategy.kind = StrategyKind::kNodeLabel;
    request_.strategy.labels = std::move(rules);
    return Decide();
  }
};

TEST_F(NodeLabelTest, HardRulesSayWhichNodesThereAre) {
  Hear(Labelled(Told(1, Cpus(4)), {{"zone", "a"}}));
  Hear(Labelled(Told(2, Cpus(4)), {{"zone", "b"}, {"spot", ""}}));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"b", "c"}, false}}), Spill(2));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"a"}, false}}), Spill(1));
  EXPECT_EQ(DecideBy({{"spot", LabelOperator::kExists, {}, false}}), Spill(2));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kExists, {}, false},
                      {"spot", LabelOperator::kDoesNotExist, {}, false}}),
            Spill(1));
  // A node without the label has none of its values either.
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kNotIn, {"a", "b"}, false}}), Local());
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"c"}, false}}), Decision::Infeasible());
}

TEST_F(NodeLabelTest, ANodeThatIsTooSmallIsNone) {
  Hear(Labelled(Told(1, Cpus(0.5)), {{"zone", "a"}}));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"a"}, false}}), Decision::Infeasible());
}

TEST_F(NodeLabelTest, SoftRulesChooseAmongThoseWithRoom) {
  Hear(Labelled(Told(1, Cpus(4), Cpus(1)), {{"zone", "a"}}));
  Hear(Labelled(Told(2, Cpus(4), Cpus(4)), {{"zone", "b"}}));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"a"}, true}}), Spill(1));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"c"}, true}}), Local());
  request_.resources = Cpus(2);
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kExists, {}, false},
                      {"zone", LabelOperator::kIn, {"a"}, true}}),
            Spill(2))
      << "room goes before a soft rule";
}

TEST_F(NodeLabelTest, WithoutRoomAnywhereItWaitsWhereItBelongs) {
  Hear(Labelled(Told(1, Cpus(4), {}), {{"zone", "a"}}));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kIn, {"a"}, false}}), Spill(1, false));
}

TEST_F(NodeLabelTest, TheLeastBusyOfEqualNodesTakesIt) {
  Hear(Labelled(Told(1, Cpus(4), Cpus(2)), {{"zone", "a"}}));
  Hear(Labelled(Told(2, Cpus(4), Cpus(3)), {{"zone", "a"}}));
  EXPECT_EQ(DecideBy({{"zone", LabelOperator::kExists, {}, false}}), Spill(2));
}

TEST_F(SchedulerTest, ASoftRequestWhoseNodeIsGoneStaysWhereItWasSent) {
  Hear(Told(1, Cpus(4)));
  Hear(Dead(2));
  Affinity(2, /*soft=*/true);
  view_.AcquireLocal(Cpus(3));
  EXPECT_EQ(Decide(), Spill(1));
  request_.spill_count = 1;
  EXPECT_EQ(Decide(), Local());
}

TEST_F(SchedulerTest, ASpilledRequestStaysWhereThereIsRoom) {
  Hear(Told(1, Cpus(4)));
  view_.AcquireLocal(Cpus(3));
  EXPECT_EQ(Decide(), Spill(1));
  request_.spill_count = 1;
  EXPECT_EQ(Decide(), Local());
}

TEST_F(SchedulerTest, ARequestThatTravelledEnoughWaitsHere) {
  Hear(Told(1, Cpus(4)));
  view_.AcquireLocal(Cpus(4));
  request_.spill_count = Scheduler::kSpillsMax - 1;
  EXPECT_EQ(Decide(), Spill(1));
  request_.spill_count = Scheduler::kSpillsMax;
  EXPECT_EQ(Decide(), Local(false));
}

TEST_F(SchedulerTest, ATravelledRequestStillLeavesANodeThatNeverCouldHoldIt) {
  Hear(Told(1, Cpus(8)));
  request_.resources = Cpus(6);
  request_.spill_count = Scheduler::kSpillsMax + 5;
  EXPECT_EQ(Decide(), Spill(1));
}

}  // namespace
}  // namespace mobula::scheduler
