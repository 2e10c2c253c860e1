// SPDX-License-Identifier: Apache-2.0
// Goal: a node that is sent to another gets the object through that, and in the end in any case;
// one that is asked passes on what it has got, as it gets it. Method: pulls of three chunks of 100
// bytes, two in flight; invariants after each test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/core/object_store/pull_manager.h"
#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Sent = Recorder::Sent;

class RelayTest : public testing::Test {
 protected:
  static Options StoreOptions() {
    Options options;
    options.node = kSelf;
    options.capacity = 64 * 10;
    return options;
  }
  static PullOptions Pulling() {
    PullOptions options;
    options.node = kSelf;
    options.chunk_bytes = 100;
    options.chunks_in_flight = 2;
    options.fan_out = {.peers_max = 1, .bytes_min = 250};
    return options;
  }
  void TearDown() override {
    store_.CheckInvariants();
    pulls_.CheckInvariants();
  }

  void Fetch(std::vector<NodeId> from) {
    pulls_.Fetch(now_, Local(1), FetchObject{Ref(1), 250, std::move(from)}, out_);
  }
  void SentTo(std::uint64_t source, std::uint64_t instead) {
    pulls_.HandleChunkUnavailable(now_, Node(source), {Object(1), Node(instead)}, out_);
  }
  void HasNone(std::uint64_t source) {
    pulls_.HandleChunkUnavailable(now_, Node(source), {Object(1), {}}, out_);
  }
  void Receive(std::uint64_t offset, std::uint64_t length = 100) {
    pulls_.HandleChunkReceived(now_, {Object(1), offset, length}, out_);
  }
  void Ring() {
    now_ = now_ + Seconds(2);
    pulls_.HandleTimer(now_, out_.pull_timers.back().key, out_);
  }
  void Serve(std::uint64_t peer, std::uint64_t offset, std::uint64_t length = 100) {
    pulls_.Serve(now_, Node(peer), {Object(1), offset, length}, out_);
  }
  static Sent Ask(std::uint64_t node, std::uint64_t offset, std::uint64_t length = 100) {
    return {Address::Daemon(Node(node)), RequestChunk{Object(1), offset, length}};
  }
  static Sent Refusal(std::uint64_t peer, NodeId instead = {}) {
    return {Address::Daemon(Node(peer)), ChunkUnavailable{Object(1), instead}};
  }

  Instant now_;
  ObjectStore store_{StoreOptions()};
  PullManager pulls_{Pulling(), store_};
  Recorder out_;
};

// ---- Who is sent elsewhere

TEST_F(RelayTest, AsksWhomItIsSentTo) {
  Fetch({Node(2)});
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0), Ask(2, 100)));
  SentTo(2, 3);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 0), Ask(3, 100)));
  SentTo(2, 4);
  EXPECT_THAT(out_.Take(), IsEmpty()) << "the answer to its second question";
  SentTo(3, 5);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(5, 0), Ask(5, 100)));
  Receive(0);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(5, 200, 50)));
}

TEST_F(RelayTest, AnotherLocationGoesBeforeARelay) {
  Fetch({Node(2), Node(3)});
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0), Ask(3, 100)));
  SentTo(2, 4);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 0)));
  SentTo(3, 5);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(4, 0), Ask(4, 100)));
}

TEST_F(RelayTest, ALocationThatIsToldLaterGoesBeforeIt) {
  Fetch({Node(2)});
  SentTo(2, 3);
  Fetch({Node(2), Node(4)});
  out_.Take();
  Receive(0);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(4, 200, 50)));
}

TEST_F(RelayTest, ARelayThatIsDeadOrHasNothingIsLeft) {
  Fetch({Node(2)});
  SentTo(2, 3);
  out_.Take();
  pulls_.HandleNodeDied(now_, Node(3), out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0), Ask(2, 100)));
  SentTo(2, 4);
  out_.Take();
  HasNone(4);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0), Ask(2, 100)));
}

TEST_F(RelayTest, ARelayFromWhichNothingComesIsLeft) {
  Fetch({Node(2)});
  SentTo(2, 3);
  Receive(0);
  out_.Take();
  Ring();
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 100), Ask(3, 200, 50))) << "it is slow";
  Ring();
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 100), Ask(2, 200, 50)));
}

TEST_F(RelayTest, ARelayThatIsDeadAlreadyIsNotAsked) {
  pulls_.HandleNodeDied(now_, Node(3), out_);
  Fetch({Node(2)});
  out_.Take();
  SentTo(2, 3);
  EXPECT_THAT(out_.Take(), IsEmpty());
  Ring();
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0), Ask(2, 100)));
}

TEST_F(RelayTest, WithoutAnyLocationLeftItFails) {
  Fetch({Node(2), Node(4)});
  SentTo(2, 3);
  SentTo(4, 3);
  out_.Take();
  pulls_.HandleNodeDied(now_, Node(2), out_);
  EXPECT_THAT(out_.Take(), IsEmpty());
  pulls_.HandleNodeDied(now_, Node(4), out_);
  const auto sent = out_.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(std::get<ObjectUnavailable>(sent[0].message).failed_at,
              ElementsAre(Node(2), Node(4)));
}

// ---- Who is asked

TEST_F(RelayTest, SendsTheSecondPeerToTheFirst) {
  store_.Create(Local(9), {1, Ref(1), 250}, out_);
  store_.Seal(Local(9).worker, Object(1), out_);
  out_.Take();
  Serve(2, 0);
  Serve(3, 0);
  EXPECT_THAT(out_.chunks, ElementsAre("to 2: [0, +100) of 1 at 0"));
  EXPECT_THAT(out_.Take(), ElementsAre(Refusal(3, Node(2))));
}

TEST_F(RelayTest, PassesOnWhatComes) {
  Fetch({Node(2)});
  Receive(100);
  Serve(3, 100);
  Serve(3, 0);
  Serve(3, 0);
  EXPECT_THAT(out_.chunks, ElementsAre("to 3: [100, +100) of 1 at 0"));
  Receive(0);
  EXPECT_THAT(out_.chunks, ElementsAre("to 3: [100, +100) of 1 at 0", "to 3: [0, +100) of 1 at 0"));
  Receive(200, 50);
  Serve(3, 200, 50);
  EXPECT_EQ(out_.chunks.size(), 3u);
}

TEST_F(RelayTest, WhoWaitsHearsThatItWillNotCome) {
  Fetch({Node(2)});
  Serve(3, 0);
  out_.Take();
  pulls_.HandleClientDied(Local(1).worker, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Refusal(3)));
}

TEST_F(RelayTest, WhoWaitedAndIsDeadIsForgotten) {
  Fetch({Node(2)});
  Serve(3, 0);
  pulls_.HandleNodeDied(now_, Node(3), out_);
  Receive(0);
  EXPECT_THAT(out_.chunks, IsEmpty());
}

}  // namespace
}  // namespace mobula::object_store
