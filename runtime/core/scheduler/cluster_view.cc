// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/cluster_view.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::scheduler {

ClusterView::ClusterView(NodeId self, std::string name, ResourceSet total) {
  auto own = std::make_shared<NodeView>();
  own->info.node = self;
  own->info.name = std::move(name);
  own->info.total = total;
  nodes_.push_back({self, std::move(own), std::make_unique<ResourceSet>(std::move(total))});
}

std::vector<NodeEntry>::iterator ClusterView::LowerBound(NodeId node) {
  return std::lower_bound(nodes_.begin(), nodes_.end(), node,
                          [](const NodeEntry& entry, NodeId id) { return entry.node < id; });
}

ViewChange ClusterView::Apply(std::shared_ptr<const NodeView> view) {
  const NodeId node = view->info.node;
  const bool alive = view->alive;
  CHECK(node != Self().node) << "the own node is known exactly";
  if (IsDead(node)) return ViewChange::kNone;
  const NodeId own = Self().node;
  const auto place = LowerBound(node);
  const bool known = place != nodes_.end() && place->node == node;
  if (!alive) {
    if (known) nodes_.erase(place);
    dead_.insert(node);
  } else if (!known) {
    nodes_.insert(place, {node, std::move(view), nullptr});
  } else if (view->version > place->told->version) {
    place->told = std::move(view);
    place->adjusted.reset();
    index_.Touch(static_cast<std::size_t>(place - nodes_.begin()));
  } else {
    return ViewChange::kNone;
  }
  ++version_;
  if (!alive || !known) index_.Invalidate();
  self_ = static_cast<std::size_t>(LowerBound(own) - nodes_.begin());
  if (!alive) return ViewChange::kDied;
  return known ? ViewChange::kUpdated : ViewChange::kJoined;
}

void ClusterView::AcquireLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Subtract(resources);
  index_.Touch(self_);
}

void ClusterView::ResumeLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Subtract(resources, /*allow_negative=*/true);
  index_.Touch(self_);
}

void ClusterView::ReleaseLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Add(resources);
  index_.Touch(self_);
}

void ClusterView::Debit(NodeId node, const ResourceSet& resources) {
  const auto place = LowerBound(node);
  CHECK(place != nodes_.end() && place->node == node) << "debit of unknown node " << node;
  if (!place->adjusted) place->adjusted = std::make_unique<ResourceSet>(place->told->available);
  place->adjusted->Subtract(resources, /*allow_negative=*/true);
  index_.Touch(static_cast<std::size_t>(place - nodes_.begin()));
}

const NodeEntry* ClusterView::Find(const NodeSearch& search) const {
  const std::size_t position = index_.Find(nodes_, search);
  return position < nodes_.size() ? &nodes_[position] : nullptr;
}

const NodeEntry* ClusterView::Find(NodeId node) const {
  const auto place = const_cast<ClusterView*>(this)->LowerBound(node);
  return place != nodes_.end() && place->node == node ? &*place : nullptr;
}

void ClusterView::CheckInvariants() const {
  CHECK(self_ < nodes_.size()) << "own node at " << self_ << " of " << nodes_.size();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    CHECK(i == 0 || nodes_[i - 1].node < nodes_[i].node) << "nodes out of order at " << i;
    CHECK(!IsDead(nodes_[i].node)) << nodes_[i].Name() << " is both dead and alive";
  }
  CHECK(Self().Total().Covers(Self().Available()))
      << "available " << Self().Available().ToString() << " of " << Self().Total().ToString();
}

}  // namespace mobula::scheduler
