// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/protocol/cluster.h"

namespace mobula::scheduler {

/// A living node as the scheduler sees it.
struct NodeEntry {
  NodeId node;
  /// What the GCS told last, shared with whoever else was told; of the own node what it says of
  /// itself.
  std::shared_ptr<const NodeView> told;
  /// Where that is not what is available any more: the own node, and others after a debit.
  std::unique_ptr<ResourceSet> adjusted;

  [[nodiscard]] const std::string& Name() const { return told->info.name; }
  [[nodiscard]] const ResourceSet& Total() const { return told->info.total; }
  /// Exact for the own node; for others the last report, less what was sent there since. May be
  /// negative: in an own node whose blocked tasks resumed, in others by too many spills.
  [[nodiscard]] const ResourceSet& Available() const {
    return adjusted ? *adjusted : told->available;
  }
};

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
  /// Null when unknown or dead.
  [[nodiscard]] const NodeEntry* Find(NodeId node) const;
  [[nodiscard]] bool IsDead(NodeId node) const { return dead_.contains(node); }
  /// Grows whenever another node joined, died or reported: a decision may come out differently.
  [[nodiscard]] std::uint64_t Version() const { return version_; }
  void CheckInvariants() const;

 private:
  std::vector<NodeEntry>::iterator LowerBound(NodeId node);

  std::vector<NodeEntry> nodes_;
  std::size_t self_ = 0;
  /// Added when a death is told; never removed, because a dead incarnation does not come back.
  std::set<NodeId> dead_;
  std::uint64_t version_ = 1;
};

}  // namespace mobula::scheduler
