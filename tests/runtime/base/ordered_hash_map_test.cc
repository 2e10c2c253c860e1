// SPDX-License-Identifier: Apache-2.0
// The map against std::map and a list of what was inserted, through random insertions and erasures.
#include "runtime/base/ordered_hash_map.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "runtime/base/rng.h"

namespace mobula {
namespace {

struct Clumsy {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key % 7); }
};

template <class Map>
void CompareWithModel(int keys, std::uint64_t seed) {
  Rng rng(seed);
  Map map;
  std::map<int, int> model;
  std::vector<int> order;
  for (int step = 0; step < 4000; ++step) {
    const int key = static_cast<int>(rng.Below(static_cast<std::uint64_t>(keys)));
    if (rng.Below(2) == 0) {
      const auto [entry, added] = map.try_emplace(key, step);
      EXPECT_EQ(added, model.emplace(key, step).second);
      EXPECT_EQ(entry->second, model.at(key));
      if (added) order.push_back(key);
    } else if (rng.Below(2) == 0) {
      EXPECT_EQ(map.erase(key), model.erase(key));
      std::erase(order, key);
    } else if (const auto found = map.find(key); found != map.end()) {
      map.erase(found);
      model.erase(key);
      std::erase(order, key);
    }
    ASSERT_EQ(map.size(), model.size());
    EXPECT_EQ(map.contains(key), model.contains(key));
  }
  std::vector<int> seen;
  for (const auto& [key, value] : map) {
    seen.push_back(key);
    EXPECT_EQ(value, model.at(key));
    EXPECT_EQ(map.at(key), value);
  }
  EXPECT_EQ(seen, order);
}

TEST(OrderedHashMap, BehavesAsAMapThatKeepsTheOrderOfInsertion) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CompareWithModel<OrderedHashMap<int, int>>(20, seed);
    CompareWithModel<OrderedHashMap<int, int>>(2000, seed);
  }
}

TEST(OrderedHashMap, SurvivesCollisions) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CompareWithModel<OrderedHashMap<int, int, Clumsy>>(200, seed);
  }
}

TEST(OrderedHashMap, KeepsReferencesValidWhileItGrows) {
  OrderedHashMap<int, std::string> map;
  std::string& first = map.try_emplace(1, "one").first->second;
  for (int key = 2; key < 1000; ++key) map.try_emplace(key, "more");
  EXPECT_EQ(&first, &map.at(1));
  EXPECT_EQ(first, "one");
}

TEST(OrderedHashMap, KeepsItsEntriesInBlocksOfAllSizes) {
  OrderedHashMap<int, int> map;
  for (int round = 0; round < 2; ++round) {
    for (int key = 0; key < 10'000; ++key) map.try_emplace(key, key + round);
    for (int key = 0; key < 10'000; key += 2) map.erase(key);
    int expected = 1;
    for (const auto& [key, value] : map) {
      EXPECT_EQ(key, expected);
      EXPECT_EQ(value, key + round);
      expected += 2;
    }
    EXPECT_EQ(std::prev(map.end())->first, 9'999);
    // Empty again, it starts as if new.
    for (auto entry = map.begin(); entry != map.end();) entry = map.erase(entry);
    EXPECT_TRUE(map.empty() && map.begin() == map.end());
  }
}

TEST(OrderedHashMap, DestroysWhatItHolds) {
  const auto counted = std::make_shared<int>();
  {
    OrderedHashMap<int, std::shared_ptr<int>> map;
    for (int key = 0; key < 100; ++key) map.try_emplace(key, counted);
    map.erase(7);
    EXPECT_EQ(counted.use_count(), 100);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
}  // namespace mobula
