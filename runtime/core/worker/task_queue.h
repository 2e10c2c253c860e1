// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "runtime/base/ids.h"

namespace mobula::worker {

/// The tasks of a scheduling class that wait for a lease, in the order of their submission. A tree
/// of few nodes, as it may hold a million; but most queues hold one task, and only for an event:
/// that one needs no node.
class TaskQueue {
 public:
  /// Returns false when `order` is taken.
  bool Add(std::uint64_t order, TaskId task) {
    if (empty()) {
      only_.emplace(order, task);
      return true;
    }
    if (only_) many_.insert(*std::exchange(only_, std::nullopt));
    return many_.emplace(order, task).second;
  }
  /// Returns whether it was there.
  bool Remove(std::uint64_t order) {
    if (!only_) return many_.erase(order) > 0;
    if (only_->first != order) return false;
    only_.reset();
    return true;
  }
  /// REQUIRES: not empty.
  [[nodiscard]] TaskId Front() const { return only_ ? only_->second : many_.begin()->second; }
  /// REQUIRES: not empty.
  TaskId TakeFront() {
    if (only_) return std::exchange(only_, std::nullopt)->second;
    const TaskId task = many_.begin()->second;
    many_.erase(many_.begin());
    return task;
  }
  [[nodiscard]] bool empty() const { return !only_ && many_.empty(); }
  [[nodiscard]] std::size_t size() const { return many_.size() + (only_ ? 1 : 0); }

 private:
  /// Set only while `many_` is empty.
  std::optional<std::pair<std::uint64_t, TaskId>> only_;
  absl::btree_map<std::uint64_t, TaskId> many_;
};

}  // namespace mobula::worker
