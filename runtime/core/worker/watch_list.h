// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "runtime/core/worker/context.h"

namespace mobula::worker {

/// The peers whose death matters to this process (leased workers, owners, borrowers): each is
/// watched at its daemon once, so that a warm path never pays for it, and the dead are remembered
/// for ever.
class WatchList {
 public:
  explicit WatchList(Context& context) : context_(context) {}

  /// Sends `WatchWorker` the first time. Nothing for this process itself, daemons and the dead.
  void Watch(const Address& peer);
  void MarkDead(const Address& peer) { dead_.insert(peer); }
  void MarkNodeDead(NodeId node) { dead_nodes_.insert(node); }
  [[nodiscard]] bool IsDead(const Address& peer) const {
    return IsNodeDead(peer.node) || dead_.contains(peer);
  }
  [[nodiscard]] bool IsNodeDead(NodeId node) const { return dead_nodes_.contains(node); }

 private:
  Context& context_;
  std::set<Address> watched_;
  std::set<Address> dead_;
  std::set<NodeId> dead_nodes_;
};

}  // namespace mobula::worker
