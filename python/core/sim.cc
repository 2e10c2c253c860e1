// SPDX-License-Identifier: Apache-2.0
#include "python/core/sim.h"

#include <pybind11/stl.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "faults/plan_check.h"
#include "faults/plan_file.h"
#include "faults/short_form.h"
#include "python/core/convert.h"
#include "python/core/cpp_workers.h"
#include "python/core/process.h"
#include "runtime/base/check.h"
#include "runtime/core/node/node.h"
#include "sim/world.h"

namespace mobula::python {
namespace {

using WorldPointer = std::shared_ptr<sim::World>;

/// Wrong options and names are the caller's mistake: ValueError, with the status's own words.
void Require(const absl::Status& status) {
  if (!status.ok()) throw py::value_error(std::string(status.message()));
}

/// A process of the world. It shares the world's life, so that references may outlive the hub.
class SimProcess : public ProcessBinding {
 public:
  SimProcess(WorldPointer world, WorkerId worker)
      : ProcessBinding(ProcessPointer(world, &world->ProcessOf(worker))),
        world_(std::move(world)),
        worker_(worker) {}

  /// A tuple of the completion that is there already, or None.
  py::object TryTake(worker::RequestId request) {
    const auto completion = world_->TakeCompletion(worker_, request);
    if (!completion) return py::none();
    return py::make_tuple(ToPythonCompletion(Get(), *completion));
  }
  py::object PendingTasks() const { return View(&worker::Worker::PendingTasks); }
  [[nodiscard]] std::size_t PendingCalls(const std::string& actor) const {
    const worker::Worker* machine = world_->FindWorker(worker_);
    return machine == nullptr ? 0 : machine->PendingCalls(IdFromHex<ActorId>(actor));
  }
  py::object FailedTasks() const { return View(&worker::Worker::FailedTasks); }
  py::object References() const { return View(&worker::Worker::References); }
  [[nodiscard]] bool IsConnected() const { return world_->IsAlive(worker_); }

 private:
  /// Of a process that is gone: nothing.
  template <class Views>
  py::object View(Views (worker::Worker::*views)() const) const {
    const worker::Worker* machine = world_->FindWorker(worker_);
    return machine == nullptr ? py::list() : ToPython((machine->*views)());
  }

  WorldPointer world_;
  WorkerId worker_;
};

/// Turns what the world asks of the hub into (name, process, what it says).
struct ActionToPython {
  const WorldPointer& world;

  py::tuple operator()(sim::ProcessReady& action) const {
    return py::make_tuple("ProcessReady", ToPython(action.process), action.is_driver,
                          action.node_name, action.pid);
  }
  py::tuple operator()(sim::RunTask& action) const {
    return py::make_tuple(
        "RunTask", ToPython(action.process),
        std::make_unique<RunningTask>(PointerTo(action.process), std::move(action.run)),
        action.arrived.nanoseconds);
  }
  py::tuple operator()(sim::Completed& action) const {
    return py::make_tuple("Completed", ToPython(action.process), action.request,
                          ToPythonCompletion(PointerTo(action.process), action.completion));
  }
  py::tuple operator()(sim::SleepOver& action) const {
    return py::make_tuple("SleepOver", ToPython(action.process), action.sleep);
  }
  py::tuple operator()(sim::InterruptTask& action) const {
    return py::make_tuple("InterruptTask", ToPython(action.process), ToPython(action.task));
  }
  py::tuple operator()(sim::LeaveProcess& action) const {
    return py::make_tuple("LeaveProcess", ToPython(action.process), action.reason);
  }
  py::tuple operator()(sim::ProcessDead& action) const {
    return py::make_tuple("ProcessDead", ToPython(action.process), action.reason);
  }
  py::tuple operator()(sim::Warned& action) const {
    return py::make_tuple("Warned", ToPython(action.process), action.message);
  }
  py::tuple operator()(sim::ErrorUnhandled& action) const {
    return py::make_tuple("ErrorUnhandled", ToPython(action.process), ToPython(action.value));
  }
  py::tuple operator()(sim::LogsShown& action) const {
    return py::make_tuple("LogsShown", ToPython(action.process), ToPython(action.logs));
  }
  py::tuple operator()(sim::Paused&) const { return py::make_tuple("Paused", ""); }
  py::tuple operator()(sim::Idle& action) const {
    return py::make_tuple("Idle", "", ToPython(action.waits));
  }

  ProcessPointer PointerTo(WorkerId process) const {
    return ProcessPointer(world, &world->ProcessOf(process));
  }
};

py::tuple Step(const WorldPointer& world, CppWorkers& cpp_workers) {
  sim::HubAction action = cpp_workers.Step();
  return std::visit(ActionToPython{world}, action);
}

using Labels = std::map<std::string, std::string>;

sim::NodeShape MakeShape(const std::map<std::string, double>& resources,
                         std::optional<std::uint64_t> store_capacity, const Labels& labels,
                         std::optional<std::uint64_t> min_spilling_size, bool spills) {
  sim::NodeShape shape;
  shape.resources = ResourceSet::Of(resources);
  shape.labels = labels;
  if (store_capacity) shape.store_capacity = *store_capacity;
  if (min_spilling_size) shape.min_spilling_size = *min_spilling_size;
  if (!spills) shape.disk_capacity = 0;
  return shape;
}

/// A task costs what its name says, else `fallback`.
std::function<Duration(const TaskSpec&)> CostModel(std::optional<std::int64_t> fallback_ns,
                                                   std::map<std::string, std::int64_t> by_name_ns) {
  if (!fallback_ns && by_name_ns.empty()) return {};
  return [fallback = Nanoseconds(fallback_ns.value_or(50'000)),
          by_name = std::move(by_name_ns)](const TaskSpec& spec) {
    const auto found = by_name.find(spec.header->name);
    return found == by_name.end() ? fallback : Nanoseconds(found->second);
  };
}

faults::PlanFormat FormOf(const std::string& form) {
  if (form == "text") return faults::PlanFormat::kText;
  if (form == "json") return faults::PlanFormat::kJson;
  throw py::value_error("expected the form text or json of a plan, got " + form);
}

faults::Plan ParsePlan(const std::string& text, const std::string& file, const std::string& form) {
  absl::StatusOr<faults::Plan> plan = faults::ParsePlan(text, file, FormOf(form));
  Require(plan.status());
  return *std::move(plan);
}

/// A plan's text, the name that errors give its file, and its form.
using PlanText = std::tuple<std::string, std::string, std::string>;

/// What the short forms say, behind what the plans say.
faults::Plan PlanOf(const std::vector<PlanText>& plans, const std::vector<std::string>& crashes,
                    const std::vector<std::string>& restarts,
                    const std::vector<sim::NodeShape>& nodes) {
  std::vector<faults::NodeFacts> facts;
  for (const sim::NodeShape& node : nodes) {
    facts.push_back({"n" + std::to_string(facts.size() + 1), node.labels, true, facts.empty()});
  }
  faults::Plan plan;
  for (const auto& [text, file, form] : plans) {
    const faults::Plan one = ParsePlan(text, file, form);
    // Here, while it is known where each fault is written.
    Require(faults::CheckPlan(one, facts));
    for (const faults::Fault& fault : one.faults) plan.Add(fault);
  }
  for (const std::string& text : crashes) {
    absl::StatusOr<faults::Fault> parsed = faults::ParseCrash(text);
    Require(parsed.status());
    plan.Add(*std::move(parsed));
  }
  for (const std::string& text : restarts) {
    absl::StatusOr<faults::Fault> parsed = faults::ParseRestart(text);
    Require(parsed.status());
    plan.Add(*std::move(parsed));
  }
  return plan;
}

WorldPointer CreateWorld(const std::vector<Labels>& nodes,
                         const std::map<std::string, double>& resources,
                         std::optional<std::uint64_t> store_capacity, std::uint64_t seed,
                         const std::vector<PlanText>& plans,
                         const std::vector<std::string>& crashes,
                         const std::vector<std::string>& restarts, const std::string& trace_file,
                         const std::string& hashes_file, std::optional<std::int64_t> latency_ns,
                         std::optional<std::int64_t> cost_ns,
                         std::map<std::string, std::int64_t> costs_ns, bool check_invariants) {
  sim::Options options;
  options.nodes.clear();
  for (const Labels& labels : nodes) {
    options.nodes.push_back(MakeShape(resources, store_capacity, labels, {}, true));
  }
  options.seed = seed;
  options.faults = PlanOf(plans, crashes, restarts, options.nodes);
  options.trace_file = trace_file;
  options.hashes_file = hashes_file;
  if (latency_ns) options.timing.link_latency = Nanoseconds(*latency_ns);
  options.task_cost = CostModel(cost_ns, std::move(costs_ns));
  options.check_invariants = check_invariants;
  absl::StatusOr<std::unique_ptr<sim::World>> world = sim::World::Create(std::move(options));
  Require(world.status());
  return *std::move(world);
}

/// Makes the faults of a plan happen now, whatever it says of when.
void Inject(sim::World& world, const std::string& plan) {
  for (const faults::Fault& fault : ParsePlan(plan, "plan", "json").faults) {
    Require(world.Inject(fault.kind));
  }
}

std::string AddDriver(sim::World& world, const std::string& ray_namespace,
                      const py::bytes& language_config, std::int64_t lineage_bytes_max) {
  sim::DriverOptions options;
  options.job_config = {ray_namespace, Bytes::Of(ViewOf(language_config)), lineage_bytes_max};
  return world.AddDriver(std::move(options)).Hex();
}

py::dict ToPythonReport(const sim::Report& report) {
  using namespace py::literals;
  return py::dict("text"_a = report.ToString(), "events"_a = report.events,
                  "tasks_run"_a = report.tasks_run, "node_crashes"_a = report.node_crashes,
                  "worker_crashes"_a = report.worker_crashes,
                  "tasks_retried"_a = report.tasks_retried, "tasks_lost"_a = report.tasks_lost,
                  "copies_lost"_a = report.copies_lost);
}

std::string HashText(const sim::World& world) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(world.TraceHash()));
  return text;
}

void BindWorld(py::module_& module) {
  using namespace py::literals;
  const auto id = [](const std::string& hex) { return IdFromHex<WorkerId>(hex); };
  py::class_<sim::NodeShape>(module, "NodeShape")
      .def(py::init(&MakeShape), py::kw_only(), "resources"_a, "store_capacity"_a = py::none(),
           "labels"_a = Labels(), "min_spilling_size"_a = py::none(), "spills"_a = true);
  py::class_<sim::World, WorldPointer>(module, "World")
      .def(py::init(&CreateWorld), py::kw_only(), "nodes"_a, "resources"_a,
           "store_capacity"_a = py::none(), "seed"_a, "plans"_a, "crashes"_a, "restarts"_a,
           "trace_file"_a = "", "hashes_file"_a = "", "latency_ns"_a = py::none(),
           "cost_ns"_a = py::none(), "costs_ns"_a = std::map<std::string, std::int64_t>(),
           "check_invariants"_a = false)
      .def("step", &Step, "cpp_workers"_a)
      .def("pause_before_events", &sim::World::PauseBeforeEvents, "pause"_a)
      .def("add_driver", &AddDriver, "ray_namespace"_a, "language_config"_a,
           "lineage_bytes_max"_a = 0)
      .def("stop_cluster", &sim::World::StopCluster)
      .def("cluster_runs", &sim::World::ClusterRuns)
      .def("configure_node",
           [](sim::World& self, const std::string& name, const sim::NodeShape& shape) {
             Require(self.ConfigureNode(name, shape));
           })
      .def("reserve_nodes",
           [](sim::World& self, bool reserve) { Require(self.ReserveNodes(reserve)); })
      .def("add_node",
           [](sim::World& self, const sim::NodeShape& shape) { return self.AddNode(shape); })
      .def("remove_node",
           [](sim::World& self, const std::string& name) { Require(self.RemoveNode(name)); })
      .def("inject", &Inject, "plan"_a)
      .def("heal", &sim::World::Heal)
      .def("faults_happened",
           [](const sim::World& self) {
             return faults::FormatPlan(self.FaultsHappened(), faults::PlanFormat::kJson);
           })
      .def("node_names", &sim::World::NodeNames)
      .def("node_id",
           [](const sim::World& self, const std::string& name) {
             const node::Node* node = self.FindNode(name);
             return node == nullptr ? std::string() : node->Self().Hex();
           })
      .def("node_resources",
           [](const sim::World& self, const std::string& name) {
             return ToPython(self.ShapeOf(name).resources);
           })
      .def("node_store_capacity",
           [](const sim::World& self, const std::string& name) {
             return self.ShapeOf(name).store_capacity;
           })
      .def("process",
           [id](WorldPointer self, const std::string& worker) {
             return std::make_unique<SimProcess>(std::move(self), id(worker));
           })
      .def("start_sleep",
           [id](sim::World& self, const std::string& worker, std::int64_t span_ns) {
             return self.StartSleep(id(worker), Nanoseconds(span_ns));
           })
      .def("cancel_sleep", &sim::World::CancelSleep)
      .def("write_output",
           [id](sim::World& self, const std::string& worker, bool is_error,
                std::vector<std::string> lines) {
             self.WriteOutput(id(worker), is_error, std::move(lines));
           })
      .def("end_process", [id](sim::World& self, const std::string& worker,
                               const std::string& reason) { self.EndProcess(id(worker), reason); })
      .def("crash_process",
           [id](sim::World& self, const std::string& worker, const std::string& reason) {
             self.CrashProcess(id(worker), reason);
           })
      .def("now_ns", [](const sim::World& self) { return self.Now().nanoseconds; })
      .def("trace_hash", &HashText)
      .def("flush_trace", &sim::World::FlushTrace)
      .def("waits", &sim::World::Waits)
      .def("report", [](const sim::World& self) { return ToPythonReport(self.GetReport()); });
}

/// Where failed CHECKs are written besides standard error, which may be captured: a file that is
/// open for the life of the process.
int failed_checks_file = -1;

void WriteFailedCheck(const std::string& text) {
  dprintf(failed_checks_file, "%s\n", text.c_str());
}

}  // namespace

void BindSim(py::module_& module) {
  using namespace py::literals;
  py::class_<SimProcess, ProcessBinding>(module, "SimProcess")
      .def("try_take", &SimProcess::TryTake, "request"_a)
      .def("pending_tasks", &SimProcess::PendingTasks)
      .def("pending_calls", &SimProcess::PendingCalls, "actor"_a)
      .def("failed_tasks", &SimProcess::FailedTasks)
      .def("references", &SimProcess::References)
      .def("is_connected", &SimProcess::IsConnected);
  // Real workers are started for an environment; simulated ones learn it from their first task.
  module.def("runtime_env_of",
             [](const RunningTask& task) { return task.Spec().header->runtime_env; });
  module.def(
      "convert_plan",
      [](const std::string& text, const std::string& file, const std::string& form,
         const std::string& to_form) {
        return faults::FormatPlan(ParsePlan(text, file, form), FormOf(to_form));
      },
      "text"_a, "file"_a, "form"_a, "to_form"_a);
  module.def(
      "report_failed_checks",
      [](int file) {
        failed_checks_file = file;
        SetCheckFailureHook(&WriteFailedCheck);
      },
      "file"_a);
  BindWorld(module);
  py::class_<CppWorkers>(module, "CppWorkers")
      .def(py::init<WorldPointer>(), "world"_a)
      .def("load", &CppWorkers::Load, "library"_a)
      .def("unwind_all", &CppWorkers::UnwindAll);
}

}  // namespace mobula::python
