// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/base/describe.h"

namespace mobula::scheduler {

/// Where a request goes that names no strategy of its own.
enum class PolicyKind {
  kHybrid,      ///< Packed up to the threshold, then the least utilised node (Ray's default).
  kSpread,      ///< Nodes with room in turn.
  kRandom,      ///< A random node with room.
  kPowerOfTwo,  ///< Of two random nodes with room, the less utilised.
  kCentral,     ///< As the head decides, by the hybrid rule, for everybody.
};
BOOST_DESCRIBE_ENUM(PolicyKind, kHybrid, kSpread, kRandom, kPowerOfTwo, kCentral)

/// All nodes of a cluster have the same.
struct Options {
  PolicyKind policy = PolicyKind::kHybrid;
  /// Whether a node with room that holds arguments of the request goes before all others (Ray's
  /// locality_aware_leasing_enabled).
  bool locality = true;
  /// Share of a node's CPUs up to which the hybrid policy packs before it spreads.
  double spread_threshold = 0.5;
  /// Of the random policies, together with the node's id.
  std::uint64_t seed = 0;

  [[nodiscard]] bool IsCentral() const { return policy == PolicyKind::kCentral; }
};

}  // namespace mobula::scheduler
