// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/bundle_placement.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::gcs {
namespace {

using Places = std::optional<std::vector<NodeId>>;

/// Which share of the resources that the bundle needs is left after it, on average.
double LeftAfter(const ResourceSet& available, const ResourceSet& bundle) {
  double left = 0;
  for (const auto& [name, amount] : bundle.units) {
    const auto has = static_cast<double>(available.Units(name));
    if (has > 0) left += (has - static_cast<double>(amount)) / has;
  }
  return bundle.IsEmpty() ? 0 : left / static_cast<double>(bundle.units.size());
}

/// The bundles' positions, those that the fewest nodes can hold first.
std::vector<std::size_t> ScarcestFirst(const BundleDemand& demand,
                                       const std::vector<Offer>& offers) {
  std::vector<std::size_t> able;
  for (const ResourceSet& bundle : demand.bundles) {
    able.push_back(static_cast<std::size_t>(std::count_if(
        offers.begin(), offers.end(), [&](const Offer& o) { return o.available.Covers(bundle); })));
  }
  std::vector<std::size_t> order(demand.bundles.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return able[a] < able[b]; });
  return order;
}

Places PackStrictly(const BundleDemand& demand, const std::vector<Offer>& offers) {
  ResourceSet sum;
  for (const ResourceSet& bundle : demand.bundles) sum.Add(bundle);
  const Offer* best = nullptr;
  for (const Offer& offer : offers) {
    const bool may = demand.used.empty() || demand.used.contains(offer.node);
    if (!may || !offer.available.Covers(sum)) continue;
    if (best == nullptr || LeftAfter(offer.available, sum) > LeftAfter(best->available, sum))
      best = &offer;
  }
  if (best == nullptr) return std::nullopt;
  return std::vector<NodeId>(demand.bundles.size(), best->node);
}

/// Those of `order` that fit into `offer` together, in that order.
std::vector<std::size_t> Fitting(const BundleDemand& demand, const std::vector<std::size_t>& order,
                                 const Offer& offer) {
  ResourceSet left = offer.available;
  std::vector<std::size_t> fitting;
  for (const std::size_t bundle : order) {
    if (!left.Covers(demand.bundles[bundle])) continue;
    left.Subtract(demand.bundles[bundle]);
    fitting.push_back(bundle);
  }
  return fitting;
}

/// Node after node, each time the one that holds most of what is left; first those in use.
Places Pack(const BundleDemand& demand, const std::vector<Offer>& offers) {
  std::vector<std::size_t> order = ScarcestFirst(demand, offers);
  std::vector<NodeId> places(demand.bundles.size());
  std::set<NodeId> taken;
  while (!order.empty()) {
    std::pair<bool, std::size_t> best;
    std::vector<std::size_t> chosen;
    NodeId node;
    for (const Offer& offer : offers) {
      if (taken.contains(offer.node)) continue;
      std::vector<std::size_t> fitting = Fitting(demand, order, offer);
      const std::pair rank(demand.used.contains(offer.node), fitting.size());
      if (fitting.empty() || (!chosen.empty() && rank <= best)) continue;
      best = rank;
      chosen = std::move(fitting);
      node = offer.node;
    }
    if (chosen.empty()) return std::nullopt;
    taken.insert(node);
    for (const std::size_t bundle : chosen) {
      places[bundle] = node;
      std::erase(order, bundle);
    }
  }
  return places;
}

/// Each bundle on the node that has the fewest of them so far.
Places Spread(const BundleDemand& demand, std::vector<Offer> offers) {
  std::map<NodeId, std::size_t> counts;
  for (const NodeId node : demand.used) counts[node] = 1;
  std::vector<NodeId> places(demand.bundles.size());
  for (const std::size_t bundle : ScarcestFirst(demand, offers)) {
    const ResourceSet& need = demand.bundles[bundle];
    Offer* best = nullptr;
    const auto rank = [&](const Offer& offer) {
      return std::pair(counts[offer.node], -LeftAfter(offer.available, need));
    };
    for (Offer& offer : offers) {
      if (!offer.available.Covers(need)) continue;
      if (best == nullptr || rank(offer) < rank(*best)) best = &offer;
    }
    if (best == nullptr) return std::nullopt;
    best->available.Subtract(need);
    ++counts[best->node];
    places[bundle] = best->node;
  }
  return places;
}

/// Bundles and nodes as two sides of a matching: a bundle that finds every node taken asks those
/// who have them to move (Kuhn's algorithm), so a choice is found whenever there is one.
struct Matching {
  /// By bundle: the positions of the offers that it may take, the best first.
  std::vector<std::vector<std::size_t>> able;
  /// By position of an offer: the bundle that has it.
  std::map<std::size_t, std::size_t> holders;

  bool Seat(std::size_t bundle, std::vector<bool>& tried) {
    for (const std::size_t place : able[bundle]) {
      if (tried[place]) continue;
      tried[place] = true;
      const auto holder = holders.find(place);
      if (holder != holders.end() && !Seat(holder->second, tried)) continue;
      holders[place] = bundle;
      return true;
    }
    return false;
  }
};

/// The positions of the offers that a bundle may take as the only one of its group, the best first.
std::vector<std::size_t> AbleFor(const ResourceSet& need, const BundleDemand& demand,
                                 const std::vector<Offer>& offers) {
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    if (!demand.used.contains(offers[i].node) && offers[i].available.Covers(need))
      ranked.emplace_back(-LeftAfter(offers[i].available, need), i);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::size_t> able;
  for (const auto& [rank, place] : ranked) able.push_back(place);
  return able;
}

Places SpreadStrictly(const BundleDemand& demand, const std::vector<Offer>& offers) {
  Matching matching;
  for (const ResourceSet& need : demand.bundles)
    matching.able.push_back(AbleFor(need, demand, offers));
  for (const std::size_t bundle : ScarcestFirst(demand, offers)) {
    std::vector<bool> tried(offers.size());
    if (!matching.Seat(bundle, tried)) return std::nullopt;
  }
  std::vector<NodeId> places(demand.bundles.size());
  for (const auto& [place, bundle] : matching.holders) places[bundle] = offers[place].node;
  return places;
}

}  // namespace

Places PlaceBundles(const BundleDemand& demand, const std::vector<Offer>& offers) {
  switch (demand.strategy) {
    case PlacementStrategy::kPack:
      return Pack(demand, offers);
    case PlacementStrategy::kSpread:
      return Spread(demand, offers);
    case PlacementStrategy::kStrictPack:
      return PackStrictly(demand, offers);
    case PlacementStrategy::kStrictSpread:
      return SpreadStrictly(demand, offers);
  }
  CHECK(false) << "an unknown strategy";
}

}  // namespace mobula::gcs
