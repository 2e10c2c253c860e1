// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "runtime/core/scheduler/node_index.h"

namespace mobula::scheduler {

enum class ViewChange {
  kSelf,    ///< It is about the own node, of which nothing is taken in.
  kJoined,  ///< A living node was added.
  kDied,    ///< The node is dead for ever; said once.
};

/// What is new about the node at a position of what was told.
struct ViewNews {
  std::size_t position = 0;
  ViewChange change = ViewChange::kSelf;
  bool operator==(const ViewNews&) const = default;
};

/// The resources of the cluster, as one node knows them: its own exactly, others as the GCS told
/// last. View: one node's. Decisions read it in place; nothing is copied per decision.
class ClusterView {
 public:
  explicit ClusterView(NodeInfo self);

  /// Takes in what the GCS says of nodes, each named once: who joined or died, and newer reports.
  std::vector<ViewNews> Apply(const SharedVector<NodeView>& told);
  /// REQUIRES: the own node has room.
  void AcquireLocal(const ResourceSet& resources);
  /// A blocked task resumes: takes `resources` even when they are lent out.
  void ResumeLocal(const ResourceSet& resources);
  void ReleaseLocal(const ResourceSet& resources);
  /// A request was sent on to `node`: it has that much less until its next report, or until the
  /// debit has seen two calls of `AgeDebits`.
  void Debit(NodeId node, const ResourceSet& resources);
  /// Call periodically. Nobody is told of a report that changes nothing, so what a request that was
  /// withdrawn, or was served at once, would have taken would be missing for ever.
  void AgeDebits();

  [[nodiscard]] const NodeEntry& Self() const { return nodes_[self_]; }
  /// Living nodes in the order of their ids, the own among them.
  [[nodiscard]] const std::vector<NodeEntry>& Nodes() const { return nodes_; }
  /// Where the own node stands in `Nodes()`.
  [[nodiscard]] std::size_t SelfIndex() const { return self_; }
  /// The best node for what is looked for; null when there is none.
  [[nodiscard]] const NodeEntry* Find(const NodeSearch& search) const;
  /// Null when unknown or dead.
  [[nodiscard]] const NodeEntry* Find(NodeId node) const;
  /// The living node that calls itself the head; null while there is none.
  [[nodiscard]] const NodeEntry* Head() const { return head_.IsNil() ? nullptr : Find(head_); }
  [[nodiscard]] bool IsDead(NodeId node) const { return dead_.contains(node); }
  /// Grows whenever another node joined, died or reported: a decision may come out differently.
  [[nodiscard]] std::uint64_t Version() const { return version_; }
  void CheckInvariants() const;

 private:
  using Entries = std::vector<NodeEntry>;
  Entries::iterator LowerBound(NodeId node);
  void Remove(Entries::iterator place, NodeId node);
  void Merge(Entries joined);
  void Touch(std::size_t position);
  void Invalidate();

  Entries nodes_;
  /// They follow from `nodes_`; put right when they are asked.
  mutable NodeIndex available_{NodeSearch::In::kAvailable};
  mutable NodeIndex total_{NodeSearch::In::kTotal};
  std::size_t self_ = 0;
  /// Nil while none is known.
  NodeId head_;
  /// Added when a death is told; never removed, because a dead incarnation does not come back.
  std::set<NodeId> dead_;
  std::uint64_t version_ = 1;
  /// Nodes debited since the last call of AgeDebits, and before it.
  std::set<NodeId> debited_;
  std::set<NodeId> debited_before_;
};

}  // namespace mobula::scheduler
