// SPDX-License-Identifier: Apache-2.0
// Goal: each placement strategy, on clusters small enough to see what is right. Method: offers and
// bundles in, nodes out.
#include "runtime/core/gcs/bundle_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mobula::gcs {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

NodeId Node(std::uint64_t number) { return NodeId{number, 0}; }

/// Node i + 1 has the i-th number of CPUs.
std::vector<Offer> Cpus(const std::vector<double>& amounts) {
  std::vector<Offer> offers;
  for (std::size_t i = 0; i < amounts.size(); ++i)
    offers.push_back({Node(i + 1), ResourceSet::Of({{"CPU", amounts[i]}})});
  return offers;
}

BundleDemand Ask(PlacementStrategy strategy, const std::vector<double>& cpus,
                 std::set<NodeId> used = {}) {
  BundleDemand demand{strategy, {}, std::move(used)};
  for (const double amount : cpus) demand.bundles.push_back(ResourceSet::Of({{"CPU", amount}}));
  return demand;
}

std::vector<NodeId> Places(const BundleDemand& demand, std::vector<Offer> offers) {
  return PlaceBundles(demand, offers).value_or(std::vector<NodeId>{});
}

TEST(BundlePlacement, PackFillsOneNodeBeforeTheNext) {
  EXPECT_THAT(Places(Ask(PlacementStrategy::kPack, {1, 1, 1}), Cpus({2, 4, 2})),
              ElementsAre(Node(2), Node(2), Node(2)));
  EXPECT_THAT(Places(Ask(PlacementStrategy::kPack, {1, 1, 1}), Cpus({1, 2})),
              ElementsAre(Node(2), Node(2), Node(1)));
  EXPECT_FALSE(PlaceBundles(Ask(PlacementStrategy::kPack, {1, 1, 1}), Cpus({1, 1})));
}

TEST(BundlePlacement, PackGoesFirstWhereTheGroupIsAlready) {
  EXPECT_THAT(Places(Ask(PlacementStrategy::kPack, {1}, {Node(3)}), Cpus({4, 4, 1})),
              ElementsAre(Node(3)));
}

TEST(BundlePlacement, StrictPackWantsOneNodeForAll) {
  EXPECT_THAT(Places(Ask(PlacementStrategy::kStrictPack, {1, 2}), Cpus({2, 3})),
              ElementsAre(Node(2), Node(2)));
  EXPECT_FALSE(PlaceBundles(Ask(PlacementStrategy::kStrictPack, {1, 2}), Cpus({2, 2})));
}

TEST(BundlePlacement, SpreadUsesEveryNodeBeforeOneTwice) {
  EXPECT_THAT(Places(Ask(PlacementStrategy::kSpread, {1, 1}), Cpus({8, 1})),
              UnorderedElementsAre(Node(1), Node(2)));
  EXPECT_THAT(Places(Ask(PlacementStrategy::kSpread, {1, 1, 1}), Cpus({8, 1})),
              UnorderedElementsAre(Node(1), Node(2), Node(1)));
  EXPECT_THAT(Places(Ask(PlacementStrategy::kSpread, {1}, {Node(1)}), Cpus({8, 1})),
              ElementsAre(Node(2)));
  EXPECT_FALSE(PlaceBundles(Ask(PlacementStrategy::kSpread, {2, 2}), Cpus({3, 1})));
}

TEST(BundlePlacement, StrictSpreadWantsANodeForEach) {
  EXPECT_THAT(Places(Ask(PlacementStrategy::kStrictSpread, {1, 1}), Cpus({8, 1})),
              UnorderedElementsAre(Node(1), Node(2)));
  EXPECT_FALSE(PlaceBundles(Ask(PlacementStrategy::kStrictSpread, {1, 1, 1}), Cpus({8, 1})));
  EXPECT_FALSE(PlaceBundles(Ask(PlacementStrategy::kStrictSpread, {1}, {Node(1)}), Cpus({8})));
}

TEST(BundlePlacement, StrictSpreadFindsAChoiceWhenThereIsOne) {
  // Whatever the first two take, they must leave node 1 to the third or each other's way.
  const std::vector<Offer> offers = {{Node(1), ResourceSet::Of({{"A", 1}, {"B", 1}, {"C", 1}})},
                                     {Node(2), ResourceSet::Of({{"A", 1}, {"B", 1}})},
                                     {Node(3), ResourceSet::Of({{"A", 1}, {"C", 1}})}};
  const BundleDemand demand{PlacementStrategy::kStrictSpread,
                            {ResourceSet::Of({{"A", 1}, {"B", 1}}), ResourceSet::Of({{"C", 1}}),
                             ResourceSet::Of({{"B", 1}})},
                            {}};
  const std::vector<NodeId> places = Places(demand, offers);
  ASSERT_EQ(places.size(), 3u);
  EXPECT_EQ(places[1], Node(3));
  EXPECT_NE(places[0], places[2]);
}

TEST(BundlePlacement, ABundleThatFewCanHoldChoosesFirst) {
  const std::vector<Offer> offers = {{Node(1), ResourceSet::Of({{"CPU", 2}, {"GPU", 1}})},
                                     {Node(2), ResourceSet::Of({{"CPU", 1}})}};
  const BundleDemand demand{
      PlacementStrategy::kSpread,
      {ResourceSet::Of({{"CPU", 1}}), ResourceSet::Of({{"CPU", 1}, {"GPU", 1}})},
      {}};
  EXPECT_THAT(Places(demand, offers), ElementsAre(Node(2), Node(1)));
}

}  // namespace
}  // namespace mobula::gcs
