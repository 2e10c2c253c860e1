// SPDX-License-Identifier: Apache-2.0
// Goal: a full store makes room on disk, and no object is lost or left behind by that, whatever the
// disk does. Method: a store of ten units of 64 bytes whose files take four; calls in, effects
// compared, invariants after each test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/core/object_store/pull_manager.h"
#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Sent = Recorder::Sent;

constexpr std::uint64_t kOwner = 70;

class SpillTest : public testing::Test {
 protected:
  static Options SmallStore(Bugs bugs = {}) {
    Options options;
    options.node = kSelf;
    options.node_name = "n1";
    options.capacity = 10 * kUnit;
    options.spill.enabled = true;
    options.spill.file_bytes_min = 4 * kUnit;
    options.spill.bugs = bugs;
    return options;
  }
  static PullOptions Pulling() {
    PullOptions options;
    options.node = kSelf;
    return options;
  }
  void TearDown() override {
    EndEvent();
    store_.CheckInvariants();
    pulls_.CheckInvariants();
  }

  /// As the raylet does after each event.
  void EndEvent() {
    pulls_.Update(now_, out_);
    store_.UseDisk(out_);
  }
  void Create(std::uint64_t object, std::uint64_t units) {
    store_.Create(Local(1), CreateObject{object, Ref(object), units * kUnit}, out_);
    EndEvent();
  }
  void Put(std::uint64_t object, std::uint64_t units) {
    Create(object, units);
    store_.Seal(Local(1).worker, Object(object), out_);
    EndEvent();
    out_.Take();
  }
  void Spilled(std::uint64_t file, const std::string& failure = "") {
    store_.HandleSpilled({file, failure}, out_);
    EndEvent();
  }
  void Fetch(std::uint64_t object, std::uint64_t client = 2, std::vector<NodeId> locations = {}) {
    locations.push_back(kSelf);
    pulls_.Fetch(now_, Local(client), FetchObject{Ref(object), kUnit, std::move(locations)}, out_);
    EndEvent();
  }
  void Restored(const RestoreObject& read, const std::string& failure = "") {
    pulls_.HandleRestored(now_, {read.object, read.copy, failure}, out_);
    EndEvent();
  }
  void Free(std::uint64_t object) {
    store_.Free(Remote(kOwner), Object(object), out_);
    EndEvent();
  }
  void Release(std::uint64_t object, std::uint64_t client = 2) {
    store_.Release(Local(client).worker, Object(object), out_);
    EndEvent();
  }
  /// Objects 1 and 2, of five units each, are in memory and in files 1 and 2.
  void FillMemoryAndDisk() {
    Put(1, 5);
    Put(2, 5);
    Create(3, 1);
    Spilled(1);
    EXPECT_EQ(StateOf(1), ObjectState::kSpilled) << "object 3 took its place";
    store_.Seal(Local(1).worker, Object(3), out_);
    Free(3);
    Create(4, 6);
    Spilled(2);
    store_.Seal(Local(1).worker, Object(4), out_);
    Free(4);
    out_ = Recorder();
  }
  ObjectState StateOf(std::uint64_t object) { return store_.Find(Object(object))->state; }
  ErrorInfo LastError() { return std::get<ObjectCreated>(out_.sent.back().message).error; }
  static Sent Created(std::uint64_t object, std::uint64_t unit) {
    return {Local(1), ObjectCreated{object, Object(object), unit * kUnit, {}}};
  }
  static Sent Gone(std::uint64_t object) {
    return {Remote(kOwner), ObjectLocationChanged{Object(object), kSelf, false}};
  }

  Instant now_;
  ObjectStore store_{SmallStore()};
  PullManager pulls_{Pulling(), store_};
  Recorder out_;
};

TEST_F(SpillTest, WritesTheLeastRecentlyUsedTogetherUntilAFileIsFull) {
  for (std::uint64_t object = 1; object <= 10; ++object) Put(object, 1);
  store_.Touch(Object(1));
  Create(11, 1);
  ASSERT_EQ(out_.spills.size(), 1u);
  EXPECT_EQ(out_.spills[0], (SpillObjects{1,
                                          {{Object(2), 1 * kUnit, kUnit},
                                           {Object(3), 2 * kUnit, kUnit},
                                           {Object(4), 3 * kUnit, kUnit},
                                           {Object(5), 4 * kUnit, kUnit}}}));
  EXPECT_THAT(out_.Take(), IsEmpty()) << "there is no room before the write is over";
  Spilled(1);
  EXPECT_THAT(out_.Take(), ElementsAre(Created(11, 1))) << "nobody is told of what is on disk";
  EXPECT_EQ(StateOf(2), ObjectState::kSpilled);
  EXPECT_EQ(StateOf(3), ObjectState::kSealed) << "dropped from memory only when needed";
  Create(12, 3);
  EXPECT_THAT(out_.Take(), ElementsAre(Created(12, 2))) << "no further write for what is on disk";
  EXPECT_EQ(out_.spills.size(), 1u);
}

TEST_F(SpillTest, DropsSecondaryCopiesBeforeItSpills) {
  ASSERT_TRUE(store_.StartPull(Ref(1), 5 * kUnit, out_));
  store_.FinishPull(Object(1));
  Put(2, 5);
  Create(3, 5);
  EXPECT_THAT(out_.Take(), ElementsAre(Gone(1), Created(3, 0)));
  EXPECT_THAT(out_.spills, IsEmpty());
}

TEST_F(SpillTest, DoesNotSpillWhatIsReadOrWritten) {
  Put(1, 4);
  store_.Pin(Local(2).worker, Object(1));
  Create(2, 4);
  Create(3, 4);
  EXPECT_THAT(out_.spills, IsEmpty());
  Release(1);
  ASSERT_EQ(out_.spills.size(), 1u);
  EXPECT_EQ(out_.spills[0].parts, (std::vector<SpillPart>{{Object(1), 0, 4 * kUnit}}));
}

TEST_F(SpillTest, RestoresForAReaderAndKeepsTheFile) {
  FillMemoryAndDisk();
  Fetch(1);
  ASSERT_EQ(out_.restores.size(), 1u);
  const RestoreObject read = out_.restores[0];
  EXPECT_EQ(read, (RestoreObject{Object(1), read.copy, 1, 0, 5 * kUnit, 0}));
  Fetch(1, 3);
  EXPECT_THAT(out_.Take(), IsEmpty());
  Restored(read);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(2), ObjectAvailable{Object(1), 0, 5 * kUnit}},
                                       Sent{Local(3), ObjectAvailable{Object(1), 0, 5 * kUnit}}));
  EXPECT_EQ(out_.restores.size(), 1u) << "once for all";
  Release(1, 2);
  Release(1, 3);
  Create(5, 10);
  EXPECT_THAT(out_.Take(), ElementsAre(Created(5, 0)));
  EXPECT_THAT(out_.spills, IsEmpty()) << "it is on disk already";
  EXPECT_EQ(store_.Spilling().restored_bytes, 5 * kUnit);
}

TEST_F(SpillTest, WritersAreAskedToSealWhatTheyHaveWritten) {
  Create(1, 10);
  out_.Take();
  store_.Create(Local(2), CreateObject{2, Ref(2), kUnit}, out_);
  EndEvent();
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(1), RoomWanted{}}));
  store_.Seal(Local(1).worker, Object(1), out_);
  EndEvent();
  ASSERT_EQ(out_.spills.size(), 1u);
  Spilled(1);
  // The next that finds no room asks again: somebody writes once more.
  out_.Take();
  Create(3, 10);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(2), RoomWanted{}}));
}

TEST_F(SpillTest, ARestoredObjectIsNotGivenAwayBeforeItsReaderHasIt) {
  FillMemoryAndDisk();
  Fetch(1);
  Create(5, 10);
  Restored(out_.restores[0]);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(2), ObjectAvailable{Object(1), 0, 5 * kUnit}},
                                       Sent{Local(2), RoomWanted{}}));
  Release(1);
  EXPECT_THAT(out_.Take(), ElementsAre(Created(5, 0)));
}

TEST_F(SpillTest, ARestoreWaitsForRoomAndGivesUpInTimeWithoutHarm) {
  FillMemoryAndDisk();
  Create(5, 8);
  out_.Take();
  Fetch(1);
  EXPECT_THAT(out_.restores, IsEmpty());
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(1), RoomWanted{}})) << "it is writing";
  ASSERT_EQ(out_.pull_timers.size(), 1u);
  now_ = now_ + Seconds(10);
  pulls_.HandleTimer(now_, out_.pull_timers[0].key, out_);
  const auto sent = out_.Take();
  ASSERT_EQ(sent.size(), 1u);
  const auto& failed = std::get<ObjectUnavailable>(sent[0].message);
  EXPECT_EQ(failed.error.kind, ErrorKind::kObjectStoreFull);
  EXPECT_THAT(failed.failed_at, IsEmpty()) << "its copy is as good as ever";
  EXPECT_EQ(StateOf(1), ObjectState::kSpilled);
}

TEST_F(SpillTest, ATimerThatRingsEarlyIsStartedAgain) {
  FillMemoryAndDisk();
  Create(5, 8);
  Fetch(1);
  ASSERT_EQ(out_.pull_timers.size(), 1u);
  now_ = now_ + Seconds(7);
  pulls_.HandleTimer(now_, out_.pull_timers[0].key, out_);
  ASSERT_EQ(out_.pull_timers.size(), 2u);
  EXPECT_EQ(out_.pull_timers[1].delay, Seconds(3));
}

TEST_F(SpillTest, ARestoreThatWaitsForRoomNeedsNoOtherCopy) {
  FillMemoryAndDisk();
  Create(5, 8);
  Fetch(1, 2, {Node(3)});
  out_.Take();
  pulls_.HandleNodeDied(now_, Node(3), out_);
  EXPECT_THAT(out_.Take(), IsEmpty());
  store_.Seal(Local(1).worker, Object(5), out_);
  Free(5);
  EXPECT_EQ(out_.restores.size(), 1u);
}

TEST_F(SpillTest, ARestoreBeginsWhenThereIsRoom) {
  FillMemoryAndDisk();
  Create(5, 8);
  Fetch(1);
  EXPECT_THAT(out_.restores, IsEmpty());
  store_.Seal(Local(1).worker, Object(5), out_);
  Free(5);
  EXPECT_EQ(out_.restores.size(), 1u);
  Restored(out_.restores.at(0));
}

TEST_F(SpillTest, WhatCannotBeReadIsLostHereAndFetchedElsewhere) {
  FillMemoryAndDisk();
  Fetch(1, 2, {Node(3)});
  Restored(out_.restores.at(0), "input/output error");
  EXPECT_THAT(out_.Take(), ElementsAre(Gone(1), Sent{Address::Daemon(Node(3)),
                                                     RequestChunk{Object(1), 0, kUnit}}));
  EXPECT_THAT(out_.deleted, ElementsAre(1));
}

TEST_F(SpillTest, ReadersHearThatTheOnlyCopyCannotBeRead) {
  FillMemoryAndDisk();
  Fetch(1);
  Restored(out_.restores.at(0), "input/output error");
  const auto sent = out_.Take();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0], Gone(1));
  const auto& failed = std::get<ObjectUnavailable>(sent[1].message);
  EXPECT_EQ(failed.error.kind, ErrorKind::kObjectLost);
  EXPECT_THAT(failed.failed_at, ElementsAre(kSelf));
  EXPECT_EQ(store_.Find(Object(1)), nullptr);
}

TEST_F(SpillTest, DeletesAFileWithTheLastObjectInIt) {
  for (std::uint64_t object = 1; object <= 10; ++object) Put(object, 1);
  Create(11, 1);
  Spilled(1);
  for (const std::uint64_t object : {1, 2, 3}) Free(object);
  EXPECT_THAT(out_.deleted, IsEmpty());
  EXPECT_EQ(store_.Spilling().bytes, 4 * kUnit);
  Free(4);
  EXPECT_THAT(out_.deleted, ElementsAre(1));
  EXPECT_EQ(store_.Spilling().bytes, 0u);
}

TEST_F(SpillTest, WhatIsFreedWhileItIsWrittenGoesAfterIt) {
  Put(1, 10);
  Create(2, 1);
  Free(1);
  EXPECT_NE(store_.Find(Object(1)), nullptr) << "the disk still reads there";
  Spilled(1);
  EXPECT_EQ(store_.Find(Object(1)), nullptr);
  EXPECT_THAT(out_.deleted, ElementsAre(1));
  EXPECT_THAT(out_.Take(), ElementsAre(Created(2, 0)));
}

TEST_F(SpillTest, WhatIsFreedWhileItIsReadGoesAfterIt) {
  FillMemoryAndDisk();
  Fetch(1);
  pulls_.HandleFreed(Remote(kOwner), Object(1), out_);
  Free(1);
  EXPECT_EQ(StateOf(1), ObjectState::kRestoring);
  Restored(out_.restores.at(0));
  EXPECT_EQ(store_.Find(Object(1)), nullptr);
  EXPECT_THAT(out_.deleted, ElementsAre(1));
}

TEST_F(SpillTest, AnIdOfAnotherOwnerDoesNotDisturbTheDisk) {
  Put(1, 5);
  Put(2, 5);
  Create(3, 1);
  const ObjectRef next = Ref(1, Remote(71));
  store_.Create(Local(1), CreateObject{9, next, kUnit}, out_);
  EndEvent();
  EXPECT_EQ(store_.Find(Object(1)), nullptr) << "it waits for room";
  store_.CheckInvariants();
  Spilled(1);
  EXPECT_EQ(store_.Find(Object(1))->object.owner, Remote(71));
  EXPECT_THAT(out_.deleted, ElementsAre(1)) << "nobody can ask for the old one any more";
}

TEST_F(SpillTest, TheDeathOfTheOwnerDeletesWhatIsOnDisk) {
  FillMemoryAndDisk();
  store_.HandleOwnerDied(Remote(kOwner).worker, out_);
  EndEvent();
  EXPECT_TRUE(store_.Entries().empty());
  EXPECT_THAT(out_.deleted, ElementsAre(1, 2));
}

TEST_F(SpillTest, ServesPeersFromTheFile) {
  FillMemoryAndDisk();
  ASSERT_EQ(StateOf(1), ObjectState::kSpilled);
  pulls_.Serve(now_, Node(2), {Object(1), 10, 50}, out_);
  EXPECT_THAT(out_.chunks, ElementsAre("to 2: [10, +50) of 1 at 0 of file 1"));
  pulls_.HandleSpilledChunkLost({Node(2), Object(1), 1, "input/output error"}, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Gone(1), Sent{Address::Daemon(Node(2)),
                                                     ChunkUnavailable{Object(1), {}}}));
}

TEST_F(SpillTest, AChunkThatCannotBeReadDoesNotHarmTheCopyInMemory) {
  FillMemoryAndDisk();
  pulls_.Serve(now_, Node(2), {Object(1), 0, kUnit}, out_);
  Fetch(1);
  Restored(out_.restores.at(0));
  out_.Take();
  pulls_.HandleSpilledChunkLost({Node(2), Object(1), 1, "input/output error"}, out_);
  EXPECT_THAT(out_.Take(),
              ElementsAre(Sent{Address::Daemon(Node(2)), ChunkUnavailable{Object(1), {}}}))
      << "the peer asks again if it wants to";
  EXPECT_EQ(StateOf(1), ObjectState::kSealed);
  EXPECT_FALSE(store_.Find(Object(1))->on_disk.has_value());
}

TEST_F(SpillTest, TriesAgainWithLessAfterAFailure) {
  Put(1, 2);
  Put(2, 2);
  Put(3, 2);
  Create(4, 8);
  ASSERT_EQ(out_.spills.size(), 1u);
  EXPECT_EQ(out_.spills[0].parts.size(), 2u);
  Spilled(1, "no space left on device");
  EXPECT_THAT(out_.spill_timers, ElementsAre(Milliseconds(50)));
  EXPECT_EQ(out_.spills.size(), 1u) << "the disk rests";
  store_.HandleSpillTimer(out_);
  EndEvent();
  ASSERT_EQ(out_.spills.size(), 2u);
  EXPECT_EQ(out_.spills[1].parts.size(), 1u) << "half may fit";
  Spilled(2);
  EXPECT_EQ(store_.Spilling().failure, "");
  ASSERT_EQ(out_.spills.size(), 3u);
  EXPECT_EQ(out_.spills[2].parts.size(), 2u);
}

TEST_F(SpillTest, ADiskThatFailsIsNamedInTheError) {
  Put(1, 10);
  Create(2, 5);
  Spilled(1, "cannot write to a file in /spill: No space left on device");
  store_.HandleCreateTimer(out_.create_timers.at(0).key, out_);
  EXPECT_EQ(LastError().kind, ErrorKind::kOutOfDisk);
  EXPECT_THAT(LastError().message, HasSubstr("in /spill: No space left on device. Make room"));
  EXPECT_EQ(StateOf(1), ObjectState::kSealed) << "what could not be written stays";
}

TEST_F(SpillTest, ASlowDiskIsWaitedFor) {
  Put(1, 10);
  Create(2, 5);
  store_.HandleCreateTimer(out_.create_timers.at(0).key, out_);
  EXPECT_THAT(out_.Take(), IsEmpty());
  ASSERT_EQ(out_.create_timers.size(), 2u);
  Spilled(1);
  EXPECT_THAT(out_.Take(), ElementsAre(Created(2, 0)));
  store_.HandleCreateTimer(out_.create_timers.at(1).key, out_);
  EXPECT_THAT(out_.Take(), IsEmpty());
}

TEST_F(SpillTest, WithoutADiskAFullStoreStaysFull) {
  Options options = SmallStore();
  options.spill.enabled = false;
  ObjectStore store(options);
  store.Create(Local(1), CreateObject{1, Ref(1), 10 * kUnit}, out_);
  store.Seal(Local(1).worker, Object(1), out_);
  store.Create(Local(1), CreateObject{2, Ref(2), kUnit}, out_);
  store.UseDisk(out_);
  EXPECT_THAT(out_.spills, IsEmpty());
  store.HandleCreateTimer(out_.create_timers.at(0).key, out_);
  EXPECT_EQ(LastError().kind, ErrorKind::kObjectStoreFull);
}

TEST(SpillManager, DelaysGrowUpToALimit) {
  SpillOptions options;
  options.enabled = true;
  SpillManager spills(options);
  Recorder out;
  for (std::uint64_t file = 1; file <= 7; ++file) {
    spills.Begin({{Object(1), 0, 1}}, out);
    EXPECT_FALSE(spills.MayWrite());
    EXPECT_THAT(spills.End({file, "broken"}, out), IsEmpty());
    EXPECT_FALSE(spills.MayWrite());
    spills.HandleRetryTimer();
  }
  EXPECT_THAT(out.spill_timers,
              ElementsAre(Milliseconds(50), Milliseconds(100), Milliseconds(200), Milliseconds(400),
                          Milliseconds(800), Seconds(1), Seconds(1)));
}

}  // namespace
}  // namespace mobula::object_store
