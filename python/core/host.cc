// SPDX-License-Identifier: Apache-2.0
#include "python/core/host.h"

#include <pthread.h>
#include <pybind11/stl.h>
#include <signal.h>

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "python/core/convert.h"
#include "python/core/direct_call.h"
#include "python/core/process.h"
#include "runtime/host/process/process_runtime.h"

namespace mobula::python {
namespace {

/// For the waits of the runtime: whether a signal's Python handler raised. The error stays set.
bool SignalRaised() {
  const py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

class HostProcess : public ProcessBinding {
 public:
  explicit HostProcess(std::shared_ptr<host::ProcessRuntime> runtime)
      : ProcessBinding(runtime), runtime_(std::move(runtime)) {}

  py::object Await(worker::RequestId request) {
    std::optional<worker::Completion> completion;
    {
      const py::gil_scoped_release unlocked;
      completion = runtime_->AwaitUnless(request, SignalRaised);
    }
    if (!completion) throw py::error_already_set();
    return ToPythonCompletion(Get(), *completion);
  }

  py::object TryTake(worker::RequestId request) {
    const auto completion = runtime_->TryTake(request);
    if (!completion) return py::none();
    return py::make_tuple(ToPythonCompletion(Get(), *completion));
  }

  /// A `RunningTask`, the hexadecimal id of a task to interrupt, or None: leave.
  py::object NextTask() {
    std::optional<host::TaskEvent> event;
    {
      const py::gil_scoped_release unlocked;
      event = runtime_->NextTask();
    }
    if (!event) return py::none();
    return ToPythonTask(std::move(*event));
  }

  /// All that has come, as `NextTask` has it, or None. With a timeout of 0 it does not wait.
  py::object NextTasks(int loop, std::optional<double> timeout) {
    if (timeout != 0) {
      const py::gil_scoped_release unlocked;
      runtime_->AwaitTasks(loop, timeout ? std::optional(FromSeconds(*timeout)) : std::nullopt);
    }
    std::optional<std::vector<host::TaskEvent>> events = runtime_->TakeTasks();
    if (!events) return py::none();
    py::list tasks;
    for (host::TaskEvent& event : *events) tasks.append(ToPythonTask(std::move(event)));
    return tasks;
  }

  /// (kind, fields); None once disconnected.
  py::object NextNotice() {
    std::optional<host::Notice> notice;
    {
      const py::gil_scoped_release unlocked;
      notice = runtime_->NextNotice();
    }
    if (!notice) return py::none();
    return py::make_tuple(NameOf(*notice), ToPython(*notice));
  }

  /// The calling thread, busy with a task, learns of interrupts by a signal; its handler asks
  /// `TakeInterrupts` which tasks are meant.
  void InterruptWithSignal(int signal) {
    runtime_->OnInterrupt(
        [this, thread = pthread_self(), signal](const worker::InterruptTask& interrupt) {
          {
            const std::lock_guard lock(interrupts_mutex_);
            interrupts_.push_back(interrupt.task);
          }
          pthread_kill(thread, signal);
        });
  }

  /// Calls that run in other threads are interrupted by the one that takes tasks.
  void InterruptThroughNextTask() { runtime_->OnInterrupt({}); }

  std::vector<std::string> TakeInterrupts() {
    const std::lock_guard lock(interrupts_mutex_);
    std::vector<std::string> tasks;
    for (const TaskId task : std::exchange(interrupts_, {})) tasks.push_back(task.Hex());
    return tasks;
  }

  void Close(const std::string& reason) {
    const py::gil_scoped_release unlocked;
    runtime_->Close(reason);
  }

  [[nodiscard]] host::ProcessRuntime& Runtime() { return *runtime_; }

 private:
  py::object ToPythonTask(host::TaskEvent event) {
    if (auto* run = std::get_if<worker::RunTask>(&event)) {
      return py::cast(std::make_unique<RunningTask>(Get(), std::move(*run)));
    }
    return py::str(std::get<worker::InterruptTask>(event).task.Hex());
  }

  std::shared_ptr<host::ProcessRuntime> runtime_;
  std::mutex interrupts_mutex_;
  std::vector<TaskId> interrupts_;
};

/// A driver when `worker` is empty.
std::unique_ptr<HostProcess> Connect(const std::string& socket_name, const std::string& worker,
                                     const std::string& ray_namespace,
                                     const py::bytes& language_config,
                                     std::int64_t lineage_bytes_max) {
  host::ConnectOptions options;
  options.socket_name = socket_name;
  options.is_driver = worker.empty();
  options.worker_id = options.is_driver ? host::FreshWorkerId() : IdFromHex<WorkerId>(worker);
  options.job_config = {ray_namespace, Bytes::Of(ViewOf(language_config)), lineage_bytes_max};
  absl::StatusOr<std::unique_ptr<host::ProcessRuntime>> runtime;
  {
    const py::gil_scoped_release unlocked;
    runtime = host::ConnectProcess(std::move(options));
  }
  if (!runtime.ok()) {
    PyErr_SetString(PyExc_ConnectionError, std::string(runtime.status().message()).c_str());
    throw py::error_already_set();
  }
  return std::make_unique<HostProcess>(std::move(*runtime));
}

}  // namespace

void BindHost(py::module_& module) {
  using namespace py::literals;
  py::register_exception<host::RuntimeDisconnected>(module, "Disconnected", PyExc_ConnectionError);
  py::class_<HostProcess, ProcessBinding> process(module, "HostProcess");
  process.def("await_", &HostProcess::Await, "request"_a)
      .def("try_take", &HostProcess::TryTake, "request"_a)
      .def(
          "notify_through_fd",
          [](HostProcess& self, worker::RequestId request) {
            self.Runtime().NotifyThroughFd(request);
          },
          "request"_a)
      .def("wakeup_fd", [](HostProcess& self) { return self.Runtime().WakeupFd(); })
      .def("completion_fd", [](HostProcess& self) { return self.Runtime().CompletionFd(); })
      .def("take_notified", [](HostProcess& self) { return self.Runtime().TakeNotified(); })
      .def("next_tasks", &HostProcess::NextTasks, "loop"_a = -1, "timeout"_a = py::none())
      .def("next_notice", &HostProcess::NextNotice)
      .def("interrupt_with_signal", &HostProcess::InterruptWithSignal, "signal"_a)
      .def("interrupt_through_next_task", &HostProcess::InterruptThroughNextTask)
      .def("take_interrupts", &HostProcess::TakeInterrupts)
      .def(
          "mark_span",
          [](HostProcess& self, double started, double ended, const std::string& text) {
            self.Runtime().MarkSpan(Instant{} + FromSeconds(started),
                                    Instant{} + FromSeconds(ended), text);
          },
          "started"_a, "ended"_a, "text"_a)
      .def("metric_samples",
           [](HostProcess& self) {
             const std::span<std::byte> area = self.Runtime().MetricSamples();
             return py::memoryview::from_memory(static_cast<void*>(area.data()),
                                                static_cast<py::ssize_t>(area.size()));
           })
      .def("pending_calls",
           [](HostProcess& self, const std::string& actor) {
             return self.Runtime().PendingCalls(IdFromHex<ActorId>(actor));
           })
      .def("pending_tasks",
           [](HostProcess& self) { return ToPython(self.Runtime().PendingTasks()); })
      .def("failed_tasks", [](HostProcess& self) { return ToPython(self.Runtime().FailedTasks()); })
      .def("references", [](HostProcess& self) { return ToPython(self.Runtime().References()); })
      .def("close", &HostProcess::Close, "reason"_a)
      .def("is_connected", [](HostProcess& self) { return self.Runtime().IsConnected(); });
  DefineDirectly<HostProcess, 0, [](HostProcess& self, auto) { return self.NextTask(); }>(
      process, "next_task");
  module.def("connect", &Connect, "socket_name"_a, "worker"_a = "", "ray_namespace"_a = "",
             "language_config"_a = py::bytes(), "lineage_bytes_max"_a = 0);
}

}  // namespace mobula::python
