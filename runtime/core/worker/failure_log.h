// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "runtime/core/protocol/task_spec.h"
#include "runtime/core/worker/views.h"

namespace mobula::worker {

/// The tasks of this process that failed last, for people: their references may be gone. View: one
/// process's.
class FailureLog {
 public:
  static constexpr std::size_t kKept = 100;

  /// REQUIRES: `payload` is no value. An exception that lies in a store is noted without its data.
  void Add(const TaskSpec& spec, const Payload& payload);
  /// Oldest first.
  [[nodiscard]] std::vector<FailedTask> Tasks() const { return {tasks_.begin(), tasks_.end()}; }

 private:
  std::uint64_t count_ = 0;
  std::deque<FailedTask> tasks_;
};

}  // namespace mobula::worker
