// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/base/check.h"

namespace mobula::sim {

/// The memory behind one incarnation of a node's object store. Addresses stay valid as long as it
/// lives, and user code may still look at values of a node that crashed, so a world keeps these to
/// its end.
class StoreMemory {
 public:
  explicit StoreMemory(std::uint64_t capacity) : capacity_(capacity) {}

  /// Bytes [offset, offset + size).
  std::byte* At(std::uint64_t offset, std::uint64_t size) {
    CHECK(offset <= capacity_ && size <= capacity_ - offset)
        << offset << " + " << size << " of " << capacity_ << " bytes";
    if (!content_) Allocate();
    return begin_ + offset;
  }

 private:
  /// As of a mapped segment: what lies at an aligned offset has an aligned address.
  static constexpr std::size_t kAlignment = 64;

  void Allocate() {
    std::size_t room = capacity_ + kAlignment;
    // Not initialised: the operating system gives pages when they are touched.
    content_ = std::make_unique_for_overwrite<std::byte[]>(room);
    void* begin = content_.get();
    begin_ = static_cast<std::byte*>(std::align(kAlignment, capacity_, begin, room));
  }

  std::uint64_t capacity_;
  /// Made when first used.
  std::unique_ptr<std::byte[]> content_;
  std::byte* begin_ = nullptr;
};

}  // namespace mobula::sim
