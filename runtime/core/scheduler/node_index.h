// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/core/scheduler/node_entry.h"

namespace mobula::scheduler {

/// Which node is looked for: of those that hold `need`, in this order
///   1. one without GPUs, with `spares_gpus`;
///   2. the least utilised, where anything below `threshold` counts as empty;
///   3. the first from `first` on, round to the node before it.
struct NodeSearch {
  enum class In {
    kAvailable,  ///< What is free of the node holds it.
    kTotal,      ///< The node could hold it.
  };
  const ResourceSet& need;
  In in = In::kAvailable;
  std::size_t first = 0;
  double threshold = 0;
  bool spares_gpus = false;

  /// What of the node must hold `need`.
  [[nodiscard]] static const ResourceSet& Of(const NodeEntry& entry, In in) {
    return in == In::kAvailable ? entry.Available() : entry.Total();
  }
};

/// Answers one kind of `NodeSearch` without looking at each node: a tree over the nodes in their
/// order, whose inner nodes know the most that a node below has of each resource, and how little
/// the least utilised is used. A branch that cannot hold the request, or no better than what is
/// found already, is not entered. So a search takes a number of steps that grows with the logarithm
/// of the number of nodes, unless many branches hold each part of the request on another node.
///
/// What changes is noted, and the tree put right at the next search: a node that asks nothing of
/// its view, as most of a large simulated cluster do, pays nothing for it.
class NodeIndex {
 public:
  explicit NodeIndex(NodeSearch::In in) : in_(in) {}
  /// Nodes came or went: all positions are new.
  void Invalidate() { stale_ = true; }
  /// The node at `position` changed.
  void Touch(std::size_t position);
  /// The position of the best, or `nodes.size()`. REQUIRES: `search` is of this kind.
  std::size_t Find(const std::vector<NodeEntry>& nodes, const NodeSearch& search);

 private:
  static constexpr std::array kColumns = {ResourceSet::kCpu, ResourceSet::kGpu,
                                          ResourceSet::kMemory, ResourceSet::kObjectStoreMemory};
  using Amounts = std::array<std::int64_t, kColumns.size()>;
  /// What a request needs at least, or what the nodes of a branch have at most.
  struct Bound {
    Amounts amounts;
    /// One bit for each other name that occurs, by its hash.
    std::uint64_t names = 0;
  };
  struct Branch {
    Bound bound;
    /// Of the nodes without and with GPUs; infinite when there are none.
    std::array<double, 2> utilisation;
  };
  /// Lower is better; equal ones differ in their position.
  struct Candidate {
    double utilisation;
    std::size_t position;
    auto operator<=>(const Candidate&) const = default;
  };
  /// A search in one part of the tree.
  struct Walk;

  static Bound BoundOf(const ResourceSet& set, std::int64_t absent);
  [[nodiscard]] Branch BranchOf(const NodeEntry& entry) const;
  static Branch Join(const Branch& left, const Branch& right);
  void Refresh(const std::vector<NodeEntry>& nodes);
  void Build(const std::vector<NodeEntry>& nodes);
  void Descend(const Walk& walk, std::size_t at, std::size_t low, std::size_t width,
               Candidate& best) const;
  std::size_t Best(const Walk& walk, const NodeSearch& search) const;

  NodeSearch::In in_;
  /// A complete binary tree: the root is 1, the children of i are 2i and 2i + 1, the node at
  /// position p is `leaves_ + p`.
  std::vector<Branch> tree_;
  std::size_t leaves_ = 0;
  /// Positions that changed, with repetitions.
  std::vector<std::size_t> touched_;
  bool stale_ = true;
};

}  // namespace mobula::scheduler
