// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "runtime/core/worker/request_table.h"
#include "runtime/core/worker/task_manager.h"

namespace mobula::worker {

/// Finds calls that wait for one another in a circle, and tells the driver. View: one process's.
///
///   blocked process          owner of what it waits for          process that has the task
///         | TraceWait (the task) |                                     |
///         |--------------------->| TraceWait (the task, executing)     |
///         |                      |------------------------------------>| blocked, too? then on to
///         |<-------------------------------------------------------------- what that waits for
///
/// A trace starts once for each `get` that has blocked a task for a while, and goes on only through
/// what blocks for good: a `get` of a task, its turn behind such a task in a process that runs one
/// at a time, an argument that is being made. If it comes back to the `get` that it started from,
/// that is a deadlock. Whichever `get` closed the circle finds it, as by then the others block. It
/// ends at code that runs; what waits for resources is the raylet's to see.
class DeadlockWatch {
 public:
  DeadlockWatch(Context& context, ReferenceTable& references, Executor& executor,
                RequestTable& requests, TaskManager& tasks)
      : context_(context),
        references_(references),
        executor_(executor),
        requests_(requests),
        tasks_(tasks) {}

  /// Starts the traces that are due.
  void OnTimer();
  void OnTrace(const TraceWait& trace);
  /// Driver: tells the user, once for each circle.
  void OnFound(const DeadlockFound& found);

 private:
  void OnTraceOfPushed(TraceWait trace);
  void OnTraceOfOwned(const TraceWait& trace);
  void Follow(const std::vector<ObjectId>& objects, const TraceWait& trace);
  void Report(const TraceWait& trace);

  Context& context_;
  ReferenceTable& references_;
  Executor& executor_;
  RequestTable& requests_;
  TaskManager& tasks_;
  /// Traces that the present `get` has sent on: (worker, request) of their starts.
  std::set<std::pair<WorkerId, std::uint64_t>> sent_on_;
  RequestId sent_on_for_ = 0;
  /// Driver only.
  std::set<std::pair<std::vector<TaskId>, std::string>> told_;
};

}  // namespace mobula::worker
