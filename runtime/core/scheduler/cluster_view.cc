// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/cluster_view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::scheduler {

ClusterView::ClusterView(NodeInfo self) {
  auto own = std::make_shared<NodeView>();
  own->info = std::move(self);
  const NodeInfo& info = own->info;
  if (info.is_head) head_ = info.node;
  nodes_.push_back({info.node, own, std::make_unique<ResourceSet>(info.total)});
}

ClusterView::Entries::iterator ClusterView::LowerBound(NodeId node) {
  return std::lower_bound(nodes_.begin(), nodes_.end(), node,
                          [](const NodeEntry& entry, NodeId id) { return entry.node < id; });
}

std::vector<ViewNews> ClusterView::Apply(const SharedVector<NodeView>& told) {
  const NodeId own = Self().node;
  std::vector<ViewNews> news;
  Entries joined;
  std::uint64_t changes = 0;
  auto place = nodes_.begin();
  for (std::size_t position = 0; position < told.size(); ++position) {
    const NodeView& view = told[position];
    const NodeId node = view.info.node;
    if (node == own) {
      news.push_back({position, ViewChange::kSelf});
      continue;
    }
    if (IsDead(node)) continue;
    // The GCS names nodes in the order of their ids.
    if (place == nodes_.end() || place->node != node) place = LowerBound(node);
    const bool known = place != nodes_.end() && place->node == node;
    if (!view.alive) {
      news.push_back({position, ViewChange::kDied});
      Remove(place, node);
      place = nodes_.begin();
    } else if (!known) {
      news.push_back({position, ViewChange::kJoined});
      if (view.info.is_head) head_ = node;
      joined.push_back({node, told.Share(position), nullptr});
    } else if (view.version > place->told->version) {
      place->told = told.Share(position);
      place->adjusted.reset();
      Touch(static_cast<std::size_t>(place - nodes_.begin()));
      ++place;
    } else {
      continue;
    }
    ++changes;
  }
  if (!joined.empty()) Merge(std::move(joined));
  version_ += changes;
  self_ = static_cast<std::size_t>(LowerBound(own) - nodes_.begin());
  return news;
}

void ClusterView::Touch(std::size_t position) {
  available_.Touch(position);
  total_.Touch(position);
}

void ClusterView::Invalidate() {
  available_.Invalidate();
  total_.Invalidate();
}

void ClusterView::Remove(Entries::iterator place, NodeId node) {
  dead_.insert(node);
  if (node == head_) head_ = NodeId{};
  if (place == nodes_.end() || place->node != node) return;
  nodes_.erase(place);
  Invalidate();
}

void ClusterView::Merge(Entries joined) {
  const auto in_order = [](const NodeEntry& a, const NodeEntry& b) { return a.node < b.node; };
  const auto known = static_cast<std::ptrdiff_t>(nodes_.size());
  std::sort(joined.begin(), joined.end(), in_order);
  nodes_.reserve(nodes_.size() + joined.size());
  std::move(joined.begin(), joined.end(), std::back_inserter(nodes_));
  std::inplace_merge(nodes_.begin(), nodes_.begin() + known, nodes_.end(), in_order);
  Invalidate();
}

void ClusterView::AcquireLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Subtract(resources);
  Touch(self_);
}

void ClusterView::ResumeLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Subtract(resources, /*allow_negative=*/true);
  Touch(self_);
}

void ClusterView::ReleaseLocal(const ResourceSet& resources) {
  nodes_[self_].adjusted->Add(resources);
  Touch(self_);
}

void ClusterView::Debit(NodeId node, const ResourceSet& resources) {
  const auto place = LowerBound(node);
  CHECK(place != nodes_.end() && place->node == node) << "debit of unknown node " << node;
  CHECK(node != Self().node) << "what the own node has is known";
  if (!place->adjusted) place->adjusted = std::make_unique<ResourceSet>(place->told->available);
  place->adjusted->Subtract(resources, /*allow_negative=*/true);
  Touch(static_cast<std::size_t>(place - nodes_.begin()));
  debited_.insert(node);
}

void ClusterView::AgeDebits() {
  for (const NodeId node : std::exchange(debited_before_, std::exchange(debited_, {}))) {
    const auto place = LowerBound(node);
    if (place == nodes_.end() || place->node != node || place->adjusted == nullptr) continue;
    place->adjusted.reset();
    Touch(static_cast<std::size_t>(place - nodes_.begin()));
    ++version_;
  }
}

const NodeEntry* ClusterView::Find(const NodeSearch& search) const {
  NodeIndex& index = search.in == NodeSearch::In::kAvailable ? available_ : total_;
  const std::size_t position = index.Find(nodes_, search);
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
