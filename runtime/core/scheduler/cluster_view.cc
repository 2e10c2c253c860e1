// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/cluster_view.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::scheduler {

ClusterView::ClusterView(NodeId self, std::string name, ResourceSet total) {
  nodes_.push_back({.node = self, .name = std::move(name), .total = total, .available = total});
}

std::vector<NodeEntry>::iterator ClusterView::LowerBound(NodeId node) {
  return std::lower_bound(nodes_.begin(), nodes_.end(), node,
                          [](const NodeEntry& entry, NodeId id) { return entry.node < id; });
}

ViewChange ClusterView::Apply(const NodeView& view) {
  const NodeId node = view.info.node;
  CHECK(node != Self().node) << "the own node is known exactly";
  if (IsDead(node)) return ViewChange::kNone;
  const NodeId own = Self().node;
  const auto place = LowerBound(node);
  const bool known = place != nodes_.end() && place->node == node;
  if (!view.alive) {
    if (known) nodes_.erase(place);
    dead_.insert(node);
  } else if (!known) {
    nodes_.insert(place, {node, view.info.name, view.info.total, view.available, view.version});
  } else if (view.version > place->version) {
    place->available = view.available;
    place->version = view.version;
  } else {
    return ViewChange::kNone;
  }
  ++version_;
  self_ = static_cast<std::size_t>(LowerBound(own) - nodes_.begin());
  if (!view.alive) return ViewChange::kDied;
  return known ? ViewChange::kUpdated : ViewChange::kJoined;
}

void ClusterView::AcquireLocal(const ResourceSet& resources) {
  nodes_[self_].available.Subtract(resources);
}

void ClusterView::ResumeLocal(const ResourceSet& resources) {
  nodes_[self_].available.Subtract(resources, /*allow_negative=*/true);
}

void ClusterView::ReleaseLocal(const ResourceSet& resources) {
  nodes_[self_].available.Add(resources);
}

void ClusterView::Debit(NodeId node, const ResourceSet& resources) {
  const auto place = LowerBound(node);
  CHECK(place != nodes_.end() && place->node == node) << "debit of unknown node " << node;
  place->available.Subtract(resources, /*allow_negative=*/true);
}

const NodeEntry* ClusterView::Find(NodeId node) const {
  const auto place = const_cast<ClusterView*>(this)->LowerBound(node);
  return place != nodes_.end() && place->node == node ? &*place : nullptr;
}

void ClusterView::CheckInvariants() const {
  CHECK(self_ < nodes_.size()) << "own node at " << self_ << " of " << nodes_.size();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    CHECK(i == 0 || nodes_[i - 1].node < nodes_[i].node) << "nodes out of order at " << i;
    CHECK(!IsDead(nodes_[i].node)) << nodes_[i].name << " is both dead and alive";
  }
  CHECK(Self().total.Covers(Self().available))
      << "available " << Self().available.ToString() << " of " << Self().total.ToString();
}

}  // namespace mobula::scheduler
