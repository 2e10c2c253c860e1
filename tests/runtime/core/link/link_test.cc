// SPDX-License-Identifier: Apache-2.0
// Goal: each rule of a link by itself. Method: one Links machine, frames and timers in, frames and
// deliveries out.
#include "runtime/core/link/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace mobula::link {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr NodeId kSelf{1, 1};
constexpr NodeId kPeer{2, 2};

Envelope Numbered(std::uint64_t number) {
  return {Address::Daemon(kSelf), Address::Daemon(kPeer), ListNodes{number}};
}

/// Writes down what the machine says.
class Recorder final : public Sink {
 public:
  void SendFrame(const Frame& frame) override { frames.push_back(frame); }
  void StartTimer(NodeId, Duration delay) override { timers.push_back(delay); }
  void Deliver(Envelope envelope) override {
    delivered.push_back(std::get<ListNodes>(envelope.message).request);
  }
  [[nodiscard]] std::vector<std::uint64_t> TakeSequences() {
    std::vector<std::uint64_t> sequences;
    for (const Frame& frame : frames) sequences.push_back(frame.sequence);
    frames.clear();
    return sequences;
  }

  std::vector<Frame> frames;
  std::vector<Duration> timers;
  std::vector<std::uint64_t> delivered;
};

class LinkTest : public testing::Test {
 protected:
  void TearDown() override { links.CheckInvariants(); }
  void Send(std::uint64_t number) { links.Send(now, kPeer, Numbered(number), out); }
  void Receive(std::uint64_t sequence, std::uint64_t acknowledged = 0) {
    links.HandleFrame(now, {kPeer, kSelf, sequence, acknowledged, Numbered(sequence)}, out);
    links.CheckInvariants();
  }
  void Acknowledge(std::uint64_t acknowledged) {
    links.HandleFrame(now, {kPeer, kSelf, 0, acknowledged, std::nullopt}, out);
    links.CheckInvariants();
  }
  void Wait(Duration span) {
    now = now + span;
    links.HandleTimer(now, kPeer, out);
    links.CheckInvariants();
  }

  Instant now{1000};
  Options options{.window = 4, .bugs = {}};
  Links links{kSelf, options};
  Recorder out;
};

TEST_F(LinkTest, SendsAtOnceAndNumbersFromOne) {
  Send(10);
  Send(11);
  ASSERT_EQ(out.frames.size(), 2u);
  EXPECT_EQ(out.frames[0], (Frame{kSelf, kPeer, 1, 0, Numbered(10)}));
  EXPECT_EQ(out.frames[1].sequence, 2u);
  EXPECT_EQ(links.Unacknowledged(kPeer), 2u);
  EXPECT_THAT(out.timers, ElementsAre(options.resend_min));
}

TEST_F(LinkTest, HoldsBackWhatIsBeyondTheWindow) {
  for (std::uint64_t i = 0; i < 6; ++i) Send(i);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1, 2, 3, 4));
  Acknowledge(2);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(5, 6));
  Acknowledge(6);
  EXPECT_EQ(links.Unacknowledged(kPeer), 0u);
}

TEST_F(LinkTest, DeliversInOrderAndOnce) {
  Receive(2);
  EXPECT_THAT(out.delivered, IsEmpty());
  Receive(1);
  Receive(1);
  Receive(2);
  Receive(3);
  EXPECT_THAT(out.delivered, ElementsAre(1, 2, 3));
}

TEST_F(LinkTest, DropsWhatNoWindowAllows) {
  Receive(5);
  Receive(1);
  Receive(2);
  Receive(3);
  Receive(4);
  EXPECT_THAT(out.delivered, ElementsAre(1, 2, 3, 4));
}

TEST_F(LinkTest, AcknowledgesAfterADelayWhenNothingCarriesIt) {
  links = Links(kSelf, {});
  Receive(1);
  Receive(2);
  EXPECT_THAT(out.frames, IsEmpty());
  EXPECT_THAT(out.timers, ElementsAre(options.acknowledge_delay));
  Wait(options.acknowledge_delay);
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0], (Frame{kSelf, kPeer, 0, 2, std::nullopt}));
}

TEST_F(LinkTest, LetsTrafficCarryTheAcknowledgement) {
  links = Links(kSelf, {});
  Receive(1);
  Send(7);
  EXPECT_EQ(out.frames.back().acknowledged, 1u);
  out.frames.clear();
  Wait(options.acknowledge_delay);
  EXPECT_THAT(out.frames, IsEmpty());
}

TEST_F(LinkTest, AcknowledgesAtOnceWhenTheSendersWindowFillsUp) {
  Receive(1);
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0].acknowledged, 1u);
}

TEST_F(LinkTest, AcknowledgesADuplicateAgainBecauseTheFirstAnswerMayBeLost) {
  Receive(1);
  out.frames.clear();
  Receive(1);
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0].acknowledged, 1u);
}

TEST_F(LinkTest, RepeatsWithDoublingDelayUntilAcknowledged) {
  Send(1);
  out.frames.clear();
  Wait(options.resend_min - Nanoseconds(1));
  EXPECT_THAT(out.frames, IsEmpty());
  Wait(Nanoseconds(1));
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1));
  EXPECT_EQ(out.timers.back(), options.resend_min * 2);
  Wait(options.resend_min * 2);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1));
  for (int i = 0; i < 10; ++i) Wait(options.resend_max);
  EXPECT_EQ(out.timers.back(), options.resend_max);
  Acknowledge(1);
  out.frames.clear();
  Wait(options.resend_max);
  EXPECT_THAT(out.frames, IsEmpty());
}

TEST_F(LinkTest, ATimerThatRingsEarlyBecauseTheClockWasSlowedDownIsStartedAgain) {
  Send(1);
  out.frames.clear();
  Wait(options.resend_min / 2);
  EXPECT_THAT(out.frames, IsEmpty());
  EXPECT_EQ(out.timers.back(), options.resend_min / 2);
  Wait(options.resend_min / 2);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1));
}

TEST_F(LinkTest, StopsItsTimersWhenEverythingIsAcknowledged) {
  Send(1);
  Acknowledge(1);
  Wait(options.resend_min);
  const std::size_t timers = out.timers.size();
  Wait(options.resend_max);
  EXPECT_EQ(out.timers.size(), timers);
}

TEST_F(LinkTest, RepeatsOnlyTheFirstFewAndTheRestAsTheyAreAcknowledged) {
  links = Links(kSelf, {});
  for (std::uint64_t i = 0; i < 100; ++i) Send(i);
  out.frames.clear();
  Wait(options.resend_min);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  Acknowledge(8);
  EXPECT_EQ(out.TakeSequences().size(), 16u);
  Acknowledge(24);
  EXPECT_EQ(out.TakeSequences().size(), 32u);
  Acknowledge(100);
  EXPECT_THAT(out.frames, IsEmpty());
}

TEST_F(LinkTest, RepeatsAtOnceWhenThePeerBecomesReachable) {
  Send(1);
  out.frames.clear();
  links.PeerReachable(now, kPeer, out);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1));
  Acknowledge(1);
  links.PeerReachable(now, kPeer, out);
  EXPECT_THAT(out.frames, IsEmpty());
}

TEST_F(LinkTest, RepeatsWhatAPeerThatIsHeardShouldHaveHad) {
  Send(1);
  Send(2);
  out.frames.clear();
  now = now + options.acknowledge_delay;
  Acknowledge(0);
  EXPECT_THAT(out.frames, IsEmpty()) << "the answer may be on its way";
  now = now + options.acknowledge_delay;
  Acknowledge(0);
  EXPECT_THAT(out.TakeSequences(), ElementsAre(1));
  Acknowledge(0);
  EXPECT_THAT(out.frames, IsEmpty()) << "not more often than an answer could come";
  Acknowledge(2);
  now = now + Seconds(1);
  Acknowledge(2);
  EXPECT_THAT(out.frames, IsEmpty());
}

TEST_F(LinkTest, IgnoresAnAcknowledgementOfWhatWasNeverSent) {
  Send(1);
  Receive(1, 7);
  EXPECT_EQ(links.Unacknowledged(kPeer), 1u);
  EXPECT_THAT(out.delivered, IsEmpty());
}

TEST_F(LinkTest, DropsEverythingOfADeadPeerForEver) {
  Send(1);
  Receive(2);
  links.PeerDied(kPeer);
  EXPECT_TRUE(links.IsDead(kPeer));
  EXPECT_EQ(links.Unacknowledged(kPeer), 0u);
  out.frames.clear();
  Send(2);
  Receive(1);
  Wait(options.resend_max);
  EXPECT_THAT(out.frames, IsEmpty());
  EXPECT_THAT(out.delivered, IsEmpty());
}

TEST_F(LinkTest, CarriesNoticesOutsideOfTheNumbering) {
  links.PeerDied(kPeer);
  links.SendNotice(kPeer, Numbered(9), out);
  ASSERT_EQ(out.frames.size(), 1u);
  EXPECT_EQ(out.frames[0], (Frame{kSelf, kPeer, 0, 0, Numbered(9)}));

  Links other(kPeer, {});
  other.HandleFrame(now, out.frames[0], out);
  other.HandleFrame(now, out.frames[0], out);
  EXPECT_THAT(out.delivered, ElementsAre(9, 9));
  EXPECT_THAT(out.timers, IsEmpty());
}

TEST_F(LinkTest, KeepsPeersApart) {
  const NodeId third{3, 3};
  Send(1);
  links.Send(now, third, Numbered(2), out);
  EXPECT_EQ(out.frames.back().target, third);
  EXPECT_EQ(out.frames.back().sequence, 1u);
  links.PeerDied(third);
  EXPECT_EQ(links.Unacknowledged(kPeer), 1u);
}

using LinkDeathTest = LinkTest;

TEST_F(LinkDeathTest, RefusesALinkToItself) {
  EXPECT_DEATH(links.Send(now, kSelf, Numbered(1), out), "no link to itself");
}

}  // namespace
}  // namespace mobula::link
