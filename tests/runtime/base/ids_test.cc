// SPDX-License-Identifier: Apache-2.0
// Goal: ids are derived, distinct, and survive their text form.
#include "runtime/base/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace mobula {
namespace {

TEST(Ids, SurviveTheirHexadecimalText) {
  const TaskId task = ChildTask(TaskId{1, 2}, 0, 3);
  EXPECT_EQ(task.Hex().size(), 32u);
  EXPECT_EQ(TaskId::FromHex(task.Hex()), task);
  EXPECT_EQ(task.Short(), task.Hex().substr(0, 8));
}

TEST(Ids, AreNilWhenTheTextIsNoId) {
  EXPECT_TRUE(TaskId::FromHex("").IsNil());
  EXPECT_TRUE(TaskId::FromHex("0123").IsNil());
  EXPECT_TRUE(TaskId::FromHex(std::string(32, 'g')).IsNil());
  EXPECT_TRUE(TaskId::FromHex(std::string(33, '1')).IsNil());
}

TEST(Ids, AreOrderedByValue) {
  EXPECT_LT((NodeId{0, 9}), (NodeId{1, 0}));
  EXPECT_LT((NodeId{1, 0}), (NodeId{1, 1}));
}

TEST(Ids, OfChildrenAreTheSameInEveryRunAndDifferBetweenAttempts) {
  const TaskId parent{5, 6};
  EXPECT_EQ(ChildTask(parent, 0, 1), ChildTask(parent, 0, 1));
  EXPECT_NE(ChildTask(parent, 0, 1), ChildTask(parent, 1, 1));
  EXPECT_NE(ChildTask(parent, 0, 1), ChildTask(parent, 0, 2));
}

TEST(Ids, OfManyDescendantsDoNotCollide) {
  std::set<TaskId> seen;
  std::size_t made = 0;
  for (std::uint64_t a = 0; a < 100; ++a) {
    const TaskId child = ChildTask(TaskId{0, 1}, 0, a);
    for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
      for (std::uint64_t b = 0; b < 100; ++b, ++made) seen.insert(ChildTask(child, attempt, b));
    }
  }
  EXPECT_EQ(seen.size(), made);
}

TEST(Ids, DeriveNeverGivesNil) {
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_FALSE(TaskId::Derive(TaskId{}, 0, i).IsNil());
}

TEST(ObjectIds, TellPutsFromReturns) {
  const TaskId task{1, 2};
  EXPECT_FALSE((ObjectId{task, 0}).IsPut());
  EXPECT_TRUE(PutObject(task, 0, 0).IsPut());
}

TEST(ObjectIds, OfPutsDifferBetweenAttempts) {
  const TaskId task{1, 2};
  EXPECT_EQ(PutObject(task, 0, 4).task, task);
  EXPECT_NE(PutObject(task, 0, 4), PutObject(task, 1, 4));
  EXPECT_EQ(PutObject(task, 1, 4), PutObject(task, 1, 4));
}

TEST(ObjectIds, SurviveTheirHexadecimalText) {
  const ObjectId object = PutObject(TaskId{1, 2}, 0, 77);
  EXPECT_EQ(object.Hex().size(), 40u);
  EXPECT_EQ(ObjectId::FromHex(object.Hex()), object);
  EXPECT_TRUE(ObjectId::FromHex("12").IsNil());
  EXPECT_TRUE(ObjectId::FromHex(std::string(40, 'x')).IsNil());
}

TEST(ObjectIds, SayWhatTheyAre) {
  std::ostringstream text;
  text << ObjectId{TaskId{0x1234567800000000, 0}, 1} << " "
       << PutObject(TaskId{0x1234567800000000, 0}, 0, 2);
  EXPECT_EQ(text.str(), "12345678/1 12345678/put2");
}

TEST(ActorIds, FollowFromTheCreationTask) {
  EXPECT_EQ(ActorOf(TaskId{1, 2}), ActorOf(TaskId{1, 2}));
  EXPECT_NE(ActorOf(TaskId{1, 2}), ActorOf(TaskId{1, 3}));
}

}  // namespace
}  // namespace mobula
