// SPDX-License-Identifier: Apache-2.0
// When things arrive: latency, bandwidth, order, and what faults do to them.
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
  EXPECT_EQ(network.SendMessage(kStart, 0, 1, 1000).first, kStart + Microseconds(101));
}

TEST(Network, QueuesForTheBandwidthOfOneDirection) {
  Network network(Exact(), Rng(1));
  EXPECT_EQ(network.SendChunk(kStart, 0, 1, 1'000'000).first, kStart + Microseconds(1100));
  EXPECT_EQ(network.SendChunk(kStart, 0, 1, 1'000'000).first, kStart + Microseconds(2100));
  EXPECT_EQ(network.SendChunk(kStart, 1, 0, 1'000'000).first, kStart + Microseconds(1100));
}

TEST(Network, LetsMessagesOvertakeChunks) {
  Network network(Exact(), Rng(1));
  network.SendChunk(kStart, 0, 1, 1'000'000);
  EXPECT_EQ(network.SendMessage(kStart, 0, 1, 0).first, kStart + Microseconds(100));
}

TEST(Network, KeepsTheOrderOfMessagesInSpiteOfJitter) {
  Timing timing = Exact();
  timing.jitter = 5;
  Network network(timing, Rng(3));
  Instant last;
  for (int i = 0; i < 200; ++i) {
    const Instant arrival = *network.SendMessage(kStart + Microseconds(i), 0, 1, 10).first;
    ASSERT_GE(arrival, last);
    last = arrival;
  }
}

faults::LinkFault FaultBetween(const std::string& from, const std::string& to) {
  faults::LinkFault fault;
  fault.from = {from};
  fault.to = {to};
  return fault;
}

TEST(Network, LosesWhatIsSentAcrossAPartition) {
  Network network(Exact(), Rng(1));
  faults::Partition partition;
  partition.a = {"n1"};
  partition.b = {"n2"};
  partition.one_way = true;
  network.Add(1, partition);
  EXPECT_FALSE(network.SendMessage(kStart, 0, 1, 10).first);
  EXPECT_FALSE(network.SendChunk(kStart, 0, 1, 10).first);
  EXPECT_TRUE(network.SendMessage(kStart, 1, 0, 10).first) << "it is one-way";
  EXPECT_TRUE(network.SendMessage(kStart, 0, 2, 10).first);
  partition.one_way = false;
  network.Add(2, partition);
  EXPECT_FALSE(network.SendMessage(kStart, 1, 0, 10).first);
  network.Remove(2);
  network.Remove(1);
  EXPECT_TRUE(network.SendMessage(kStart, 0, 1, 10).first);
}

TEST(Network, LosesRepeatsAndDelaysAsOftenAsAFaultSays) {
  Network network(Exact(), Rng(1));
  faults::LinkFault fault = FaultBetween("n1", "n2");
  fault.loss = 0.25;
  fault.duplicate = 0.5;
  fault.delay = Milliseconds(3);
  network.Add(1, fault);
  int lost = 0;
  int twice = 0;
  for (int i = 0; i < 4000; ++i) {
    const Arrivals arrivals = network.SendMessage(kStart, 0, 1, 0);
    lost += !arrivals.first;
    twice += arrivals.again.has_value();
    if (arrivals.first) {
      EXPECT_EQ(*arrivals.first, kStart + Microseconds(3100));
    }
  }
  EXPECT_NEAR(lost, 1000, 100);
  EXPECT_NEAR(twice, 1500, 120);
}

TEST(Network, LetsMessagesOvertakeOneThatIsReordered) {
  Network network(Exact(), Rng(1));
  faults::LinkFault fault = FaultBetween("n1", "n2");
  fault.reorder = 1;
  fault.reorder_by = Milliseconds(50);
  network.Add(1, fault);
  const Instant late = *network.SendMessage(kStart, 0, 1, 0).first;
  EXPECT_GT(late, kStart + Microseconds(100));
  network.Remove(1);
  EXPECT_LT(*network.SendMessage(kStart, 0, 1, 0).first, late);
}

TEST(Network, NarrowsALink) {
  Network network(Exact(), Rng(1));
  faults::LinkFault fault = FaultBetween("n1", "n2");
  fault.bytes_per_second = 1e6;
  network.Add(1, fault);
  EXPECT_EQ(network.SendChunk(kStart, 0, 1, 1000).first, kStart + Microseconds(1100));
  EXPECT_EQ(network.SendChunk(kStart, 0, 2, 1000).first, kStart + Microseconds(101));
}

TEST(Network, DoesNotReshuffleWhenAnotherFaultIsTakenAway) {
  const auto losses = [](bool with_other) {
    Network network(Exact(), Rng(5));
    if (with_other) {
      faults::LinkFault other = FaultBetween("n1", "n2");
      other.duplicate = 0.3;
      network.Add(1, other);
    }
    faults::LinkFault fault = FaultBetween("n1", "n2");
    fault.loss = 0.5;
    network.Add(2, fault);
    std::vector<bool> lost;
    for (int i = 0; i < 50; ++i) lost.push_back(!network.SendMessage(kStart, 0, 1, 0).first);
    return lost;
  };
  EXPECT_EQ(losses(true), losses(false));
}

TEST(Network, GivesEveryLinkItsOwnRandomness) {
  Timing timing = Exact();
  timing.jitter = 0.5;
  Network alone(timing, Rng(9));
  Network busy(timing, Rng(9));
  for (int i = 0; i < 10; ++i) busy.SendMessage(kStart, 0, 2, 10);
  EXPECT_EQ(alone.SendMessage(kStart, 0, 1, 10).first, busy.SendMessage(kStart, 0, 1, 10).first);
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
