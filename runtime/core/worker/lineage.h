// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "runtime/core/protocol/task_spec.h"
#include "runtime/core/worker/options.h"

namespace mobula::worker {

/// How much lineage is kept, and which was kept first: a byte count in front of the task manager's
/// finished tasks. View: one process's.
class Lineage {
 public:
  struct Place {
    std::uint64_t order = 0;
    std::uint64_t bytes = 0;
  };

  /// The limit is `options.lineage_bytes_max`, which the job may still change.
  explicit Lineage(const Options& options) : options_(options) {}

  /// The newest.
  Place Add(const TaskSpec& spec);
  void Remove(const Place& place);
  /// The oldest task while the limit is passed.
  [[nodiscard]] std::optional<TaskId> Excess() const;
  [[nodiscard]] std::size_t Size() const { return tasks_.size(); }

 private:
  const Options& options_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_order_ = 0;
  std::map<std::uint64_t, TaskId> tasks_;
};

}  // namespace mobula::worker
