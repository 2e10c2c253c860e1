// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/scheduler/node_index.h"

namespace mobula::scheduler {

enum class ViewChange {
  kNone,     ///< Nothing new: an old report, or a node known to be dead.
  kJoined,   ///< A living node was added.
  kUpdated,  ///< A living node's availability is newer.
  kDied,     ///< The node is dead for ever; said once.
};

/// The resources of the cluster, as one node knows them: its own exactly, others as the GCS told
/// last. View: one node's. Decisions read it in place; nothing is copied per decision.
class ClusterView {
 public:
  ClusterView(NodeId self, std::string name, ResourceSet total);

  /// Takes in what the GCS says of another node. REQUIRES: it is not the own node.
  ViewChange Apply(std::shared_ptr<const NodeView> view);
  /// REQUIRES: the own node has room.
  void AcquireLocal(const ResourceSet& resources);
  /// A blocked task resumes: takes `resources` even when they are lent out.
  void ResumeLocal(const ResourceSet& resources);
  void ReleaseLocal(const ResourceSet& resources);
  /// A request was sent on to `node`: it has that much less until its next report.
  void Debit(NodeId node, const ResourceSet& resources);

  [[nodiscard]] const NodeEntry& Self() const { return nodes_[self_]; }
  /// Living nodes in the order of their ids, the own among them.
  [[nodiscard]] const std::vector<NodeEntry>& Nodes() const { return nodes_; }
  /// Where the own node stands in `Nodes()`.
  [[nodiscard]] std::size_t SelfIndex() const { return self_; }
  /// The best node for what is looked for; null when there is none.
  [[nodiscard]] const NodeEntry* Find(const NodeSearch& search) const;
  /// Null when unknown or dead.
  [[nodiscard]] const NodeEntry* Find(NodeId node) const;
  [[nodiscard]] bool IsDead(NodeId node) const { return dead_.contains(node); }
  /// Grows whenever another node joined, died or reported: a decision may come out differently.
  [[nodiscard]] std::uint64_t Version() const { return version_; }
  void CheckInvariants() const;

 private:
  std::vector<NodeEntry>::iterator LowerBound(NodeId node);

  std::vector<NodeEntry> nodes_;
  /// Follows from `nodes_`; put right when it is asked.
  mutable NodeIndex index_;
  std::size_t self_ = 0;
  /// Added when a death is told; never removed, because a dead incarnation does not come back.
  std::set<NodeId> dead_;
  std::uint64_t version_ = 1;
};

}  // namespace mobula::scheduler
