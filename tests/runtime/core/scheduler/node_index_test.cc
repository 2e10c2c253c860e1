// SPDX-License-Identifier: Apache-2.0
// Goal: the tree finds the node that a look at each would find. Method: random views that change,
// random searches, and a scan that says what is right.
#include "runtime/core/scheduler/node_index.h"

#include <gtest/gtest.h>

#include <tuple>

#include "runtime/base/rng.h"
#include "runtime/core/scheduler/cluster_view.h"
#include "tests/runtime/core/scheduler/view_fixture.h"

namespace mobula::scheduler {
namespace {

const NodeEntry* Scan(const ClusterView& view, const NodeSearch& search) {
  const auto& nodes = view.Nodes();
  const NodeEntry* best = nullptr;
  std::pair<bool, double> best_score;
  for (std::size_t turn = 0; turn < nodes.size(); ++turn) {
    const NodeEntry& entry = nodes[(search.first + turn) % nodes.size()];
    const bool free = search.in == NodeSearch::In::kAvailable;
    if (!(free ? entry.Available() : entry.Total()).Covers(search.need)) continue;
    const double used = entry.Utilisation();
    const std::pair score(search.spares_gpus && entry.HasGpus(),
                          used < search.threshold ? 0 : used);
    if (best == nullptr || score < best_score) best = &entry, best_score = score;
  }
  return best;
}

class NodeIndexTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  ResourceSet RandomSet(std::int64_t most) {
    ResourceSet set;
    set.SetUnits("CPU", Below(most));
    if (rng_.Below(3) == 0) set.SetUnits("GPU", Below(most));
    if (rng_.Below(3) == 0) set.SetUnits("memory", Below(most));
    if (rng_.Below(8) == 0) set.SetUnits("special" + std::to_string(rng_.Below(100)), Below(most));
    return set;
  }
  ResourceSet PartOf(const ResourceSet& total) {
    ResourceSet part;
    for (const auto& [name, amount] : total.units) part.SetUnits(name, Below(amount + 1));
    return part;
  }
  std::int64_t Below(std::int64_t most) {
    return static_cast<std::int64_t>(rng_.Below(static_cast<std::uint64_t>(most)));
  }
  void ChangeSomething() {
    const std::uint64_t number = 1 + rng_.Below(kNodes);
    const ResourceSet total = RandomSet(8);
    if (number == kOwn) {
      const ResourceSet some = PartOf(view_.Self().Total());
      rng_.Below(2) == 0 && view_.Self().Available().Covers(some) ? view_.AcquireLocal(some)
                                                                  : view_.ResumeLocal({});
    } else if (rng_.Below(20) == 0) {
      Apply(Dead(number));
    } else if (rng_.Below(3) == 0 && view_.Find(Node(number)) != nullptr) {
      view_.Debit(Node(number), RandomSet(3));
    } else {
      Apply(Told(number, total, PartOf(total), ++version_));
    }
  }
  void Apply(NodeView told) { view_.Apply({std::move(told)}); }

  static constexpr std::uint64_t kNodes = 100;
  static constexpr std::uint64_t kOwn = 50;
  Rng rng_{GetParam()};
  ClusterView view_{Info(kOwn, ResourceSet::Of({{"CPU", 1}, {"GPU", 1}}))};
  std::uint64_t version_ = 0;
};

TEST_P(NodeIndexTest, FindsWhatAScanFinds) {
  std::size_t found = 0;
  for (int round = 0; round < 400; ++round) {
    for (std::uint64_t change = rng_.Below(6); change > 0; --change) ChangeSomething();
    const ResourceSet need = RandomSet(6);
    NodeSearch search{need};
    search.in = rng_.Below(3) == 0 ? NodeSearch::In::kTotal : NodeSearch::In::kAvailable;
    search.first = rng_.Below(view_.Nodes().size());
    search.threshold = static_cast<double>(rng_.Below(5)) / 4;
    search.spares_gpus = rng_.Below(2) == 0;
    const NodeEntry* expected = Scan(view_, search);
    ASSERT_EQ(view_.Find(search), expected) << "round " << round;
    found += expected != nullptr ? 1 : 0;
  }
  EXPECT_GT(found, 100u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NodeIndexTest, testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace mobula::scheduler
