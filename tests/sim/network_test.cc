// SPDX-License-Identifier: Apache-2.0
// When things arrive: latency, bandwidth, order, and links that are down.
#include "sim/network.h"

namespace mobula::sim {
namespace {

constexpr Instant kStart{1'000'000};

Timing Exact() {
  Timing timing;
  timing.link_latency = Microseconds(100);
  timing.link_bytes_per_second = 1e9;
  timing.jitter = 0;
  return timing;
}

TEST(Network, TakesTheLatencyAndTheBytes) {
  Network network(Exact(), Rng(1));
  EXPECT_EQ(network.SendMessage(kStart, 0, 1, 1000), kStart + Microseconds(101));
}

TEST(Network, QueuesForTheBandwidthOfOneDirection) {
  Network network(Exact(), Rng(1));
  EXPECT_EQ(network.SendChunk(kStart, 0, 1, 1'000'000), kStart + Microseconds(1100));
  EXPECT_EQ(network.SendChunk(kStart, 0, 1, 1'000'000), kStart + Microseconds(2100));
  EXPECT_EQ(network.SendChunk(kStart, 1, 0, 1'000'000), kStart + Microseconds(1100));
}

TEST(Network, LetsMessagesOvertakeChunks) {
  Network network(Exact(), Rng(1));
  network.SendChunk(kStart, 0, 1, 1'000'000);
  EXPECT_EQ(network.SendMessage(kStart, 0, 1, 0), kStart + Microseconds(100));
}

TEST(Network, KeepsTheOrderOfMessagesInSpiteOfJitter) {
  Timing timing = Exact();
  timing.jitter = 5;
  Network network(timing, Rng(3));
  Instant last;
  for (int i = 0; i < 200; ++i) {
    const Instant arrival = *network.SendMessage(kStart + Microseconds(i), 0, 1, 10);
    ASSERT_GE(arrival, last);
    last = arrival;
  }
}

TEST(Network, LosesWhatIsSentOverALinkThatIsDown) {
  Network network(Exact(), Rng(1));
  network.SetUp(0, 1, false);
  EXPECT_FALSE(network.SendMessage(kStart, 0, 1, 10));
  EXPECT_FALSE(network.SendChunk(kStart, 1, 0, 10));
  EXPECT_TRUE(network.SendMessage(kStart, 0, 2, 10));
  network.SetUp(1, 0, true);
  EXPECT_TRUE(network.SendMessage(kStart, 0, 1, 10));
}

TEST(Network, GivesEveryLinkItsOwnRandomness) {
  Timing timing = Exact();
  timing.jitter = 0.5;
  Network alone(timing, Rng(9));
  Network busy(timing, Rng(9));
  for (int i = 0; i < 10; ++i) busy.SendMessage(kStart, 0, 2, 10);
  EXPECT_EQ(alone.SendMessage(kStart, 0, 1, 10), busy.SendMessage(kStart, 0, 1, 10));
}

TEST(Network, RemembersWhoTalked) {
  Network network(Exact(), Rng(1));
  EXPECT_FALSE(network.HaveTalked(0, 1));
  network.SendMessage(kStart, 1, 0, 10);
  EXPECT_TRUE(network.HaveTalked(0, 1));
  network.Forget(1);
  EXPECT_FALSE(network.HaveTalked(0, 1));
}

}  // namespace
}  // namespace mobula::sim
