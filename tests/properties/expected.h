// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace mobula::properties {

/// What sequential execution gives for a reference: the value's checksum, how many numbers it is
/// padded with, and what the references inside it stand for.
struct Expected {
  std::int64_t checksum = 0;
  std::uint64_t size = 0;
  std::vector<std::shared_ptr<const Expected>> references;
};
using ExpectedValue = std::shared_ptr<const Expected>;

}  // namespace mobula::properties
