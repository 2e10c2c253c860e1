// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/base/time.h"

namespace mobula::sim {

/// What will happen, in order of time; what happens at one instant comes in the order it was
/// pushed. The heap moves keys only: the items, which may be large, stay where they were put until
/// they are due.
template <class T>
class EventQueue {
 public:
  [[nodiscard]] bool IsEmpty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t Size() const { return heap_.size(); }
  /// REQUIRES: not empty.
  [[nodiscard]] Instant NextTime() const {
    CHECK(!heap_.empty());
    return heap_.front().at;
  }

  void Push(Instant at, T item) {
    heap_.push_back(Key{at, next_index_++, Store(std::move(item))});
    std::push_heap(heap_.begin(), heap_.end(), IsLater);
  }

  /// Removes and returns what comes first. REQUIRES: not empty.
  T Pop() {
    CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), IsLater);
    const std::uint32_t slot = heap_.back().slot;
    heap_.pop_back();
    free_.push_back(slot);
    return std::move(items_[slot]);
  }

  void Clear() {
    heap_.clear();
    items_.clear();
    free_.clear();
  }

 private:
  struct Key {
    Instant at;
    std::uint64_t index = 0;
    std::uint32_t slot = 0;
  };

  static bool IsLater(const Key& a, const Key& b) {
    return a.at != b.at ? a.at > b.at : a.index > b.index;
  }

  std::uint32_t Store(T item) {
    if (free_.empty()) {
      items_.push_back(std::move(item));
      return static_cast<std::uint32_t>(items_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    items_[slot] = std::move(item);
    return slot;
  }

  std::vector<Key> heap_;
  std::uint64_t next_index_ = 0;
  /// Indexed by `Key::slot`; `free_` lists the slots that no key names.
  std::vector<T> items_;
  std::vector<std::uint32_t> free_;
};

}  // namespace mobula::sim
