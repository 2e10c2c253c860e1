// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "python/core/reference.h"
#include "python/core/task.h"
#include "runtime/core/worker/process.h"

namespace mobula::python {

/// `worker::Process` for Python: every method posts one event, none blocks. Both worlds hand this
/// to the package; how its requests are awaited is theirs.
class ProcessBinding {
 public:
  explicit ProcessBinding(ProcessPointer process) : process_(std::move(process)) {}
  virtual ~ProcessBinding() = default;

  [[nodiscard]] const ProcessPointer& Get() const { return process_; }

  /// Where the driver's own tasks and puts, or those of a worker's background threads, get their
  /// names.
  [[nodiscard]] TaskContext RootContext() const;

  /// The return references: None, one, or a list. `blob` is the first slot unless None; then come
  /// the references, whose values the executor receives.
  py::object SubmitTask(TaskContext& context, TaskTemplate& pattern, const py::object& blob,
                        const py::object& contained, const py::object& references);
  /// (actor id, the reference that stands for its handle).
  py::tuple CreateActor(TaskContext& context, TaskTemplate& pattern, const py::object& blob,
                        const py::object& contained, const py::object& references);
  py::object PutInline(TaskContext& context, const py::bytes& data, const py::object& contained);

 private:
  TaskSpec SpecFor(TaskContext& context, TaskTemplate& pattern, const py::object& blob,
                   const py::object& contained, const py::object& references) const;

  ProcessPointer process_;
};

/// The answer to a request: of a get what `ToPythonValues` says, (kind, data, object id) of one
/// that failed, or None on time-out; of a wait the ready ids; of a buffer request (offset, error
/// dict or None); of a question the fields of its reply.
py::object ToPythonCompletion(const ProcessPointer& process, const worker::Completion& completion);

void BindProcess(py::module_& module);

}  // namespace mobula::python
