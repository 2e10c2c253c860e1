// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "runtime/core/protocol/task_spec.h"
#include "runtime/core/scheduler/cluster_view.h"

namespace mobula::scheduler {

/// What a policy needs to know of a lease request.
struct SchedulingRequest {
  const ResourceSet& resources;
  const SchedulingStrategy& strategy;
  /// Nodes that hold the large arguments, most bytes first.
  const std::vector<NodeId>& preferred;
};

/// Where a request goes.
struct Decision {
  enum class Kind {
    kLocal,        ///< Here: now if `has_room`, else once resources are returned.
    kSpill,        ///< To `node`.
    kInfeasible,   ///< No living node could ever hold it.
    kUnknownNode,  ///< It must run on a node that is not known; perhaps word of it is still on its
                   ///< way.
    kRefuse,       ///< It can never run; `reason` says why.
  };
  Kind kind = Kind::kLocal;
  NodeId node;
  /// The chosen node has room now.
  bool has_room = false;
  std::string reason;

  bool operator==(const Decision&) const = default;
  static Decision Infeasible() { return {.kind = Kind::kInfeasible, .node = {}, .reason = {}}; }
  /// `kind` is kUnknownNode or kRefuse.
  static Decision Never(Kind kind, std::string why) {
    return {.kind = kind, .node = {}, .reason = std::move(why)};
  }
  /// At `entry`, which is the own node or another.
  static Decision At(const NodeEntry& entry, const ClusterView& view, bool has_room) {
    const bool local = entry.node == view.Self().node;
    return {local ? Kind::kLocal : Kind::kSpill, entry.node, has_room, {}};
  }
};

/// What becomes of a request that another node sent here.
enum class Welcome {
  kNone,   ///< It is decided like any other.
  kTaken,  ///< It is taken if there is room, else decided like any other.
  kStays,  ///< Likewise, and it stays once it has travelled enough.
};

/// A rule by which one node decides where a request runs. Implementations may keep state (a turn),
/// but no clock and no unseeded randomness; ties are broken by order.
class SchedulingPolicy {
 public:
  virtual ~SchedulingPolicy() = default;
  virtual Decision Decide(const SchedulingRequest& request, const ClusterView& view) = 0;
  /// What goes before `Decide` when another node sent the request here.
  [[nodiscard]] virtual Welcome WelcomeFor(const SchedulingRequest&, const ClusterView&) const {
    return Welcome::kStays;
  }

 protected:
  /// For a request for which `search` found no room: it waits here, or on the best node whose total
  /// holds it.
  static Decision WithoutRoom(NodeSearch search, const ClusterView& view);
};

}  // namespace mobula::scheduler
