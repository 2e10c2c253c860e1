// SPDX-License-Identifier: Apache-2.0
// Goal: the view keeps its own node exactly and the others as last told, and never brings the dead
// back.
#include "runtime/core/scheduler/cluster_view.h"

#include <gtest/gtest.h>

#include "tests/runtime/core/scheduler/view_fixture.h"

namespace mobula::scheduler {
namespace {

class ClusterViewTest : public testing::Test {
 protected:
  void TearDown() override { view_.CheckInvariants(); }
  ViewChange Hear(NodeView told) {
    return view_.Apply(std::make_shared<const NodeView>(std::move(told)));
  }
  ClusterView view_{Node(5), "n5", Cpus(4)};
};

TEST_F(ClusterViewTest, KeepsNodesInOrderAndFindsItselfAmongThem) {
  EXPECT_EQ(Hear(Told(9, Cpus(1))), ViewChange::kJoined);
  EXPECT_EQ(Hear(Told(1, Cpus(1))), ViewChange::kJoined);
  ASSERT_EQ(view_.Nodes().size(), 3u);
  EXPECT_EQ(view_.Nodes()[0].node, Node(1));
  EXPECT_EQ(view_.SelfIndex(), 1u);
  EXPECT_EQ(view_.Self().node, Node(5));
  EXPECT_EQ(Hear(Dead(1)), ViewChange::kDied);
  EXPECT_EQ(view_.SelfIndex(), 0u);
}

TEST_F(ClusterViewTest, IgnoresReportsThatAreNotNewer) {
  Hear(Told(1, Cpus(4), Cpus(3), 7));
  EXPECT_EQ(Hear(Told(1, Cpus(4), Cpus(2), 7)), ViewChange::kNone);
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(3));
  EXPECT_EQ(Hear(Told(1, Cpus(4), Cpus(2), 8)), ViewChange::kUpdated);
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(2));
}

TEST_F(ClusterViewTest, DeadNodesStayDeadAndAreSaidOnce) {
  Hear(Told(1, Cpus(4)));
  EXPECT_EQ(Hear(Dead(1)), ViewChange::kDied);
  EXPECT_EQ(Hear(Dead(1)), ViewChange::kNone);
  EXPECT_EQ(Hear(Told(1, Cpus(4), Cpus(4), 99)), ViewChange::kNone);
  EXPECT_TRUE(view_.IsDead(Node(1)));
  EXPECT_EQ(view_.Find(Node(1)), nullptr);
}

TEST_F(ClusterViewTest, DebitLastsUntilTheNextReport) {
  Hear(Told(1, Cpus(4)));
  view_.Debit(Node(1), Cpus(3));
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(1));
  Hear(Told(1, Cpus(4), Cpus(4), 2));
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(4));
}

TEST_F(ClusterViewTest, ResumedTasksMayTakeTheOwnNodeBelowZero) {
  view_.AcquireLocal(Cpus(4));
  view_.ResumeLocal(Cpus(1));
  EXPECT_EQ(view_.Self().Available().Get("CPU"), -1);
  view_.ReleaseLocal(Cpus(5));
  EXPECT_EQ(view_.Self().Available(), Cpus(4));
}

}  // namespace
}  // namespace mobula::scheduler
