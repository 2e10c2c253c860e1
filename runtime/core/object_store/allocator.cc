// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/allocator.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/check.h"

namespace mobula::object_store {

Allocator::Allocator(std::uint64_t capacity, std::uint64_t alignment) : alignment_(alignment) {
  CHECK(alignment > 0);
  capacity_ = capacity - capacity % alignment;
  if (capacity_ > 0) AddFree(0, capacity_);
}

std::uint64_t Allocator::Rounded(std::uint64_t size) const {
  const std::uint64_t units = size / alignment_ + (size % alignment_ != 0 ? 1 : 0);
  return std::max<std::uint64_t>(units, 1) * alignment_;
}

std::optional<std::uint64_t> Allocator::Allocate(std::uint64_t size) {
  if (size > capacity_) return std::nullopt;
  const std::uint64_t rounded = Rounded(size);
  const auto fit = free_by_size_.lower_bound({rounded, 0});
  if (fit == free_by_size_.end()) return std::nullopt;
  const auto [length, offset] = *fit;
  RemoveFree(free_.find(offset));
  if (length > rounded) AddFree(offset + rounded, length - rounded);
  taken_.emplace(offset, rounded);
  used_ += rounded;
  return offset;
}

void Allocator::Free(std::uint64_t offset) {
  const auto range = taken_.find(offset);
  CHECK(range != taken_.end()) << "nothing was allocated at " << offset;
  std::uint64_t begin = offset;
  std::uint64_t end = offset + range->second;
  used_ -= range->second;
  taken_.erase(range);
  const auto next = free_.lower_bound(begin);
  const auto previous = next == free_.begin() ? free_.end() : std::prev(next);
  if (next != free_.end() && next->first == end) {
    end += next->second;
    RemoveFree(next);
  }
  if (previous != free_.end() && previous->first + previous->second == begin) {
    begin = previous->first;
    RemoveFree(previous);
  }
  AddFree(begin, end - begin);
}

std::uint64_t Allocator::LargestFree() const {
  return free_by_size_.empty() ? 0 : free_by_size_.rbegin()->first;
}

void Allocator::AddFree(std::uint64_t offset, std::uint64_t size) {
  free_.emplace(offset, size);
  free_by_size_.emplace(size, offset);
}

void Allocator::RemoveFree(std::map<std::uint64_t, std::uint64_t>::iterator range) {
  free_by_size_.erase({range->second, range->first});
  free_.erase(range);
}

void Allocator::CheckInvariants() const {
  CHECK(free_.size() == free_by_size_.size());
  auto free = free_.begin();
  auto taken = taken_.begin();
  std::uint64_t position = 0;
  std::uint64_t used = 0;
  bool was_free = false;
  while (position < capacity_) {
    const bool is_free = free != free_.end() && free->first == position;
    CHECK(is_free || (taken != taken_.end() && taken->first == position)) << "gap at " << position;
    CHECK(!(is_free && was_free)) << "two free ranges meet at " << position;
    const std::uint64_t length = is_free ? (free++)->second : (taken++)->second;
    CHECK(length > 0 && length % alignment_ == 0) << "length " << length << " at " << position;
    if (!is_free) used += length;
    position += length;
    was_free = is_free;
  }
  CHECK(position == capacity_ && free == free_.end() && taken == taken_.end());
  CHECK(used == used_) << used << " bytes are taken, " << used_ << " were counted";
}

}  // namespace mobula::object_store
