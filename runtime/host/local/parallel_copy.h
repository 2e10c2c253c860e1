// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace mobula::host {

/// As memcpy. Several threads share a large copy, because one of them cannot fill the memory bus
/// of most machines (Ray: `parallel_memcopy` of plasma's client). Blocks until all is copied.
/// REQUIRES: target.size() == source.size(); they do not overlap.
void ParallelCopy(std::span<std::byte> target, std::span<const std::byte> source);

}  // namespace mobula::host
