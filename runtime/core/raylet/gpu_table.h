// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/base/resources.h"

namespace mobula::raylet {

/// How much of each GPU, by its number, somebody holds; in the units of ResourceSet.
using GpuShares = std::map<std::uint32_t, std::int64_t>;

/// The numbers, as a worker is told them.
[[nodiscard]] std::vector<std::uint32_t> NumbersOf(const GpuShares& shares);

/// Which GPUs are free, of a node or of what one bundle reserves of it: whole ones go to one
/// holder, fractions share a GPU. View: one node's. Amounts are accounted for elsewhere
/// (ClusterView, BundleTable); this says which GPUs they are. Invariant: no share is below 0 or
/// above what there was.
class GpuTable {
 public:
  GpuTable() = default;
  /// Of a node: its GPUs are numbered from 0; the last one may be less than whole.
  static GpuTable OfNode(const ResourceSet& total);
  /// Of a bundle: what it holds of its node.
  explicit GpuTable(GpuShares all) : all_(all), free_(std::move(all)) {}

  /// The GPUs for an amount: whole ones that nobody else has, and for a fraction the fullest one
  /// that has room, so that whole ones stay free. Nothing when there are none, though the sum would
  /// do.
  [[nodiscard]] std::optional<GpuShares> Find(const ResourceSet& need) const;
  /// REQUIRES: what Find gave.
  void Take(const GpuShares& shares);
  void Give(const GpuShares& shares);

  [[nodiscard]] const GpuShares& All() const { return all_; }
  [[nodiscard]] const GpuShares& Free() const { return free_; }

 private:
  GpuShares all_;
  GpuShares free_;
};

}  // namespace mobula::raylet
