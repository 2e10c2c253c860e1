// SPDX-License-Identifier: Apache-2.0
// The order of the event queue, against a stable sort.
#include "sim/event_queue.h"

#include "runtime/base/rng.h"

namespace mobula::sim {
namespace {

TEST(EventQueue, GivesWhatIsDueFirst) {
  EventQueue<std::string> queue;
  queue.Push(Instant{30}, "c");
  queue.Push(Instant{10}, "a");
  queue.Push(Instant{20}, "b");
  EXPECT_EQ(queue.NextTime(), Instant{10});
  EXPECT_EQ(queue.Pop(), "a");
  EXPECT_EQ(queue.Pop(), "b");
  EXPECT_EQ(queue.Pop(), "c");
  EXPECT_TRUE(queue.IsEmpty());
}

TEST(EventQueue, BreaksTiesByTheOrderOfPushes) {
  Rng rng(7);
  EventQueue<int> queue;
  std::vector<std::pair<Instant, int>> expected;
  for (int i = 0; i < 1000; ++i) {
    const Instant at{static_cast<std::int64_t>(rng.Below(20))};
    queue.Push(at, i);
    expected.emplace_back(at, i);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [at, item] : expected) {
    ASSERT_EQ(queue.NextTime(), at);
    ASSERT_EQ(queue.Pop(), item);
  }
}

TEST(EventQueue, ReusesTheSlotsOfWhatWasTaken) {
  EventQueue<int> queue;
  for (int i = 0; i < 100; ++i) {
    queue.Push(Instant{2 * i}, i);
    queue.Push(Instant{2 * i + 1}, -i);
    ASSERT_EQ(queue.Pop(), i);
    ASSERT_EQ(queue.Pop(), -i);
  }
  EXPECT_EQ(queue.Size(), 0u);
}

}  // namespace
}  // namespace mobula::sim
