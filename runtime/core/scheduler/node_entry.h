// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

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
  [[nodiscard]] bool HasGpus() const { return Total().Units(ResourceSet::kGpu) > 0; }
  /// Of the busiest of CPU, memory and object store, from 0 to 1 (and above, where too much is lent
  /// out).
  [[nodiscard]] double Utilisation() const;
};

}  // namespace mobula::scheduler
