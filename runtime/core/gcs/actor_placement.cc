// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/actor_placement.h"

#include <vector>

namespace mobula::gcs {
namespace {

Placement PlaceByAffinity(const NodeTable& nodes, const TaskSpec& creation) {
  const TaskHeader& header = *creation.header;
  const NodeId wanted = header.strategy.node;
  if (nodes.IsAlive(wanted)) return {wanted, {}};
  ErrorInfo error;
  error.kind = ErrorKind::kActorUnschedulable;
  error.actor = header.actor;
  error.message = "The actor " + header.function.name + " (" + header.actor.Hex() +
                  ") must run on node " + nodes.NameOf(wanted) + ", which " +
                  (nodes.IsDead(wanted) ? "is dead" : "is not known") +
                  ". With soft=True in its NodeAffinitySchedulingStrategy it would run elsewhere.";
  return {NodeId{}, error};
}

/// The `turn`-th of the living nodes whose `amount` of resources covers the need; nil without one.
template <class Amount>
NodeId TakeTurn(const NodeTable& nodes, const ResourceSet& need, std::uint64_t turn,
                Amount amount) {
  std::vector<NodeId> able;
  for (const NodeId node : nodes.Living()) {
    if (amount(*nodes.Find(node)).Covers(need)) able.push_back(node);
  }
  return able.empty() ? NodeId{} : able[turn % able.size()];
}

Placement PlaceInGroup(const PlacementGroupTable& groups, const TaskHeader& header,
                       std::uint64_t turn) {
  const PlacementGroupView* view = groups.Find(header.strategy.group);
  if (view == nullptr) return {};
  if (view->state == PlacementGroupState::kRemoved) {
    ErrorInfo error = view->error;
    error.kind = ErrorKind::kActorPlacementGroupRemoved;
    error.actor = header.actor;
    return {NodeId{}, error};
  }
  std::vector<NodeId> able;
  for (std::size_t i = 0; i < view->bundles.size(); ++i) {
    const BundlePlacement& bundle = view->bundles[i];
    if (!header.strategy.AllowsBundle(i) || bundle.phase != BundlePhase::kCommitted) continue;
    // Whether the one that was asked for can hold it, its raylet says.
    if (header.strategy.bundle != 0 || view->spec.bundles[i].Covers(header.resources))
      able.push_back(bundle.node);
  }
  if (!able.empty()) return {able[turn % able.size()], {}};
  const bool whole = view->state == PlacementGroupState::kCreated;
  if (!whole) return {};
  ErrorInfo error;
  error.kind = ErrorKind::kActorUnschedulable;
  error.actor = header.actor;
  error.message = "The actor " + header.function.name + " (" + header.actor.Hex() + ") needs " +
                  header.resources.ToString() + ", which no bundle of its placement group has.";
  return {NodeId{}, error};
}

}  // namespace

Placement Place(const NodeTable& nodes, const PlacementGroupTable& groups, const TaskSpec& creation,
                std::uint64_t turn) {
  const TaskHeader& header = *creation.header;
  const SchedulingStrategy& strategy = header.strategy;
  if (strategy.kind == StrategyKind::kPlacementGroup) return PlaceInGroup(groups, header, turn);
  const bool wants_node = strategy.kind == StrategyKind::kNodeAffinity;
  if (wants_node && (!strategy.soft || nodes.IsAlive(strategy.node))) {
    return PlaceByAffinity(nodes, creation);
  }
  const ResourceSet& at_least = header.actor_options->placement_resources;
  const ResourceSet& need = at_least.IsEmpty() ? header.resources : at_least;
  const NodeId home = header.owner.node;
  const bool home_lives = nodes.IsAlive(home);
  if (strategy.kind != StrategyKind::kSpread && home_lives &&
      nodes.Find(home)->info.total.Covers(need)) {
    return {home, {}};
  }
  const auto available = [](const NodeView& view) { return view.available; };
  const auto total = [](const NodeView& view) { return view.info.total; };
  NodeId chosen = TakeTurn(nodes, need, turn, available);
  if (chosen.IsNil()) chosen = TakeTurn(nodes, need, turn, total);
  if (chosen.IsNil() && home_lives) chosen = home;
  if (chosen.IsNil() && !nodes.Living().empty()) chosen = *nodes.Living().begin();
  return {chosen, {}};
}

}  // namespace mobula::gcs
