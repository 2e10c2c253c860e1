// SPDX-License-Identifier: Apache-2.0
// Goal: an object's buffer lives exactly as long as somebody needs it. Method: a store of ten units
// of 64 bytes; calls in, messages compared, invariants after each test.
#include "runtime/core/object_store/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Sent = Recorder::Sent;

Options SmallStore() {
  Options options;
  options.node = kSelf;
  options.node_name = "n1";
  options.capacity = 10 * kUnit;
  return options;
}

class ObjectStoreTest : public testing::Test {
 protected:
  void TearDown() override { store_.CheckInvariants(); }

  void Create(std::uint64_t object, std::uint64_t units, Address client = Local(1)) {
    store_.Create(client, CreateObject{object, Ref(object), units * kUnit}, out_);
  }
  /// A primary copy.
  void Put(std::uint64_t object, std::uint64_t units) {
    Create(object, units);
    store_.Seal(Local(1).worker, Object(object), out_);
    out_.Take();
  }
  /// A secondary copy.
  void Pull(std::uint64_t object, std::uint64_t units) {
    ASSERT_TRUE(store_.StartPull(Ref(object), units * kUnit, out_));
    store_.FinishPull(Object(object));
    out_.Take();
  }
  bool Has(std::uint64_t object) { return store_.Find(Object(object)) != nullptr; }
  ErrorInfo LastError() { return std::get<ObjectCreated>(out_.sent.back().message).error; }

  ObjectStore store_{SmallStore()};
  Recorder out_;
};

TEST_F(ObjectStoreTest, GivesABufferAndSealsItAsPrimary) {
  Create(1, 2);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(1), ObjectCreated{1, Object(1), 0, {}}}));
  EXPECT_EQ(store_.Find(Object(1))->state, ObjectState::kWriting);
  EXPECT_TRUE(store_.Seal(Local(1).worker, Object(1), out_));
  EXPECT_EQ(store_.Find(Object(1))->state, ObjectState::kSealed);
  EXPECT_TRUE(store_.Find(Object(1))->primary);
}

TEST_F(ObjectStoreTest, WhatItsOwnerPutAndFreesNeedsNoSeal) {
  const ObjectRef put{PutObject(TaskId{0, 1}, 0, 0), Local(1)};
  const ObjectRef result{Object(1), Local(1)};
  for (const ObjectRef& object : {put, result}) {
    store_.Create(Local(1), CreateObject{1, object, kUnit}, out_);
    store_.Free(Local(1), object.id, out_);
  }
  EXPECT_EQ(store_.Find(put.id), nullptr);
  ASSERT_TRUE(Has(1)) << "its task may still be writing";
  EXPECT_FALSE(store_.Seal(Local(1).worker, result.id, out_));
  EXPECT_FALSE(Has(1));
}

TEST_F(ObjectStoreTest, OnlyTheWriterSeals) {
  Create(1, 2);
  EXPECT_FALSE(store_.Seal(Local(2).worker, Object(1), out_));
  EXPECT_EQ(store_.Find(Object(1))->state, ObjectState::kWriting);
}

TEST_F(ObjectStoreTest, CreatingWhatExistsIsAnErrorAndMakesItPrimary) {
  Pull(1, 2);
  Create(1, 2);
  EXPECT_EQ(LastError().kind, ErrorKind::kInvalid);
  EXPECT_THAT(LastError().message, HasSubstr("exists already"));
  EXPECT_TRUE(store_.Find(Object(1))->primary);
}

TEST_F(ObjectStoreTest, FreesWhatAnAttemptOfAGeneratorSealedUnheard) {
  const auto item = [](std::uint32_t index) { return ObjectId{TaskId{9, 9}, index}; };
  const auto create = [&](ObjectId object, const Address& owner) {
    store_.Create(Local(1), CreateObject{1, {object, owner}, kUnit}, out_);
  };
  const ObjectId put{TaskId{9, 9}, ObjectId::kFirstPut};
  for (const ObjectId object : {item(1), item(2), item(3), put}) {
    create(object, Remote(70));
    store_.Seal(Local(1).worker, object, out_);
  }
  // The next attempt is at work already.
  create(item(4), Remote(70));
  create(item(5), Remote(71));
  store_.Seal(Local(1).worker, item(5), out_);
  store_.FreeItems(Remote(70), item(2), out_);
  for (const ObjectId kept : {item(1), item(4), item(5), put}) {
    EXPECT_NE(store_.Find(kept), nullptr) << kept.index;
  }
  for (const ObjectId freed : {item(2), item(3)}) {
    EXPECT_EQ(store_.Find(freed), nullptr) << freed.index;
  }
}

TEST_F(ObjectStoreTest, WaitsInOrderUntilThereIsRoom) {
  Put(1, 6);
  Create(2, 6);
  Create(3, 1);
  EXPECT_THAT(out_.Take(), IsEmpty()) << "the small one does not overtake";
  store_.Free(Remote(70), Object(1), out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(1), ObjectCreated{2, Object(2), 0, {}}},
                                       Sent{Local(1), ObjectCreated{3, Object(3), 6 * kUnit, {}}}));
}

TEST_F(ObjectStoreTest, GivesUpWaitingWithSizesAndAdvice) {
  Put(1, 9);
  Create(2, 6);
  Create(3, 1);
  ASSERT_EQ(out_.create_timers.size(), 2u);
  EXPECT_EQ(out_.create_timers[0].delay, Seconds(10));
  store_.HandleCreateTimer(out_.create_timers[0].key, out_);
  const auto sent = out_.Take();
  ASSERT_EQ(sent.size(), 2u) << "the next in line is served";
  const auto& failed = std::get<ObjectCreated>(sent[0].message);
  EXPECT_EQ(failed.error.kind, ErrorKind::kObjectStoreFull);
  EXPECT_THAT(failed.error.message, HasSubstr("of 384 bytes"));
  EXPECT_THAT(failed.error.message, HasSubstr("capacity 640 bytes, in use 576"));
  EXPECT_THAT(failed.error.message, HasSubstr("Drop references"));
  EXPECT_TRUE(std::get<ObjectCreated>(sent[1].message).error.Ok());
  store_.HandleCreateTimer(out_.create_timers[1].key, out_);
  EXPECT_THAT(out_.Take(), IsEmpty()) << "a timer of a create that was served";
}

TEST_F(ObjectStoreTest, RefusesAtOnceWhatNeverCouldFit) {
  Create(1, 11);
  EXPECT_EQ(LastError().kind, ErrorKind::kObjectStoreFull);
  EXPECT_THAT(LastError().message, HasSubstr("larger than the whole store"));
  EXPECT_THAT(out_.create_timers, IsEmpty());
}

TEST_F(ObjectStoreTest, FreeWaitsForTheLastPin) {
  Put(1, 2);
  store_.Pin(Local(2).worker, Object(1));
  store_.Pin(Local(2).worker, Object(1));
  store_.Free(Remote(70), Object(1), out_);
  store_.Release(Local(2).worker, Object(1), out_);
  EXPECT_TRUE(Has(1));
  store_.Release(Local(2).worker, Object(1), out_);
  EXPECT_FALSE(Has(1));
}

TEST_F(ObjectStoreTest, FreeBeforeTheSealTakesEffectAfterIt) {
  Create(1, 2);
  store_.Free(Remote(70), Object(1), out_);
  EXPECT_TRUE(Has(1)) << "a process still writes there";
  EXPECT_FALSE(store_.Seal(Local(1).worker, Object(1), out_));
  EXPECT_FALSE(Has(1));
}

TEST_F(ObjectStoreTest, OnlyTheOwnerFrees) {
  Put(1, 2);
  store_.Free(Remote(71), Object(1), out_);
  EXPECT_TRUE(Has(1));
}

TEST_F(ObjectStoreTest, EvictsTheLeastRecentlyUsedCopyAndTellsItsOwner) {
  Pull(1, 4);
  Pull(2, 4);
  store_.Touch(Object(1));
  Create(3, 4);
  EXPECT_THAT(out_.Take(),
              ElementsAre(Sent{Remote(70), ObjectLocationChanged{Object(2), kSelf, false}},
                          Sent{Local(1), ObjectCreated{3, Object(3), 4 * kUnit, {}}}));
  EXPECT_TRUE(Has(1));
}

TEST_F(ObjectStoreTest, DoesNotEvictPrimaryOrPinnedCopies) {
  Put(1, 4);
  Pull(2, 4);
  store_.Pin(Local(2).worker, Object(2));
  Create(3, 4);
  EXPECT_THAT(out_.Take(), IsEmpty());
  store_.Release(Local(2).worker, Object(2), out_);
  EXPECT_TRUE(Has(3));
  EXPECT_FALSE(Has(2));
}

TEST_F(ObjectStoreTest, EvictsNothingWhenThatWouldNotHelp) {
  Put(1, 8);
  Pull(2, 1);
  Create(3, 4);
  EXPECT_TRUE(Has(2));
  EXPECT_FALSE(Has(3));
}

TEST_F(ObjectStoreTest, ADeadClientGivesBackItsPinsBuffersAndPlaceInLine) {
  Put(1, 4);
  store_.Pin(Local(2).worker, Object(1));
  store_.Free(Remote(70), Object(1), out_);
  Create(2, 4, Local(2));
  Create(3, 10, Local(2));
  Create(4, 10, Local(3));
  out_.Take();
  store_.HandleClientDied(Local(2).worker, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(3), ObjectCreated{4, Object(4), 0, {}}}));
}

TEST_F(ObjectStoreTest, ObjectsOfADeadOwnerGoOnceTheyAreUnpinned) {
  Put(1, 1);
  Put(2, 1);
  store_.Pin(Local(2).worker, Object(2));
  store_.HandleOwnerDied(Remote(70).worker, out_);
  EXPECT_FALSE(Has(1));
  EXPECT_TRUE(Has(2));
  store_.Release(Local(2).worker, Object(2), out_);
  EXPECT_FALSE(Has(2));
}

TEST_F(ObjectStoreTest, WhatADeadOwnerWouldOwnIsNotMadeWhenThereIsRoom) {
  Put(1, 6);
  Create(2, 6);
  store_.HandleOwnerDied(Remote(70).worker, out_);
  EXPECT_EQ(LastError().kind, ErrorKind::kOwnerDied);
  EXPECT_FALSE(Has(2));
}

TEST_F(ObjectStoreTest, AnIdOfAnotherOwnerIsCreatedAfreshBesideTheOldBuffer) {
  Put(1, 2);
  store_.Pin(Local(2).worker, Object(1));
  store_.Create(Local(3), CreateObject{9, Ref(1, Remote(71)), 2 * kUnit}, out_);
  EXPECT_THAT(out_.Take(), ElementsAre(Sent{Local(3), ObjectCreated{9, Object(1), 2 * kUnit, {}}}));
  store_.CheckInvariants();
  store_.Seal(Local(3).worker, Object(1), out_);
  store_.Free(Remote(70), Object(1), out_);
  EXPECT_TRUE(Has(1)) << "the old owner has no say any more";
  store_.Release(Local(2).worker, Object(1), out_);
  store_.Free(Remote(71), Object(1), out_);
  EXPECT_FALSE(Has(1));
  store_.DiscardFree(10 * kUnit, out_);
  EXPECT_THAT(out_.discarded, ElementsAre(std::pair(0u, 10 * kUnit))) << "nothing is left behind";
}

TEST_F(ObjectStoreTest, DiscardsOnlyLargeFreeRanges) {
  Put(1, 1);
  Put(2, 1);
  Put(3, 1);
  store_.Free(Remote(70), Object(2), out_);
  store_.DiscardFree(2 * kUnit, out_);
  EXPECT_THAT(out_.discarded, ElementsAre(std::pair(3 * kUnit, 7 * kUnit)));
}

}  // namespace
}  // namespace mobula::object_store
