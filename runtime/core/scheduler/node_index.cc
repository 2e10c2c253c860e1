// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/node_index.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

namespace mobula::scheduler {
namespace {

constexpr std::int64_t kNothing = std::numeric_limits<std::int64_t>::min();
constexpr double kNobody = std::numeric_limits<double>::infinity();
/// Which of `Branch::utilisation` count.
enum Kinds : unsigned { kWithout = 1, kWith = 2, kAll = 3 };

/// FNV-1a: the same in every process.
std::uint64_t BitOf(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char letter : name) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001B3;
  return std::uint64_t{1} << (hash >> 58);
}

}  // namespace

struct NodeIndex::Walk {
  const std::vector<NodeEntry>& nodes;
  const ResourceSet& need;
  NodeSearch::In in;
  Bound least;
  double threshold;
  unsigned kinds = kAll;
  // Positions that count.
  std::size_t first = 0;
  std::size_t last = 0;

  [[nodiscard]] double UtilisationOf(const Branch& branch) const {
    const double least_used = std::min((kinds & kWithout) != 0 ? branch.utilisation[0] : kNobody,
                                       (kinds & kWith) != 0 ? branch.utilisation[1] : kNobody);
    return least_used < threshold ? 0 : least_used;
  }
  [[nodiscard]] bool MayHold(const Branch& branch) const {
    const Bound& most = branch.bound;
    if ((least.names & ~most.names) != 0) return false;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      if (most.amounts[i] < least.amounts[i]) return false;
    }
    return true;
  }
  [[nodiscard]] bool Holds(const NodeEntry& entry) const {
    return NodeSearch::Of(entry, in).Covers(need);
  }
};

// ---- The tree -----------------------------------------------------------------------------------

NodeIndex::Bound NodeIndex::BoundOf(const ResourceSet& set, std::int64_t absent) {
  Bound bound;
  bound.amounts.fill(absent);
  for (const auto& [name, amount] : set.units) {
    const auto column = std::ranges::find(kColumns, std::string_view(name));
    if (column != kColumns.end()) {
      bound.amounts[static_cast<std::size_t>(column - kColumns.begin())] = amount;
    } else if (amount > 0) {
      bound.names |= BitOf(name);
    }
  }
  return bound;
}

NodeIndex::Branch NodeIndex::BranchOf(const NodeEntry& entry) const {
  Branch branch{BoundOf(NodeSearch::Of(entry, in_), 0), {kNobody, kNobody}};
  branch.utilisation[entry.HasGpus() ? 1 : 0] = entry.Utilisation();
  return branch;
}

NodeIndex::Branch NodeIndex::Join(const Branch& left, const Branch& right) {
  Branch joined = left;
  joined.bound.names |= right.bound.names;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    joined.bound.amounts[i] = std::max(left.bound.amounts[i], right.bound.amounts[i]);
  }
  for (std::size_t kind = 0; kind < joined.utilisation.size(); ++kind) {
    joined.utilisation[kind] = std::min(left.utilisation[kind], right.utilisation[kind]);
  }
  return joined;
}

void NodeIndex::Build(const std::vector<NodeEntry>& nodes) {
  Branch empty{{}, {kNobody, kNobody}};
  empty.bound.amounts.fill(kNothing);
  leaves_ = std::bit_ceil(nodes.size());
  tree_.assign(2 * leaves_, empty);
  for (std::size_t i = 0; i < nodes.size(); ++i) tree_[leaves_ + i] = BranchOf(nodes[i]);
  for (std::size_t at = leaves_ - 1; at > 0; --at)
    tree_[at] = Join(tree_[2 * at], tree_[2 * at + 1]);
  stale_ = false;
}

void NodeIndex::Touch(std::size_t position) {
  if (stale_) return;
  touched_.push_back(position);
  // So much is not put right path by path.
  if (touched_.size() > leaves_ / 8) stale_ = true;
}

void NodeIndex::Refresh(const std::vector<NodeEntry>& nodes) {
  if (stale_) {
    Build(nodes);
  } else {
    for (const std::size_t position : touched_) {
      std::size_t at = leaves_ + position;
      tree_[at] = BranchOf(nodes[position]);
      while ((at /= 2) > 0) tree_[at] = Join(tree_[2 * at], tree_[2 * at + 1]);
    }
  }
  touched_.clear();
}

// ---- Searches -----------------------------------------------------------------------------------

std::size_t NodeIndex::Find(const std::vector<NodeEntry>& nodes, const NodeSearch& search) {
  Refresh(nodes);
  Walk walk{nodes, search.need, in_, BoundOf(search.need, kNothing), search.threshold};
  if (!search.spares_gpus) return Best(walk, search);
  walk.kinds = kWithout;
  const std::size_t plain = Best(walk, search);
  if (plain < nodes.size()) return plain;
  walk.kinds = kWith;
  return Best(walk, search);
}

std::size_t NodeIndex::Best(const Walk& walk, const NodeSearch& search) const {
  const std::size_t count = walk.nodes.size();
  Walk part = walk;
  part.first = search.first;
  part.last = count;
  Candidate best{kNobody, 0};
  Descend(part, 1, 0, leaves_, best);
  const std::size_t found = best.utilisation < kNobody ? best.position : count;
  // Before `first` only a better one counts; nothing stands before position 0 as an equal.
  part.first = 0;
  part.last = search.first;
  Candidate better{best.utilisation, 0};
  Descend(part, 1, 0, leaves_, better);
  return better.utilisation < best.utilisation ? better.position : found;
}

void NodeIndex::Descend(const Walk& walk, std::size_t at, std::size_t low, std::size_t width,
                        Candidate& best) const {
  if (low >= walk.last || low + width <= walk.first) return;
  const Branch& branch = tree_[at];
  const Candidate here{walk.UtilisationOf(branch), std::max(low, walk.first)};
  if (!(here < best) || !walk.MayHold(branch)) return;
  if (width == 1) {
    if (walk.Holds(walk.nodes[low])) best = here;
    return;
  }
  const std::size_t half = width / 2;
  const bool right_first =
      walk.UtilisationOf(tree_[2 * at + 1]) < walk.UtilisationOf(tree_[2 * at]);
  for (const bool right : {right_first, !right_first}) {
    Descend(walk, 2 * at + (right ? 1 : 0), low + (right ? half : 0), half, best);
  }
}

}  // namespace mobula::scheduler
