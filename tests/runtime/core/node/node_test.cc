// SPDX-License-Identifier: Apache-2.0
// Goal: the routes of one daemon. Method: one Node machine, events in, effects out.
#include "runtime/core/node/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/core/node/world.h"

namespace mobula::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const NodeId kHead{1, 7};
const NodeId kSelf{2, 7};
const NodeId kPeer{3, 7};

class NodeTest : public testing::Test {
 protected:
  static Options SomeOptions() {
    Options options;
    options.raylet.info.node = kSelf;
    options.raylet.info.name = options.raylet.info.address = "self:1";
    options.gcs_node = kHead;
    options.gcs_address = "head:1";
    return options;
  }
  static Address Process(std::uint64_t number) { return {kSelf, WorkerId{number, 1}}; }

  void Handle(const Event& event) {
    out.clear();
    node.Handle(now, event, out);
    node.CheckInvariants();
  }
  void Say(const Address& source, const Address& target, Message message) {
    Handle(EnvelopeSent{{source, target, std::move(message)}});
  }
  void RegisterDriver(const Address& process) {
    RegisterWorker message;
    message.worker = process.worker;
    message.is_driver = true;
    Say(process, Address::Daemon(kSelf), message);
  }
  void HearOfPeer(bool alive) {
    NodeView view;
    view.info.node = kPeer;
    view.info.name = "peer";
    view.info.address = "peer:1";
    view.alive = alive;
    view.death_reason = "unplugged";
    Envelope envelope{Address::Gcs(), Address::Daemon(kSelf), ClusterChanged{{view}}};
    Handle(FrameReceived{{kHead, kSelf, ++heard_, 0, envelope}});
  }
  template <class T>
  std::vector<T> Said() const {
    std::vector<T> said;
    for (const Effect& effect : out) {
      if (const T* found = std::get_if<T>(&effect)) said.push_back(*found);
    }
    return said;
  }

  Instant now{Seconds(5).nanoseconds};
  Node node{SomeOptions()};
  Effects out;
  std::uint64_t heard_ = 0;
};

TEST_F(NodeTest, RegistersWithTheGcsWhenItStarts) {
  Handle(raylet::NodeStarted{});
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].address, "head:1");
  EXPECT_EQ(frames[0].frame.envelope->source, Address::Daemon(kSelf));
  EXPECT_TRUE(std::holds_alternative<RegisterNode>(frames[0].frame.envelope->message));
}

TEST_F(NodeTest, SendsWhatIsForTheGcsToTheHead) {
  Say(Process(1), Address::Gcs(), ListNodes{4});
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].frame.target, kHead);
  EXPECT_EQ(*frames[0].frame.envelope, (Envelope{Process(1), Address::Gcs(), ListNodes{4}}));
}

TEST_F(NodeTest, FillsInTheNodeOfAProcessThatDoesNotKnowIt) {
  Say({NodeId{}, WorkerId{1, 1}}, Address::Gcs(), ListNodes{4});
  EXPECT_EQ(Said<SendFrame>().at(0).frame.envelope->source, Process(1));
}

TEST_F(NodeTest, DeliversBetweenItsOwnProcesses) {
  RegisterDriver(Process(1));
  RegisterDriver(Process(2));
  Say(Process(1), Process(2), TaskDone{});
  const auto delivered = Said<DeliverLocal>();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0], (DeliverLocal{Process(2).worker, {Process(1), Process(2), TaskDone{}}}));
}

TEST_F(NodeTest, AnswersForAProcessThatDoesNotExist) {
  RegisterDriver(Process(1));
  Say(Process(1), Process(9), TaskDone{});
  const auto delivered = Said<DeliverLocal>();
  ASSERT_THAT(delivered, SizeIs(1));
  EXPECT_EQ(delivered[0].envelope.source, Address::Daemon(kSelf));
  const auto& died = std::get<WorkerDied>(delivered[0].envelope.message);
  EXPECT_EQ(died.worker, Process(9));
  EXPECT_FALSE(died.intended);
}

TEST_F(NodeTest, AnswersARemoteSenderForAProcessThatDoesNotExist) {
  const Envelope envelope{{kPeer, WorkerId{5, 5}}, Process(9), TaskDone{}};
  HearOfPeer(true);
  Handle(FrameReceived{{kPeer, kSelf, 1, 0, envelope}});
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].frame.envelope->target, envelope.source);
  EXPECT_TRUE(std::holds_alternative<WorkerDied>(frames[0].frame.envelope->message));
}

TEST_F(NodeTest, TellsNobodyThatNobodyHeardOfADeath) {
  Say(Process(1), Process(9), WorkerDied{Process(3), "killed", false});
  Say(Process(1), Process(9), NodeDied{kPeer, "unplugged"});
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(NodeTest, DoesNotAnswerASenderThatIsGoneToo) {
  Say(Process(8), Process(9), TaskDone{});
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(NodeTest, HoldsWhatIsForANodeWithoutAnAddressUntilItHasOne) {
  const Address target{kPeer, WorkerId{5, 5}};
  Say(Process(1), target, TaskDone{});
  EXPECT_THAT(Said<SendFrame>(), IsEmpty());
  HearOfPeer(true);
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].address, "peer:1");
  EXPECT_EQ(frames[0].frame.envelope->target, target);
}

TEST_F(NodeTest, ClosesTheLinkToADeadNodeAndAnswersForIt) {
  RegisterDriver(Process(1));
  HearOfPeer(true);
  HearOfPeer(false);
  EXPECT_THAT(Said<CloseLink>(), testing::ElementsAre(CloseLink{kPeer}));
  const Address target{kPeer, WorkerId{5, 5}};
  Say(Process(1), target, TaskDone{});
  const auto delivered = Said<DeliverLocal>();
  ASSERT_THAT(delivered, SizeIs(1));
  const auto& died = std::get<WorkerDied>(delivered[0].envelope.message);
  EXPECT_EQ(died.worker, target);
  EXPECT_THAT(died.reason, HasSubstr("node peer is dead"));
  HearOfPeer(false);
  EXPECT_THAT(Said<CloseLink>(), IsEmpty());
}

TEST_F(NodeTest, DropsFramesOfDeadNodes) {
  RegisterDriver(Process(1));
  HearOfPeer(true);
  HearOfPeer(false);
  Handle(FrameReceived{
      {kPeer, kSelf, 1, 0, Envelope{Address::Daemon(kPeer), Process(1), TaskDone{}}}});
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(NodeTest, DropsFramesForADaemonThatWasHereBefore) {
  const NodeId earlier{99, 7};
  Handle(FrameReceived{
      {kPeer, earlier, 1, 0, Envelope{Address::Daemon(kPeer), Address::Daemon(earlier), {}}}});
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(NodeTest, DropsWhatReachedTheWrongNode) {
  HearOfPeer(true);
  const Envelope for_gcs{Address::Daemon(kPeer), Address::Gcs(), ListNodes{1}};
  const Envelope for_other{Address::Daemon(kPeer), Address::Daemon(NodeId{9, 9}), ListNodes{1}};
  Handle(FrameReceived{{kPeer, kSelf, 1, 0, for_gcs}});
  Handle(FrameReceived{{kPeer, kSelf, 2, 0, for_other}});
  EXPECT_THAT(Said<SendFrame>(), IsEmpty());
  EXPECT_THAT(Said<DeliverLocal>(), IsEmpty());
}

TEST_F(NodeTest, TellsTheGcsOfARefusedConnectionOnly) {
  HearOfPeer(true);
  Handle(LinkBroken{kPeer, "reset by peer", false});
  EXPECT_THAT(out, IsEmpty());
  Handle(LinkBroken{kPeer, "connection refused", true});
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].frame.envelope->message, Message(NodeSuspected{kPeer, "connection refused"}));
  HearOfPeer(false);
  Handle(LinkBroken{kPeer, "connection refused", true});
  EXPECT_THAT(out, IsEmpty());
  Handle(LinkBroken{kHead, "connection refused", true});
  EXPECT_THAT(out, IsEmpty()) << "nobody could be told";
}

TEST_F(NodeTest, KnowsItself) {
  EXPECT_EQ(node.Self(), kSelf);
  EXPECT_NE(node.FindRaylet(), nullptr);
  EXPECT_EQ(node.FindGcs(), nullptr);
}

TEST_F(NodeTest, FollowsTheGcsToAnotherDaemonAndDropsTheOldLink) {
  Handle(raylet::NodeStarted{});
  const NodeId successor{9, 7};
  const GcsRestarted news{successor, "head:2", kHead};
  Handle(FrameReceived{
      {successor, kSelf, 1, 0, Envelope{Address::Gcs(), Address::Daemon(kSelf), news}}});
  EXPECT_THAT(Said<CloseLink>(), testing::ElementsAre(CloseLink{kHead}));
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, testing::Not(IsEmpty()));
  EXPECT_EQ(frames.back().address, "head:2");
  EXPECT_EQ(frames.back().frame.target, successor);
  EXPECT_TRUE(std::holds_alternative<RegisterNode>(frames.back().frame.envelope->message));
  // Of the same news, late, nothing is left.
  const NodeId third{10, 7};
  Handle(FrameReceived{
      {third, kSelf, 0, 0,
       Envelope{Address::Gcs(), Address::Daemon(kSelf), GcsRestarted{third, "head:3", kHead}}}});
  EXPECT_THAT(Said<CloseLink>(), IsEmpty());
  Say(Process(1), Address::Gcs(), ListNodes{4});
  EXPECT_EQ(Said<SendFrame>().at(0).frame.target, successor);
}

class HeadTest : public NodeTest {
 protected:
  HeadTest() {
    Options options = SomeOptions();
    options.has_gcs = true;
    options.gcs_node = kSelf;
    options.gcs_address = "self:1";
    options.gcs.keeps_log = true;
    std::destroy_at(&node);
    std::construct_at(&node, options);
    HandleSynced(GcsStarted{});
    HandleSynced(raylet::NodeStarted{});
  }
  /// Writes are synced at once.
  void HandleSynced(const Event& event) {
    Handle(event);
    for (auto writes = Said<gcs::WriteLog>(); !writes.empty(); writes = Said<gcs::WriteLog>()) {
      log.insert(log.end(), writes[0].records.begin(), writes[0].records.end());
      for (const StartTimer& timer : Said<StartTimer>()) timers.push_back(timer.timer);
      Handle(gcs::LogSynced{writes[0].sequence});
    }
  }

  gcs::LogRecords log;
  std::vector<TimerId> timers;
};

TEST_F(HeadTest, LosesWhatIsSentToAGcsThatIsDownAndGoesOnWhenItIsBack) {
  ASSERT_EQ(node.FindGcs()->Nodes().size(), 1u);
  Handle(GcsCrashed{});
  EXPECT_EQ(node.FindGcs(), nullptr);
  RegisterDriver(Process(1));
  Say(Process(1), Address::Gcs(), ListNodes{4});
  EXPECT_THAT(Said<DeliverLocal>(), IsEmpty());
  HandleSynced(GcsStarted{log});
  EXPECT_EQ(node.FindGcs()->Nodes().size(), 1u);
  EXPECT_EQ(node.FindGcs()->Jobs().size(), 1u) << "the raylet asked again for its driver's job";
  for (const TimerId timer : timers) HandleSynced(TimerFired{timer});
}

TEST_F(HeadTest, TellsWhoStillWritesToAnEarlierGcsAtItsAddress) {
  const Envelope question{Address::Daemon(kPeer), Address::Gcs(), ListNodes{4}};
  Handle(FrameReceived{{kPeer, kHead, 5, 0, question}});
  const auto frames = Said<SendFrame>();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].address, "") << "it answers where it was heard";
  EXPECT_EQ(frames[0].frame.target, kPeer);
  EXPECT_EQ(std::get<GcsRestarted>(frames[0].frame.envelope->message),
            (GcsRestarted{kSelf, "self:1", kHead}));
}

using NodeDeathTest = NodeTest;

TEST_F(NodeDeathTest, RefusesAGcsThatIsSaidToBeElsewhere) {
  Options options = SomeOptions();
  options.has_gcs = true;
  EXPECT_DEATH(Node{options}, "the GCS is on");
}

}  // namespace
}  // namespace mobula::node
