// SPDX-License-Identifier: Apache-2.0
// Goal: over any network that heals, every envelope arrives exactly once and in order, and then all
// falls silent. Method: three machines, an event queue in virtual time, and a network that loses,
// repeats, delays and reorders frames and cuts nodes off, all from a seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "runtime/base/rng.h"
#include "runtime/core/link/link.h"

namespace mobula::link {
namespace {

constexpr std::size_t kNodes = 3;

NodeId NodeNumber(std::size_t index) { return NodeId{index + 1, 0}; }
std::size_t IndexOf(NodeId node) { return static_cast<std::size_t>(node.high - 1); }

struct Weather {
  double loss = 0;
  double repetition = 0;
  Duration delay_max = Milliseconds(1);
  /// This node hears and reaches nobody.
  std::optional<std::size_t> cut_off;
};

class Network {
 public:
  Network(std::uint64_t seed, Options options) : rng_(seed) {
    for (std::size_t i = 0; i < kNodes; ++i) links_.emplace_back(NodeNumber(i), options);
  }

  void Send(std::size_t source, std::size_t target) {
    const std::uint64_t number = ++sent_[{source, target}];
    Output out(*this, source);
    links_[source].Send(now_, NodeNumber(target),
                        {Address::Daemon(NodeNumber(source)), Address::Daemon(NodeNumber(target)),
                         ListNodes{number}},
                        out);
  }

  /// Works off what is due until then.
  void RunUntil(Instant end) {
    while (!queue_.empty() && std::get<0>(queue_.begin()->first) <= end) {
      const auto entry = queue_.extract(queue_.begin());
      now_ = std::get<0>(entry.key());
      Happen(entry.mapped());
    }
    now_ = end;
  }
  [[nodiscard]] bool IsSilent() const { return queue_.empty(); }
  [[nodiscard]] Instant Now() const { return now_; }
  Rng& Random() { return rng_; }
  [[nodiscard]] std::uint64_t Frames() const { return frames_; }
  [[nodiscard]] bool AllArrived() const { return sent_ == received_; }

  Weather weather;

 private:
  struct Happening {
    std::size_t node = 0;
    /// Of a frame; a timer of the peer otherwise.
    std::optional<Frame> frame;
    NodeId peer;
  };

  class Output final : public Sink {
   public:
    Output(Network& network, std::size_t node) : network_(network), node_(node) {}
    void SendFrame(const Frame& frame) override { network_.Transport(node_, frame); }
    void StartTimer(NodeId peer, Duration delay) override {
      ASSERT_GT(delay, Duration{});
      network_.At(network_.now_ + delay, {node_, std::nullopt, peer});
    }
    void Deliver(Envelope envelope) override {
      // Exactly once and in order: each number is one more than the last.
      const std::size_t source = IndexOf(envelope.source.node);
      ASSERT_EQ(std::get<ListNodes>(envelope.message).request,
                ++network_.received_[std::pair(source, node_)]);
    }

   private:
    Network& network_;
    std::size_t node_;
  };

  void At(Instant when, Happening what) {
    queue_.emplace(std::tuple(when, ++counter_), std::move(what));
  }

  void Transport(std::size_t source, const Frame& frame) {
    ++frames_;
    const std::size_t target = IndexOf(frame.target);
    if (weather.cut_off == source || weather.cut_off == target) return;
    int copies = rng_.Uniform() < weather.loss ? 0 : 1;
    if (rng_.Uniform() < weather.repetition) ++copies;
    for (; copies > 0; --copies) {
      const auto range = static_cast<std::uint64_t>(weather.delay_max.nanoseconds);
      At(now_ + Nanoseconds(static_cast<std::int64_t>(1 + rng_.Below(range))), {target, frame, {}});
    }
  }

  void Happen(const Happening& what) {
    Output out(*this, what.node);
    if (what.frame) {
      links_[what.node].HandleFrame(now_, *what.frame, out);
    } else {
      links_[what.node].HandleTimer(now_, what.peer, out);
    }
    links_[what.node].CheckInvariants();
  }

  Rng rng_;
  Instant now_;
  std::vector<Links> links_;
  std::map<std::tuple<Instant, std::uint64_t>, Happening> queue_;
  std::uint64_t counter_ = 0;
  std::uint64_t frames_ = 0;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> sent_;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> received_;
};

void SendAtRandom(Network& network, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t source = network.Random().Below(kNodes);
    network.Send(source, (source + 1 + network.Random().Below(kNodes - 1)) % kNodes);
  }
}

Weather BadWeather(Rng& rng) {
  Weather weather;
  weather.loss = rng.Uniform() * 0.6;
  weather.repetition = rng.Uniform() * 0.5;
  weather.delay_max = Milliseconds(static_cast<std::int64_t>(1 + rng.Below(800)));
  if (rng.Below(3) == 0) weather.cut_off = rng.Below(kNodes);
  return weather;
}

void RunStorm(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng choices = Rng(seed).Fork(1);
  Options options;
  options.window = static_cast<std::uint32_t>(1 + choices.Below(50));
  Network network(seed, options);
  for (int phase = 0; phase < 5; ++phase) {
    network.weather = BadWeather(choices);
    for (int burst = 0; burst < 10; ++burst) {
      SendAtRandom(network, choices.Below(20));
      network.RunUntil(network.Now() + Milliseconds(static_cast<std::int64_t>(choices.Below(300))));
    }
  }
  network.weather = Weather{};
  // The longest backoff passes, then windows of up to a thousand envelopes flow through one by one.
  network.RunUntil(network.Now() + Seconds(60));
  EXPECT_TRUE(network.AllArrived());
  EXPECT_TRUE(network.IsSilent());
}

TEST(LinkNetwork, DeliversExactlyOnceInOrderThroughAnyStorm) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    RunStorm(seed);
    if (HasFailure()) return;
  }
}

TEST(LinkNetwork, CostsLittleMoreThanTheEnvelopesInGoodWeather) {
  Network network(1, {});
  for (int i = 0; i < 100; ++i) {
    SendAtRandom(network, 10);
    network.RunUntil(network.Now() + Milliseconds(1));
  }
  network.RunUntil(network.Now() + Seconds(10));
  EXPECT_TRUE(network.AllArrived());
  EXPECT_LT(network.Frames(), 1050u);
}

TEST(LinkNetwork, RecoversFromAPartitionInAboutOneBackoff) {
  Network network(1, {});
  network.weather.cut_off = 0;
  for (int i = 0; i < 3000; ++i) network.Send(0, 1);
  network.RunUntil(network.Now() + Seconds(60));
  EXPECT_LT(network.Frames(), 3300u) << "a cut costs a handful of frames per backoff";
  network.weather = Weather{};
  network.RunUntil(network.Now() + Seconds(4));
  EXPECT_TRUE(network.AllArrived());
}

}  // namespace
}  // namespace mobula::link
