// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace mobula::object_store {

/// Hands out disjoint ranges of [0, capacity). Best fit, lowest offset among equals; freed ranges
/// join their neighbours at once, so two free ranges never touch. O(log n). Deterministic.
class Allocator {
 public:
  /// REQUIRES: alignment > 0. What the capacity exceeds the last multiple of it by stays unused.
  Allocator(std::uint64_t capacity, std::uint64_t alignment);

  /// The offset of `size` bytes, a multiple of the alignment; empty when no free range is long
  /// enough.
  [[nodiscard]] std::optional<std::uint64_t> Allocate(std::uint64_t size);
  /// REQUIRES: `offset` came from Allocate and was not freed since.
  void Free(std::uint64_t offset);

  [[nodiscard]] std::uint64_t Capacity() const { return capacity_; }
  /// What `size` bytes take, rounded up to the alignment; at least one unit of it.
  [[nodiscard]] std::uint64_t Rounded(std::uint64_t size) const;
  /// Bytes in use, rounding included.
  [[nodiscard]] std::uint64_t Used() const { return used_; }
  [[nodiscard]] std::uint64_t LargestFree() const;
  /// Free ranges: offset and length.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& FreeRanges() const { return free_; }
  void CheckInvariants() const;

 private:
  void AddFree(std::uint64_t offset, std::uint64_t size);
  void RemoveFree(std::map<std::uint64_t, std::uint64_t>::iterator range);

  std::uint64_t capacity_;
  std::uint64_t alignment_;
  std::uint64_t used_ = 0;
  /// Offset to length. Added by Free, removed or shortened by Allocate.
  std::map<std::uint64_t, std::uint64_t> free_;
  /// The same ranges by length, then offset.
  std::set<std::pair<std::uint64_t, std::uint64_t>> free_by_size_;
  /// Offset to length. Added by Allocate, removed by Free.
  std::map<std::uint64_t, std::uint64_t> taken_;
};

}  // namespace mobula::object_store
