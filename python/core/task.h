// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "python/core/reference.h"
#include "runtime/core/worker/events.h"

namespace mobula::python {

/// Names the tasks and puts of one execution: of a task's attempt, or of a process outside any
/// task.
struct TaskContext {
  TaskId task;
  std::uint32_t attempt = 0;
  std::uint64_t submitted = 0;
  std::uint32_t puts = 0;

  TaskId NextTask() { return ChildTask(task, attempt, submitted++); }
  ObjectId NextPut() { return PutObject(task, attempt, puts++); }
};

/// All of a task that does not change from call to call: what the tasks of `.remote()` share.
class TaskTemplate {
 public:
  explicit TaskTemplate(TaskHeader header) : header_(std::move(header)) {}

  /// As this process, its owner, submits it.
  const Shared<TaskHeader>& HeaderFor(const WorkerRegistered& identity);

 private:
  Shared<TaskHeader> header_;
};

/// A task that this process was told to run, until it is reported executed.
class RunningTask {
 public:
  RunningTask(ProcessPointer process, worker::RunTask run)
      : process_(std::move(process)), run_(std::move(run)) {}

  [[nodiscard]] const TaskSpec& Spec() const { return run_.spec; }
  /// The numbers of those that it holds.
  [[nodiscard]] const std::vector<std::uint32_t>& Gpus() const { return run_.gpus; }
  /// Items that it has yielded.
  [[nodiscard]] std::uint32_t ItemsMade() const { return items_made_; }
  void CountItem() { ++items_made_; }
  /// (function id as bytes, function name, arguments): what to call. The arguments are a list of
  /// (kind, data, object id), the id empty for inline ones, or None if there are none. The first
  /// call only: the pins pass to the list.
  py::tuple TakeCall();

 private:
  ProcessPointer process_;
  worker::RunTask run_;
  std::uint32_t items_made_ = 0;
};

/// (list, places): the values of a get that has not failed. Small values of simple kinds are there
/// as such, the others as bytes or `StoreBuffer` to be deserialised, whose places are listed, too.
py::tuple ToPythonValues(const ProcessPointer& process,
                         const std::vector<worker::FetchedValue>& fetched);
/// (kind, data, `id`): 0 and 1, a value or an exception as bytes or `StoreBuffer`; 2, a system
/// error as a dict.
py::tuple ToPythonValue(const ProcessPointer& process, const worker::FetchedValue& value,
                        const std::string& id);

/// From (kind, data or None, size, contained): data None says that it lies in the store. Of a
/// generator those after the first are further items.
std::vector<TaskResult> ResultsOf(const RunningTask& task, const py::list& results);
TaskResult ResultOf(ObjectId object, const py::tuple& fields);

void BindTask(py::module_& module);

}  // namespace mobula::python
