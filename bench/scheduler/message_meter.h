// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/core/protocol/messages.h"

namespace mobula::bench {

/// Counts messages by what they are for. Chunks of objects are no messages; what was asked for is
/// counted in bytes.
struct MessageMeter {
  std::uint64_t all = 0;
  /// Between owners and raylets about leases.
  std::uint64_t of_leases = 0;
  /// Between raylets and the GCS about what nodes have free.
  std::uint64_t of_views = 0;
  std::uint64_t grants = 0;
  std::uint64_t spillbacks = 0;
  std::uint64_t bytes_moved = 0;

  void Count(const Message& message);
};

}  // namespace mobula::bench
