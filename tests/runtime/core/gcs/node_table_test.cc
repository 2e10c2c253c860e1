// SPDX-License-Identifier: Apache-2.0
// Goal: membership, health and the broadcasts of views. Method: messages in, sends out.
#include "tests/runtime/core/gcs/gcs_harness.h"

namespace mobula::gcs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using NodeTableTest = GcsTest;

/// (node number, alive) of each view.
std::vector<std::pair<std::uint64_t, bool>> Summary(const SharedVector<NodeView>& views) {
  std::vector<std::pair<std::uint64_t, bool>> summary;
  for (const NodeView& view : views) summary.emplace_back(view.info.node.high, view.alive);
  return summary;
}

TEST_F(NodeTableTest, AnswersARegistrationWithTheWholeClusterAtOnce) {
  Join(1);
  Join(2);
  const auto answers = SentTo<NodeRegistered>(Daemon(2));
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(Summary(answers[0].nodes), ElementsAre(std::pair(1, true), std::pair(2, true)));
  EXPECT_EQ(answers[0].nodes[1].available, ResourceSet::Of({{"CPU", 4}}));
  EXPECT_THAT(events, ElementsAre("node n1 joined with {CPU: 4}", "node n2 joined with {CPU: 4}"));
  EXPECT_THAT(changes, SizeIs(2));
}

TEST_F(NodeTableTest, AnswersARepeatedRegistrationAgainAndAddsNothing) {
  Join(1);
  Join(1);
  EXPECT_THAT(SentTo<NodeRegistered>(Daemon(1)), SizeIs(1));
  EXPECT_THAT(gcs.Nodes(), SizeIs(1));
  EXPECT_THAT(events, SizeIs(1));
}

TEST_F(NodeTableTest, GathersChangedViewsBeforeItSendsThem) {
  Join(1);
  Join(2);
  Join(3);
  EXPECT_EQ(CountSent<ClusterChanged>(), 0u);
  Wait(options.broadcast_delay);
  const auto news = SentTo<ClusterChanged>(Daemon(1));
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_THAT(news[0].nodes, SizeIs(3));
  EXPECT_EQ(CountSent<ClusterChanged>(), 3u);
}

TEST_F(NodeTableTest, TellsTheHeadAloneAtOnceWhenItSchedulesForAll) {
  options.central_scheduling = true;
  Restart();
  RegisterNode head = Registration(1);
  head.info.is_head = true;
  Say(Daemon(1), head);
  Join(2);
  Wait(options.broadcast_delay);
  EXPECT_EQ(CountSent<ClusterChanged>(), 2u) << "all hear of members";
  Report(2, 1, 3);
  const auto news = SentTo<ClusterChanged>(Daemon(1));
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0].nodes[0].available, ResourceSet::Of({{"CPU", 3}}));
  Wait(options.broadcast_delay);
  EXPECT_EQ(CountSent<ClusterChanged>(), 0u);
}

TEST_F(NodeTableTest, SendsOnlyWhatChanged) {
  Join(1);
  Join(2);
  Wait(options.broadcast_delay);
  Report(2, 1, 3);
  Wait(options.broadcast_delay);
  const auto news = SentTo<ClusterChanged>(Daemon(1));
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].nodes, SizeIs(1));
  EXPECT_EQ(news[0].nodes[0].available, ResourceSet::Of({{"CPU", 3}}));
  Report(2, 2, 3);
  Wait(options.broadcast_delay * 2);
  EXPECT_EQ(CountSent<ClusterChanged>(), 0u);
}

TEST_F(NodeTableTest, DropsReportsOlderThanTheLatest) {
  Join(1);
  Report(1, 5, 3);
  Report(1, 4, 2);
  EXPECT_EQ(Node(1).available, ResourceSet::Of({{"CPU", 3}}));
}

TEST_F(NodeTableTest, DeclaresASilentNodeDeadAndTellsAllAtOnce) {
  Join(1);
  Join(2);
  Wait(options.node_timeout + options.check_period, {1});
  EXPECT_FALSE(Node(2).alive);
  EXPECT_TRUE(Node(1).alive);
  EXPECT_THAT(Node(2).death_reason, HasSubstr("silent"));
  EXPECT_TRUE(Node(2).available.IsEmpty());
  const auto news = SentTo<ClusterChanged>(Daemon(1));
  EXPECT_THAT(Summary(news.back().nodes), ElementsAre(std::pair(2, false)));
  EXPECT_THAT(SentTo<ClusterChanged>(Daemon(2)), testing::Not(IsEmpty()));
  EXPECT_THAT(events, Contains(HasSubstr("node n2 is dead")));
  EXPECT_FALSE(changes.back().alive);
}

TEST_F(NodeTableTest, KeepsANodeThatReports) {
  Join(1);
  Wait(Seconds(20), {1});
  EXPECT_TRUE(Node(1).alive);
}

TEST_F(NodeTableTest, TellsADeadNodeOfItsDeathWhateverItSays) {
  Join(1);
  Join(2);
  Wait(options.node_timeout + options.check_period, {1});
  Report(2, 9);
  ASSERT_THAT(SentTo<ClusterChanged>(Daemon(2)), SizeIs(1));
  EXPECT_THAT(Summary(SentTo<ClusterChanged>(Daemon(2))[0].nodes),
              ElementsAre(std::pair(2, false)));
  Join(2);
  EXPECT_EQ(CountSent<NodeRegistered>(), 0u);
  Say(Worker(2, 1), KvRequest{1, KvOperation::kPut, "s", "k", Bytes("v"), true});
  EXPECT_EQ(CountSent<KvReply>(), 0u);
  EXPECT_THAT(SentTo<ClusterChanged>(Daemon(2)), SizeIs(1));
}

TEST_F(NodeTableTest, FencesANodeItDoesNotKnow) {
  Report(7, 1);
  const auto news = SentTo<ClusterChanged>(Daemon(7));
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_THAT(Summary(news[0].nodes), ElementsAre(std::pair(7, false)));
}

TEST_F(NodeTableTest, TellsNewNodesOfTheDead) {
  Join(1);
  Join(2);
  Say(Daemon(2), UnregisterNode{NodeNumber(2), "stopped by its user"});
  Join(3);
  EXPECT_THAT(Summary(SentTo<NodeRegistered>(Daemon(3))[0].nodes),
              ElementsAre(std::pair(1, true), std::pair(2, false), std::pair(3, true)));
}

TEST_F(NodeTableTest, LetsANodeLeaveAtOnceAndDoesNotFenceIt) {
  Join(1);
  Join(2);
  Say(Daemon(2), UnregisterNode{NodeNumber(2), "stopped by its user"});
  EXPECT_FALSE(Node(2).alive);
  EXPECT_THAT(SentTo<ClusterChanged>(Daemon(1)), SizeIs(1));
  EXPECT_THAT(SentTo<ClusterChanged>(Daemon(2)), IsEmpty());
}

TEST_F(NodeTableTest, KillsASuspectThatDoesNotReportInTime) {
  Join(1);
  Join(2);
  Say(Daemon(1), NodeSuspected{NodeNumber(2), "connection refused"});
  Wait(options.suspicion_timeout + options.check_period, {1});
  EXPECT_FALSE(Node(2).alive);
  EXPECT_THAT(Node(2).death_reason, HasSubstr("was not heard"));
}

TEST_F(NodeTableTest, SparesASuspectThatReports) {
  Join(1);
  Join(2);
  Say(Daemon(1), NodeSuspected{NodeNumber(2), "connection refused"});
  Wait(Milliseconds(300), {1});
  Report(2, 1);
  Wait(Seconds(1), {1});
  EXPECT_TRUE(Node(2).alive);
}

TEST_F(NodeTableTest, TakesAnythingHeardOfANodeForASignOfLife) {
  Join(1);
  Join(2);
  Say(Daemon(1), NodeSuspected{NodeNumber(2), "connection refused"});
  for (int i = 0; i < 10; ++i) {
    Wait(Milliseconds(500), {1});
    Handle(NodeHeard{NodeNumber(2)});
  }
  EXPECT_TRUE(Node(2).alive);
  Wait(options.node_timeout + options.check_period, {1});
  Handle(NodeHeard{NodeNumber(2)});
  EXPECT_FALSE(Node(2).alive) << "dead is for ever";
}

TEST_F(NodeTableTest, IgnoresSuspicionsOfTheUnknown) {
  Join(1);
  Say(Daemon(1), NodeSuspected{NodeNumber(9), "connection refused"});
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(NodeTableTest, KnowsThatADaemonStartedAnewLeftItsOldSelfDead) {
  Join(1);
  Join(2);
  RegisterNode message = Registration(5);
  message.info.name = "n2";
  message.info.address = "n2";
  Say(Daemon(5), message);
  EXPECT_FALSE(Node(2).alive);
  EXPECT_THAT(Node(2).death_reason, HasSubstr("started anew"));
  EXPECT_TRUE(Node(5).alive);
}

TEST_F(NodeTableTest, BlamesNobodyForItsOwnPause) {
  Join(1);
  Join(2);
  // The process stood still for a minute: the timer comes before the reports that piled up.
  now = now + Seconds(60);
  FireTimers();
  EXPECT_TRUE(Node(1).alive);
  Wait(options.node_timeout + options.check_period, {1});
  EXPECT_TRUE(Node(1).alive);
  EXPECT_FALSE(Node(2).alive);
}

TEST_F(NodeTableTest, StopsItsTimersWhenNobodyLives) {
  Join(1);
  Say(Daemon(1), UnregisterNode{NodeNumber(1), "stopped"});
  Wait(Seconds(1));
  EXPECT_THAT(timers, IsEmpty());
  Join(2);
  EXPECT_THAT(timers, testing::Not(IsEmpty()));
}

TEST_F(NodeTableTest, ListsAllNodes) {
  Join(1);
  Say(Worker(1, 1), ListNodes{77});
  const auto replies = SentTo<ListNodesReply>(Worker(1, 1));
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(replies[0].request, 77u);
  EXPECT_THAT(replies[0].nodes, SizeIs(1));
}

TEST_F(NodeTableTest, GathersForLongerWhenTheClusterIsLarge) {
  for (std::uint64_t node = 1; node <= 200; ++node) Join(node);
  Wait(options.broadcast_delay, {});
  Wait(options.broadcast_delay * 5, {});
  Report(1, 1, 2);
  Wait(options.broadcast_delay * 2);
  EXPECT_EQ(CountSent<ClusterChanged>(), 0u);
  Wait(options.broadcast_delay * 2);
  EXPECT_EQ(CountSent<ClusterChanged>(), 200u);
}

using NodeTableDeathTest = GcsTest;

TEST_F(NodeTableDeathTest, RefusesMessagesThatAreNotForTheGcs) {
  Join(1);
  EXPECT_DEATH(Say(Daemon(1), RequestChunk{}), "RequestChunk is not for the GCS");
}

}  // namespace
}  // namespace mobula::gcs
