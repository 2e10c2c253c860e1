// SPDX-License-Identifier: Apache-2.0
// Goal: the two worlds give the machines the same network. Method: one set of tests of the contract
// (order, exactly once, loss, broken connections, back-pressure, chunks), run on the simulated
// network and on gRPC behind the daemons' fault layer.
#include "tests/conformance/transport.h"

#include <algorithm>
#include <set>

namespace mobula::conformance {
namespace {

constexpr Duration kLong = Seconds(30);

struct World {
  const char* name;
  std::unique_ptr<Transport> (*make)(std::uint64_t, link::Options);
};

class TransportContract : public testing::TestWithParam<World> {
 protected:
  std::unique_ptr<Transport> Make(link::Options options = {}) {
    // Real time passes in one of the worlds.
    options.resend_min = Milliseconds(50);
    options.resend_max = Milliseconds(400);
    return GetParam().make(7, options);
  }
};

faults::LinkFault Everywhere() {
  faults::LinkFault fault;
  fault.from = fault.to = {"n1", "n2", "n3"};
  return fault;
}
faults::Partition Between(const std::string& a, const std::string& b) {
  faults::Partition partition;
  partition.a = {a};
  partition.b = {b};
  return partition;
}

/// What `target` has from `source`, as numbers in the order of their coming.
std::vector<std::uint64_t> NumbersOf(Transport& transport, NodeNumber source, NodeNumber target) {
  std::vector<std::uint64_t> numbers;
  for (const auto& arrival : transport.arrivals[target]) {
    if (arrival.source == source) numbers.push_back(arrival.number);
  }
  return numbers;
}
std::vector<std::uint64_t> UpTo(std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 1; i <= count; ++i) numbers.push_back(i);
  return numbers;
}
bool HasBreak(Transport& transport, NodeNumber node, NodeNumber peer) {
  const auto& breaks = transport.breaks[node];
  return std::any_of(breaks.begin(), breaks.end(),
                     [&](const Break& one) { return one.peer == peer; });
}
bool HasRefusal(Transport& transport, NodeNumber node, NodeNumber peer) {
  const auto& breaks = transport.breaks[node];
  return std::any_of(breaks.begin(), breaks.end(),
                     [&](const Break& one) { return one.peer == peer && one.refused; });
}

/// Everybody sends to everybody, and all must come exactly once and in order; then the links are at
/// rest.
void ExpectExactlyOnceInOrder(Transport& transport, std::uint64_t count) {
  const auto for_each_direction = [](const auto& act) {
    for (NodeNumber source = 0; source < kNodes; ++source) {
      for (NodeNumber target = 0; target < kNodes; ++target) {
        if (source != target) act(source, target);
      }
    }
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    for_each_direction(
        [&](NodeNumber source, NodeNumber target) { transport.Send(source, target); });
    if (i % 10 == 0) transport.Run(Milliseconds(1));
  }
  const auto is_done = [&] {
    bool done = true;
    for_each_direction([&](NodeNumber source, NodeNumber target) {
      done = done && transport.Unacknowledged(source, target) == 0;
    });
    return done;
  };
  ASSERT_TRUE(transport.RunUntil(is_done, kLong));
  for_each_direction([&](NodeNumber source, NodeNumber target) {
    EXPECT_EQ(NumbersOf(transport, source, target), UpTo(count));
  });
}

TEST_P(TransportContract, DeliversExactlyOnceAndInOrder) { ExpectExactlyOnceInOrder(*Make(), 100); }

TEST_P(TransportContract, MakesGoodForLoss) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.loss = 0.3;
  transport->Begin(1, fault);
  ExpectExactlyOnceInOrder(*transport, 60);
  EXPECT_GT(transport->frames.at({0, 1}), 60u) << "something was repeated";
}

TEST_P(TransportContract, DropsRepetitions) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.duplicate = 0.7;
  transport->Begin(1, fault);
  ExpectExactlyOnceInOrder(*transport, 60);
}

TEST_P(TransportContract, PutsInOrderWhatTheNetworkReorders) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.reorder = 0.5;
  fault.reorder_by = Milliseconds(20);
  transport->Begin(1, fault);
  ExpectExactlyOnceInOrder(*transport, 60);
}

TEST_P(TransportContract, StandsAllOfItAtOnce) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.loss = fault.duplicate = fault.reorder = 0.2;
  fault.delay = Milliseconds(2);
  fault.jitter = Milliseconds(5);
  transport->Begin(1, fault);
  ExpectExactlyOnceInOrder(*transport, 60);
}

TEST_P(TransportContract, TakesAsLongAsALinkIsDelayed) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.delay = Milliseconds(100);
  transport->Begin(1, fault);
  const Instant start = transport->Now();
  transport->Send(0, 1);
  EXPECT_TRUE(transport->RunUntil([&] { return !transport->arrivals[1].empty(); }, kLong));
  EXPECT_GE(transport->Now(), start + fault.delay);
}

TEST_P(TransportContract, LetsNothingThroughAPartitionAndEverythingAfterwards) {
  const auto transport = Make();
  transport->Begin(1, Between("n1", "n2"));
  for (int i = 0; i < 20; ++i) {
    transport->Send(0, 1);
    transport->Send(1, 0);
    transport->Send(0, 2);
    transport->Send(2, 1);
  }
  transport->Run(Milliseconds(400));
  EXPECT_EQ(NumbersOf(*transport, 0, 1), UpTo(0));
  EXPECT_EQ(NumbersOf(*transport, 1, 0), UpTo(0));
  EXPECT_EQ(NumbersOf(*transport, 0, 2), UpTo(20)) << "n3 is a bridge";
  EXPECT_EQ(NumbersOf(*transport, 2, 1), UpTo(20));
  EXPECT_FALSE(HasBreak(*transport, 0, 1)) << "silence is no news";
  transport->End(1);
  ASSERT_TRUE(transport->RunUntil(
      [&] { return transport->Unacknowledged(0, 1) + transport->Unacknowledged(1, 0) == 0; },
      kLong));
  EXPECT_EQ(NumbersOf(*transport, 0, 1), UpTo(20));
  EXPECT_EQ(NumbersOf(*transport, 1, 0), UpTo(20));
}

TEST_P(TransportContract, CutsOneDirectionAlone) {
  const auto transport = Make();
  faults::Partition partition = Between("n1", "n2");
  partition.one_way = true;
  transport->Begin(1, partition);
  transport->Send(0, 1);
  transport->Send(1, 0);
  transport->Run(Milliseconds(700));
  EXPECT_EQ(NumbersOf(*transport, 0, 1), UpTo(0));
  EXPECT_EQ(NumbersOf(*transport, 1, 0), UpTo(1)) << "repeated for want of an answer, taken once";
  EXPECT_EQ(transport->Unacknowledged(1, 0), 1u) << "the acknowledgement is lost";
  transport->End(1);
  ASSERT_TRUE(transport->RunUntil(
      [&] { return transport->Unacknowledged(0, 1) + transport->Unacknowledged(1, 0) == 0; },
      kLong));
  EXPECT_EQ(NumbersOf(*transport, 0, 1), UpTo(1));
  EXPECT_EQ(NumbersOf(*transport, 1, 0), UpTo(1));
}

TEST_P(TransportContract, TellsThatAConnectionBroke) {
  const auto transport = Make();
  transport->Send(0, 1);
  ASSERT_TRUE(transport->RunUntil([&] { return transport->Unacknowledged(0, 1) == 0; }, kLong));
  transport->Crash(1, false);
  EXPECT_TRUE(transport->RunUntil([&] { return HasBreak(*transport, 0, 1); }, kLong));
  EXPECT_TRUE(transport->RunUntil([&] { return HasRefusal(*transport, 0, 1); }, kLong));
  EXPECT_FALSE(HasBreak(*transport, 0, 2));
}

TEST_P(TransportContract, TellsThatNobodyListens) {
  const auto transport = Make();
  transport->Crash(1, false);
  EXPECT_FALSE(HasBreak(*transport, 0, 1)) << "they have not talked";
  transport->Send(0, 1);
  EXPECT_TRUE(transport->RunUntil([&] { return HasRefusal(*transport, 0, 1); }, kLong));
}

TEST_P(TransportContract, TellsNothingOfASilentDeath) {
  const auto transport = Make();
  transport->Send(0, 1);
  ASSERT_TRUE(transport->RunUntil([&] { return transport->Unacknowledged(0, 1) == 0; }, kLong));
  transport->Crash(1, true);
  transport->Send(0, 1);
  transport->Run(Milliseconds(700));
  EXPECT_FALSE(HasBreak(*transport, 0, 1));
  EXPECT_EQ(transport->Unacknowledged(0, 1), 1u);
}

TEST_P(TransportContract, TellsNothingAcrossAPartition) {
  const auto transport = Make();
  transport->Send(0, 1);
  ASSERT_TRUE(transport->RunUntil([&] { return transport->Unacknowledged(0, 1) == 0; }, kLong));
  transport->Begin(1, Between("n1", "n2"));
  transport->Crash(1, false);
  transport->Send(0, 1);
  transport->Run(Milliseconds(500));
  EXPECT_FALSE(HasBreak(*transport, 0, 1));
}

TEST_P(TransportContract, SendsNoMoreThanTheWindowToWhoDoesNotAnswer) {
  link::Options options;
  options.window = 64;
  const auto transport = Make(options);
  transport->Begin(1, Between("n1", "n2"));
  for (int i = 0; i < 5000; ++i) transport->Send(0, 1);
  transport->Run(Milliseconds(900));
  // And some repetitions.
  EXPECT_LE(transport->frames.at({0, 1}), 2 * 64u);
  EXPECT_EQ(transport->Unacknowledged(0, 1), 5000u);
  transport->End(1);
  ASSERT_TRUE(transport->RunUntil([&] { return transport->Unacknowledged(0, 1) == 0; }, kLong));
  EXPECT_EQ(NumbersOf(*transport, 0, 1), UpTo(5000));
}

TEST_P(TransportContract, CarriesBigEnvelopes) {
  const auto transport = Make();
  std::string big(8 << 20, 'x');
  for (std::size_t i = 0; i < big.size(); i += 4096) big[i] = static_cast<char>(i >> 12);
  transport->Send(0, 1, big);
  transport->Send(0, 1, "small");
  ASSERT_TRUE(transport->RunUntil([&] { return transport->arrivals[1].size() == 2; }, kLong));
  EXPECT_TRUE(transport->arrivals[1][0].content == big);
  EXPECT_EQ(transport->arrivals[1][1].content, "small");
}

std::string ContentAt(std::uint64_t offset, std::size_t size) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    data[i] = static_cast<char>(MixBits(1, (offset + i) / 8) >> ((offset + i) % 8 * 8));
  }
  return data;
}

TEST_P(TransportContract, CarriesChunksWholeAndInOrder) {
  const auto transport = Make();
  constexpr std::size_t kSize = 256 << 10;
  constexpr std::size_t kCount = 40;
  for (std::size_t i = 0; i < kCount; ++i) {
    transport->SendChunk(0, 1, i * kSize, ContentAt(i * kSize, kSize));
  }
  ASSERT_TRUE(transport->RunUntil([&] { return transport->chunks[1].size() == kCount; }, kLong));
  for (std::size_t i = 0; i < kCount; ++i) {
    const Chunk& chunk = transport->chunks[1][i];
    EXPECT_EQ(chunk.offset, i * kSize);
    EXPECT_TRUE(chunk.data == ContentAt(chunk.offset, kSize)) << "chunk " << i;
  }
}

TEST_P(TransportContract, DamagesNoChunkThatItDelaysOrRepeats) {
  const auto transport = Make();
  constexpr std::size_t kSize = 64 << 10;
  constexpr std::size_t kCount = 50;
  faults::LinkFault fault = Everywhere();
  fault.duplicate = fault.reorder = 0.4;
  fault.reorder_by = Milliseconds(30);
  fault.loss = 0.1;
  transport->Begin(1, fault);
  std::set<std::uint64_t> missing;
  for (std::size_t i = 0; i < kCount; ++i) missing.insert(i * kSize);
  std::size_t seen = 0;
  const Instant start = transport->Now();
  // Who pulls an object asks again for what did not come.
  while (!missing.empty() && transport->Now() < start + kLong) {
    for (const std::uint64_t offset : missing) {
      transport->SendChunk(0, 1, offset, ContentAt(offset, kSize));
    }
    transport->Run(Milliseconds(100));
    for (; seen < transport->chunks[1].size(); ++seen) {
      const Chunk& chunk = transport->chunks[1][seen];
      EXPECT_TRUE(chunk.data == ContentAt(chunk.offset, kSize));
      missing.erase(chunk.offset);
    }
  }
  EXPECT_TRUE(missing.empty());
  EXPECT_GT(seen, kCount) << "some came twice";
}

TEST_P(TransportContract, MakesChunksQueueForANarrowLinkAndMessagesOvertakeThem) {
  const auto transport = Make();
  faults::LinkFault fault = Everywhere();
  fault.bytes_per_second = 4e5;
  transport->Begin(1, fault);
  const Instant start = transport->Now();
  for (std::size_t i = 0; i < 4; ++i) transport->SendChunk(0, 1, i, std::string(100'000, 'c'));
  transport->Send(0, 1);
  ASSERT_TRUE(transport->RunUntil([&] { return transport->arrivals[1].size() == 1; }, kLong));
  EXPECT_LT(transport->chunks[1].size(), 4u);
  EXPECT_TRUE(transport->RunUntil([&] { return transport->chunks[1].size() == 4; }, kLong));
  EXPECT_GE(transport->Now(), start + Seconds(1)) << "they take 250 ms each";
}

INSTANTIATE_TEST_SUITE_P(Worlds, TransportContract,
                         testing::Values(World{"Simulated", MakeSimTransport},
                                         World{"Real", MakeRealTransport}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace mobula::conformance
