// SPDX-License-Identifier: Apache-2.0
// Goal: the view keeps its own node exactly and the others as last told, and never brings the dead
// back.
#include "runtime/core/scheduler/cluster_view.h"

#include <gtest/gtest.h>

#include "tests/runtime/core/scheduler/view_fixture.h"

namespace mobula::scheduler {
namespace {

using News = std::vector<ViewNews>;

class ClusterViewTest : public testing::Test {
 protected:
  void TearDown() override { view_.CheckInvariants(); }
  News Hear(const SharedVector<NodeView>& told) { return view_.Apply(told); }
  ClusterView view_{Info(5, Cpus(4))};
};

TEST_F(ClusterViewTest, KeepsNodesInOrderAndFindsItselfAmongThem) {
  EXPECT_EQ(Hear({Told(9, Cpus(1))}), (News{{0, ViewChange::kJoined}}));
  EXPECT_EQ(Hear({Told(1, Cpus(1))}), (News{{0, ViewChange::kJoined}}));
  ASSERT_EQ(view_.Nodes().size(), 3u);
  EXPECT_EQ(view_.Nodes()[0].node, Node(1));
  EXPECT_EQ(view_.SelfIndex(), 1u);
  EXPECT_EQ(view_.Self().node, Node(5));
  EXPECT_EQ(Hear({Dead(1)}), (News{{0, ViewChange::kDied}}));
  EXPECT_EQ(view_.SelfIndex(), 0u);
}

TEST_F(ClusterViewTest, TakesInManyNewsAtOnceWhateverTheirOrder) {
  Hear({Told(2, Cpus(4)), Told(7, Cpus(4)), Told(8, Cpus(4))});
  const News news = Hear({Told(9, Cpus(1)), Told(1, Cpus(1)), Dead(2), Told(5, Cpus(4)),
                          Told(8, Cpus(4), Cpus(3), 2), Told(7, Cpus(4), Cpus(2), 2)});
  EXPECT_EQ(news, (News{{0, ViewChange::kJoined},
                        {1, ViewChange::kJoined},
                        {2, ViewChange::kDied},
                        {3, ViewChange::kSelf}}));
  ASSERT_EQ(view_.Nodes().size(), 5u);
  EXPECT_EQ(view_.SelfIndex(), 1u);
  EXPECT_EQ(view_.Find(Node(8))->Available(), Cpus(3));
  EXPECT_EQ(view_.Find(Node(7))->Available(), Cpus(2));
}

TEST_F(ClusterViewTest, KnowsTheHeadWhileItLives) {
  EXPECT_EQ(view_.Head(), nullptr);
  NodeView head = Told(3, Cpus(4));
  head.info.is_head = true;
  Hear({head});
  ASSERT_NE(view_.Head(), nullptr);
  EXPECT_EQ(view_.Head()->node, Node(3));
  Hear({Dead(3)});
  EXPECT_EQ(view_.Head(), nullptr);
}

TEST_F(ClusterViewTest, IgnoresReportsThatAreNotNewer) {
  Hear({Told(1, Cpus(4), Cpus(3), 7)});
  const std::uint64_t version = view_.Version();
  Hear({Told(1, Cpus(4), Cpus(2), 7)});
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(3));
  EXPECT_EQ(view_.Version(), version);
  Hear({Told(1, Cpus(4), Cpus(2), 8)});
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(2));
  EXPECT_GT(view_.Version(), version);
}

TEST_F(ClusterViewTest, DeadNodesStayDeadAndAreSaidOnce) {
  Hear({Told(1, Cpus(4))});
  EXPECT_EQ(Hear({Dead(1)}), (News{{0, ViewChange::kDied}}));
  EXPECT_EQ(Hear({Dead(1)}), News{});
  EXPECT_EQ(Hear({Told(1, Cpus(4), Cpus(4), 99)}), News{});
  EXPECT_TRUE(view_.IsDead(Node(1)));
  EXPECT_EQ(view_.Find(Node(1)), nullptr);
}

TEST_F(ClusterViewTest, DebitLastsUntilTheNextReport) {
  Hear({Told(1, Cpus(4))});
  view_.Debit(Node(1), Cpus(3));
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(1));
  Hear({Told(1, Cpus(4), Cpus(4), 2)});
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(4));
}

TEST_F(ClusterViewTest, DebitsAreForgottenWhenNoReportComes) {
  Hear({Told(1, Cpus(4))});
  view_.Debit(Node(1), Cpus(3));
  view_.AgeDebits();
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(1));
  const std::uint64_t version = view_.Version();
  view_.AgeDebits();
  EXPECT_EQ(view_.Find(Node(1))->Available(), Cpus(4));
  EXPECT_GT(view_.Version(), version);
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
