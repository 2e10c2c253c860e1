// SPDX-License-Identifier: Apache-2.0
// Goal: whatever order messages, deaths, refusals, removals and restarts of the GCS come in, no
// bundle is reserved twice and none is left behind, and what has room is created in the end.
// Method: a model of the raylets, driven from a seed; their messages are lost while the GCS is
// down.
#include <deque>
#include <set>
#include <tuple>

#include "runtime/base/rng.h"
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

class PlacementGroupRandomTest : public ActorTest {
 protected:
  static constexpr std::int64_t kCpus = 4;
  using Key = std::tuple<PlacementGroupId, std::uint32_t, std::uint64_t>;
  struct Bundle {
    ResourceSet resources;
    bool committed = false;
  };
  struct Raylet {
    std::map<Key, Bundle> bundles;
    /// From the GCS, and to it.
    std::deque<Message> in;
    std::deque<Message> out;
    std::uint64_t version = 0;

    [[nodiscard]] ResourceSet Available() const {
      ResourceSet free = ResourceSet::Of({{"CPU", kCpus}});
      for (const auto& [key, bundle] : bundles) free.Subtract(bundle.resources);
      return free;
    }
  };

  /// What the GCS has said goes to the raylets it is for.
  void Collect() {
    for (Send& send : sent) {
      const auto raylet = raylets.find(send.target.node.high);
      if (send.target.IsDaemon() && raylet != raylets.end())
        raylet->second.in.push_back(std::move(send.message));
    }
    sent.clear();
  }
  void Tell(const Address& source, Message message) {
    Say(source, std::move(message));
    Collect();
  }
  void AddRaylet() {
    const std::uint64_t node = next_node++;
    raylets[node];
    Tell(Daemon(node), Registration(node, static_cast<double>(kCpus)));
  }
  void KillRaylet(std::uint64_t node) {
    raylets.erase(node);
    Tell(Daemon(node), UnregisterNode{NodeNumber(node), "unplugged"});
  }

  // What a raylet does with a message of the GCS.
  static void Hear(Raylet& raylet, const PrepareBundles& message) {
    ResourceSet need;
    for (const BundleRequest& bundle : message.bundles) {
      if (!raylet.bundles.contains({message.group, bundle.index, message.attempt}))
        need.Add(bundle.resources);
    }
    const bool ok = raylet.Available().Covers(need);
    for (const BundleRequest& bundle : message.bundles) {
      if (ok)
        raylet.bundles.try_emplace({message.group, bundle.index, message.attempt},
                                   Bundle{bundle.resources, false});
    }
    raylet.out.push_back(BundlesPrepared{message.group, message.attempt, ok});
  }
  static void Hear(Raylet& raylet, const CommitBundles& message) {
    for (auto& [key, bundle] : raylet.bundles) {
      if (std::get<0>(key) == message.group && std::get<2>(key) == message.attempt)
        bundle.committed = true;
    }
    raylet.out.push_back(BundlesCommitted{message.group, message.attempt});
  }
  static void Hear(Raylet& raylet, const ReturnBundles& message) {
    std::erase_if(raylet.bundles, [&](const auto& entry) {
      const auto& [group, index, attempt] = entry.first;
      return group == message.group && (message.attempt == 0 || message.attempt == attempt);
    });
  }
  static void Hear(Raylet& raylet, const GcsRestarted&) {
    // The number is that of the node, which the caller fills in.
    RegisterNode message;
    message.returning = true;
    for (const auto& [key, bundle] : raylet.bundles) {
      const auto& [group, index, attempt] = key;
      message.bundles.push_back({group, index, attempt, bundle.committed});
    }
    raylet.out.push_back(std::move(message));
  }
  template <class Other>
  static void Hear(Raylet&, const Other&) {}

  void Receive(Raylet& raylet) {
    if (raylet.in.empty()) return;
    const Message message = std::move(raylet.in.front());
    raylet.in.pop_front();
    std::visit([&](const auto& body) { Hear(raylet, body); }, message);
  }
  void Speak(std::uint64_t node, Raylet& raylet) {
    if (raylet.out.empty()) return;
    Message message = std::move(raylet.out.front());
    raylet.out.pop_front();
    if (auto* registration = std::get_if<RegisterNode>(&message)) {
      registration->info = Registration(node, static_cast<double>(kCpus)).info;
      registration->processes = {kDriver.worker};
    }
    Tell(Daemon(node), std::move(message));
  }
  /// Some time passes, in which everybody reports.
  void Pass() {
    now = now + Milliseconds(30);
    for (auto& [node, raylet] : raylets)
      Tell(Daemon(node), NodeReport{NodeNumber(node), ++raylet.version, raylet.Available(), {}});
    FireTimers();
    Collect();
  }
  void Crash() {
    for (auto& [node, raylet] : raylets) raylet.out.clear();
    Restart();
    Collect();
  }
  Raylet& Pick(std::uint64_t& node) {
    auto chosen = raylets.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(rng->Below(raylets.size())));
    node = chosen->first;
    return chosen->second;
  }
  void Make() {
    PlacementGroupSpec spec;
    spec.group = PlacementGroupId{next_group++, 7};
    spec.job = job;
    spec.strategy = static_cast<PlacementStrategy>(rng->Below(4));
    const std::uint64_t bundles = 1 + rng->Below(3);
    // Each bundle fits anywhere, and all of a strict pack together.
    const std::uint64_t most = spec.strategy == PlacementStrategy::kStrictPack ? 1 : 2;
    for (std::uint64_t i = 0; i < bundles; ++i) {
      spec.bundles.push_back(ResourceSet::Of({{"CPU", static_cast<double>(1 + rng->Below(most))}}));
    }
    Tell(kDriver, CreatePlacementGroup{9, spec});
  }
  void Step() {
    std::uint64_t node = 0;
    Raylet& raylet = Pick(node);
    const std::uint64_t choice = rng->Below(100);
    if (choice < 35) return Receive(raylet);
    if (choice < 70) return Speak(node, raylet);
    if (choice < 80) return Pass();
    if (choice < 88) return Make();
    if (choice < 94) {
      return Tell(kDriver,
                  RemovePlacementGroup{9, PlacementGroupId{1 + rng->Below(next_group), 7}});
    }
    if (choice < 96) return AddRaylet();
    if (choice < 98) return Crash();
    // The driver lives on the first node.
    if (node != 1 && raylets.size() > 3) KillRaylet(node);
  }
  void Settle() {
    for (int round = 0; round < 40; ++round) {
      for (auto& [node, raylet] : raylets) {
        while (!raylet.in.empty()) Receive(raylet);
        while (!raylet.out.empty()) Speak(node, raylet);
      }
      Pass();
    }
  }
  void Check() const {
    std::set<Key> expected;
    for (const PlacementGroupView& view : gcs.PlacementGroups()) {
      for (std::uint32_t i = 0; i < view.bundles.size(); ++i) {
        const BundlePlacement& bundle = view.bundles[i];
        if (bundle.phase == BundlePhase::kUnplaced) continue;
        ASSERT_EQ(bundle.phase, BundlePhase::kCommitted) << ToString(view);
        const Key key{view.spec.group, i, bundle.attempt};
        ASSERT_TRUE(expected.insert(key).second);
        const auto& held = raylets.at(bundle.node.high).bundles;
        ASSERT_TRUE(held.contains(key) && held.at(key).committed) << ToString(view);
      }
    }
    for (const auto& [node, raylet] : raylets) {
      for (const auto& [key, bundle] : raylet.bundles) {
        const auto& [group, index, attempt] = key;
        EXPECT_EQ(expected.erase(key), 1u)
            << "node " << node << " still holds bundle " << index << " of group " << group.high
            << ", of attempt " << attempt << (bundle.committed ? ", committed" : "");
      }
    }
  }
  /// With room for all, all that was not removed is created.
  void ExpectAllCreated() {
    for (int i = 0; i < 80; ++i) AddRaylet();
    Settle();
    for (const PlacementGroupView& view : gcs.PlacementGroups()) {
      const bool done = view.state == PlacementGroupState::kCreated ||
                        view.state == PlacementGroupState::kRemoved;
      EXPECT_TRUE(done) << ToString(view);
    }
    Check();
  }

  std::map<std::uint64_t, Raylet> raylets = {{1, {}}, {2, {}}, {3, {}}};
  std::uint64_t next_node = 4;
  std::uint64_t next_group = 1;
  std::optional<Rng> rng;
};

class PlacementGroupSeeds : public PlacementGroupRandomTest,
                            public testing::WithParamInterface<std::uint64_t> {};

TEST_P(PlacementGroupSeeds, NothingIsReservedTwiceOrLeftBehind) {
  rng.emplace(GetParam());
  for (int i = 0; i < 400; ++i) Step();
  Settle();
  Check();
  if (HasFatalFailure()) return;
  ExpectAllCreated();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlacementGroupSeeds, testing::Range<std::uint64_t>(1, 61));

}  // namespace
}  // namespace mobula::gcs
