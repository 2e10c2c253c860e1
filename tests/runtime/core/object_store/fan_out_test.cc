// SPDX-License-Identifier: Apache-2.0
// Goal: so many peers get a large object at a time; the others are sent to them, by turns, until
// one has it all, is dead or asks no more.
#include "runtime/core/object_store/fan_out.h"

#include <gtest/gtest.h>

#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

const ObjectId kObject = Object(1);

class FanOutTest : public testing::Test {
 protected:
  /// Asks for half of the object.
  NodeId Ask(std::uint64_t peer, ObjectId object = kObject, std::uint64_t size = 200) {
    return fan_out_.Admit(now_, Node(peer), object, size, 100);
  }

  Instant now_;
  FanOut fan_out_{{.peers_max = 2, .bytes_min = 200}};
};

TEST_F(FanOutTest, SendsTheThirdToTheFirstTwoByTurns) {
  EXPECT_EQ(Ask(2), NodeId{});
  EXPECT_EQ(Ask(3), NodeId{});
  EXPECT_EQ(Ask(4), Node(2));
  EXPECT_EQ(Ask(5), Node(3));
  EXPECT_EQ(Ask(6), Node(2));
}

TEST_F(FanOutTest, WhoHasAllMakesRoomForAnother) {
  Ask(2);
  Ask(3);
  EXPECT_EQ(Ask(2), NodeId{});
  EXPECT_EQ(Ask(4), NodeId{});
  EXPECT_EQ(Ask(5), Node(3));
}

TEST_F(FanOutTest, TheDeadAndTheIdleMakeRoom) {
  Ask(2);
  now_ = now_ + Seconds(2);
  Ask(3);
  fan_out_.HandleNodeDied(Node(3));
  EXPECT_EQ(Ask(4), NodeId{});
  now_ = now_ + Seconds(2);
  EXPECT_EQ(Ask(5), NodeId{}) << "node 2 has not asked for four seconds";
  EXPECT_EQ(Ask(6), Node(4));
}

TEST_F(FanOutTest, SmallObjectsGoToEverybody) {
  for (std::uint64_t peer = 2; peer < 9; ++peer) EXPECT_EQ(Ask(peer, kObject, 199), NodeId{});
}

TEST_F(FanOutTest, EachObjectHasATreeOfItsOwn) {
  Ask(2);
  Ask(3);
  EXPECT_EQ(Ask(4, ObjectId{{0, 2}, 0}), NodeId{});
}

TEST_F(FanOutTest, ItCanBeSwitchedOff) {
  FanOut all({.peers_max = 0, .bytes_min = 0});
  for (std::uint64_t peer = 2; peer < 9; ++peer) {
    EXPECT_EQ(all.Admit(now_, Node(peer), kObject, 200, 100), NodeId{});
  }
}

}  // namespace
}  // namespace mobula::object_store
