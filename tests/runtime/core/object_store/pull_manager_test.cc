// SPDX-License-Identifier: Apache-2.0
// Goal: a fetched object comes, from whoever has it, or its waiters hear why not. Method: pulls of
// three chunks of 100 bytes, two in flight; messages compared, invariants after each test.
#include "runtime/core/object_store/pull_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Sent = Recorder::Sent;

class PullManagerTest : public testing::Test {
 protected:
  static Options StoreOptions() {
    Options options;
    options.node = kSelf;
    options.node_name = "n1";
    options.capacity = 64 * 10;
    return options;
  }
  static PullOptions Pulling() {
    PullOptions options;
    options.node = kSelf;
    options.chunk_bytes = 100;
    options.chunks_in_flight = 2;
    return options;
  }
  void TearDown() override {
    store_.CheckInvariants();
    pulls_.CheckInvariants();
  }

  void Fetch(std::uint64_t object, std::vector<NodeId> from, Address client = Local(1)) {
    pulls_.Fetch(now_, client, FetchObject{Ref(object), 250, std::move(from)}, out_);
  }
  void Receive(std::uint64_t offset, std::uint64_t length) {
    pulls_.HandleChunkReceived(now_, {Object(1), offset, length}, out_);
  }
  void ReceiveAll() {
    Receive(0, 100);
    Receive(100, 100);
    Receive(200, 50);
  }
  void Write(std::uint64_t object, std::uint64_t size = 250) {
    store_.Create(Local(9), {1, Ref(object), size}, out_);
    out_.Take();
  }
  void Put(std::uint64_t object, std::uint64_t size = 250) {
    Write(object, size);
    store_.Seal(Local(9).worker, Object(object), out_);
  }
  static Sent Ask(std::uint64_t node, std::uint64_t offset, std::uint64_t length) {
    return {Address::Daemon(Node(node)), RequestChunk{Object(1), offset, length}};
  }
  static Sent Available(std::uint64_t client, std::uint64_t offset = 0) {
    return {Local(client), ObjectAvailable{Object(1), offset, 250}};
  }
  static Sent Added() { return {Remote(70), ObjectLocationChanged{Object(1), kSelf, true}}; }
  /// The one ObjectUnavailable that was sent.
  ObjectUnavailable TakeFailure() {
    const auto sent = out_.Take();
    EXPECT_EQ(sent.size(), 1u);
    return std::get<ObjectUnavailable>(sent.at(0).message);
  }

  Instant now_;
  ObjectStore store_{StoreOptions()};
  PullManager pulls_{Pulling(), store_};
  Recorder out_;
};

TEST_F(PullManagerTest, AnswersAtOnceAndPinsWhatIsHere) {
  Put(1);
  Fetch(1, {Node(2)});
  EXPECT_THAT(out_.Take(), ElementsAre(Available(1)));
  EXPECT_EQ(store_.Find(Object(1))->pins.at(Local(1).worker), 1u);
}

TEST_F(PullManagerTest, AsksForAWindowOfChunksFromLocationsInTurn) {
  Fetch(1, {Node(2), Node(3)});
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0, 100), Ask(3, 100, 100)));
  Receive(100, 100);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 200, 50)));
  Receive(0, 100);
  Receive(200, 50);
  EXPECT_THAT(out_.Take(), ElementsAre(Added(), Available(1)));
  EXPECT_FALSE(store_.Find(Object(1))->primary);
}

TEST_F(PullManagerTest, JoinsWaitersIntoOnePull) {
  Fetch(1, {Node(2)}, Local(1));
  out_.Take();
  Fetch(1, {Node(2)}, Local(2));
  Fetch(1, {Node(2)}, Local(2));
  EXPECT_THAT(out_.Take(), IsEmpty());
  ReceiveAll();
  EXPECT_EQ(out_.Take().size(), 1u + 1u + 3u) << "last chunk asked, location, three answers";
  EXPECT_EQ(store_.Find(Object(1))->pins.at(Local(2).worker), 2u);
}

TEST_F(PullManagerTest, IgnoresChunksItDidNotAskForOrHasAlready) {
  Fetch(1, {Node(2)});
  out_.Take();
  Receive(50, 100);
  Receive(0, 99);
  Receive(900, 100);
  EXPECT_THAT(out_.Take(), IsEmpty());
  Receive(0, 100);
  out_.Take();
  Receive(0, 100);
  EXPECT_THAT(out_.Take(), IsEmpty());
}

TEST_F(PullManagerTest, AsksAnotherLocationWhenAChunkDoesNotCome) {
  Fetch(1, {Node(2), Node(3)});
  Receive(100, 100);
  out_.Take();
  now_ = now_ + Seconds(2);
  pulls_.HandleTimer(now_, out_.pull_timers.back().key, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 0, 100), Ask(2, 200, 50)));
  EXPECT_EQ(out_.pull_timers.size(), 2u) << "the timer goes on";
}

TEST_F(PullManagerTest, MovesOnWhenALocationHasNoCopy) {
  Fetch(1, {Node(2), Node(3)});
  out_.Take();
  pulls_.HandleChunkUnavailable(now_, Node(2), {Object(1), {}}, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 0, 100)));
}

TEST_F(PullManagerTest, FailsWithTheNodesTriedWhenNoLocationIsLeft) {
  Fetch(1, {Node(2), Node(3)});
  out_.Take();
  pulls_.HandleChunkUnavailable(now_, Node(2), {Object(1), {}}, out_);
  out_.Take();
  pulls_.HandleNodeDied(now_, Node(3), out_);
  const ObjectUnavailable failure = TakeFailure();
  EXPECT_THAT(failure.failed_at, ElementsAre(Node(2), Node(3)));
  EXPECT_EQ(failure.error.kind, ErrorKind::kObjectLost);
  EXPECT_EQ(store_.Find(Object(1)), nullptr) << "the buffer is given back";
}

TEST_F(PullManagerTest, DeadNodesAndThisOneAreNoLocations) {
  pulls_.HandleNodeDied(now_, Node(3), out_);
  Fetch(1, {kSelf, Node(3)});
  EXPECT_THAT(TakeFailure().failed_at, ElementsAre(kSelf, Node(3)));
}

TEST_F(PullManagerTest, ALaterWaiterBringsFurtherLocations) {
  Fetch(1, {Node(2)}, Local(1));
  Fetch(1, {Node(3)}, Local(2));
  out_.Take();
  pulls_.HandleNodeDied(now_, Node(2), out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(3, 0, 100), Ask(3, 100, 100)));
}

TEST_F(PullManagerTest, WaitsForTheSealOfAnObjectThatIsBeingWrittenHere) {
  Write(1);
  Fetch(1, {kSelf});
  EXPECT_THAT(out_.Take(), IsEmpty());
  store_.Seal(Local(9).worker, Object(1), out_);
  pulls_.Update(now_, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Available(1)));
}

TEST_F(PullManagerTest, FetchesElsewhereWhenTheLocalWriterDies) {
  Write(1);
  Write(2, 100);
  Fetch(1, {kSelf, Node(3)}, Local(1));
  Fetch(2, {kSelf}, Local(2));
  store_.HandleClientDied(Local(9).worker, out_);
  pulls_.Update(now_, out_);
  const auto sent = out_.Take();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0], Ask(3, 0, 100));
  EXPECT_THAT(std::get<ObjectUnavailable>(sent[2].message).failed_at, ElementsAre(kSelf));
}

TEST_F(PullManagerTest, WaitsForRoomAndGivesUpInTime) {
  Put(2, 600);
  Fetch(1, {Node(2)});
  EXPECT_THAT(out_.Take(), IsEmpty());
  ASSERT_EQ(out_.pull_timers.size(), 1u);
  EXPECT_EQ(out_.pull_timers[0].delay, Seconds(10));
  now_ = now_ + Seconds(10);
  pulls_.HandleTimer(now_, out_.pull_timers[0].key, out_);
  EXPECT_EQ(TakeFailure().error.kind, ErrorKind::kObjectStoreFull);
}

TEST_F(PullManagerTest, StartsWhenRoomIsMade) {
  Put(2, 600);
  Fetch(1, {Node(2)});
  store_.Free(Remote(70), Object(2), out_);
  pulls_.Update(now_, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0, 100), Ask(2, 100, 100)));
}

TEST_F(PullManagerTest, RefusesAtOnceWhatNeverCouldFit) {
  pulls_.Fetch(now_, Local(1), FetchObject{Ref(1), 6400, {Node(2)}}, out_);
  EXPECT_EQ(TakeFailure().error.kind, ErrorKind::kObjectStoreFull);
}

TEST_F(PullManagerTest, IsDroppedWithItsLastWaiter) {
  Fetch(1, {Node(2)}, Local(1));
  Fetch(1, {Node(2)}, Local(2));
  pulls_.HandleClientDied(Local(1).worker, out_);
  EXPECT_NE(store_.Find(Object(1)), nullptr);
  pulls_.HandleClientDied(Local(2).worker, out_);
  EXPECT_EQ(store_.Find(Object(1)), nullptr);
}

TEST_F(PullManagerTest, TellsWaitersWhenTheOwnerDiesOrFrees) {
  Fetch(1, {Node(2)});
  out_.Take();
  pulls_.HandleOwnerDied(Remote(70).worker, out_);
  EXPECT_EQ(TakeFailure().error.kind, ErrorKind::kOwnerDied);
  Fetch(1, {Node(2)});
  out_.Take();
  pulls_.HandleFreed(Remote(71), Object(1), out_);
  EXPECT_THAT(out_.Take(), IsEmpty()) << "not the owner";
  pulls_.HandleFreed(Remote(70), Object(1), out_);
  EXPECT_EQ(TakeFailure().error.kind, ErrorKind::kObjectFreed);
}

TEST_F(PullManagerTest, FailsWhenTheIdIsTakenByAnotherIncarnation) {
  Fetch(1, {Node(2)});
  out_.Take();
  pulls_.HandleSuperseded(Ref(1, Remote(71)), out_);
  TakeFailure();
  EXPECT_EQ(store_.Find(Object(1)), nullptr);
}

TEST_F(PullManagerTest, DoesNotAnswerWithAnotherIncarnationsCopy) {
  Put(1);
  pulls_.Fetch(now_, Local(1), FetchObject{Ref(1, Remote(71)), 250, {Node(2)}}, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Ask(2, 0, 100), Ask(2, 100, 100)));
  EXPECT_EQ(store_.Find(Object(1))->object.owner, Remote(71));
}

TEST_F(PullManagerTest, ServesChunksOfSealedObjectsToPeers) {
  Put(1);
  pulls_.Serve(now_, Node(2), {Object(1), 200, 50}, out_);
  EXPECT_THAT(out_.chunks, ElementsAre("to 2: [200, +50) of 1 at 0"));
  pulls_.Serve(now_, Node(2), {Object(1), 200, 51}, out_);
  pulls_.Serve(now_, Node(2), {Object(7), 0, 1}, out_);
  EXPECT_THAT(out_.Take(),
              ElementsAre(Sent{Address::Daemon(Node(2)), ChunkUnavailable{Object(1), {}}},
                          Sent{Address::Daemon(Node(2)), ChunkUnavailable{Object(7), {}}}));
}

TEST_F(PullManagerTest, ServesAChunkAfterTheSealThatItsRequestOvertook) {
  Write(1);
  pulls_.Serve(now_, Node(2), {Object(1), 0, 100}, out_);
  pulls_.Update(now_, out_);
  EXPECT_THAT(out_.chunks, IsEmpty());
  store_.Seal(Local(9).worker, Object(1), out_);
  pulls_.Update(now_, out_);
  EXPECT_THAT(out_.chunks, ElementsAre("to 2: [0, +100) of 1 at 0"));
  EXPECT_THAT(out_.Take(), IsEmpty());
}

}  // namespace
}  // namespace mobula::object_store
