// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/worker/context.h"

namespace mobula::worker {

/// What the lease and actor clients, which know where tasks can go, ask of the task manager, which
/// knows the tasks.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// Whether all arguments are known; a call that is not ready blocks the calls behind it.
  [[nodiscard]] virtual bool IsReady(TaskId task) const = 0;
  /// Sends the task to `worker`, whose lease has these GPUs. Returns false when an argument was
  /// lost in the meantime: the task waits for it again, and comes back when it is there.
  virtual bool Push(TaskId task, const Address& worker, std::uint64_t sequence,
                    const std::vector<std::uint32_t>& gpus) = 0;
  /// Finishes the task with an error in all of its returns.
  virtual void Fail(TaskId task, ErrorInfo error) = 0;
  [[nodiscard]] virtual const TaskSpec& SpecOf(TaskId task) const = 0;
  /// Nodes that hold the task's stored arguments, most bytes first.
  [[nodiscard]] virtual std::vector<NodeId> PreferredNodes(TaskId task) const = 0;
};

}  // namespace mobula::worker
