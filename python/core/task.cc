// SPDX-License-Identifier: Apache-2.0
#include "python/core/task.h"

#include <pybind11/stl.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "python/core/convert.h"
#include "python/core/direct_call.h"
#include "python/core/small_value.h"
#include "runtime/core/protocol/foreign.h"

namespace mobula::python {
namespace {

/// The keys are the fields of ActorOptions.
ActorOptions ActorOptionsOf(const py::dict& fields) {
  ActorOptions options;
  options.max_restarts = fields["max_restarts"].cast<std::int32_t>();
  options.max_task_retries = fields["max_task_retries"].cast<std::int32_t>();
  options.max_concurrency = fields["max_concurrency"].cast<std::uint32_t>();
  options.name = fields["name"].cast<std::string>();
  options.ray_namespace = fields["ray_namespace"].cast<std::string>();
  options.detached = fields["detached"].cast<bool>();
  options.is_async = fields["is_async"].cast<bool>();
  options.handle_description = Bytes(fields["handle_description"].cast<std::string>());
  options.out_of_order = fields["out_of_order"].cast<bool>();
  options.placement_resources =
      ResourceSet::Of(fields["placement_resources"].cast<std::map<std::string, double>>());
  return options;
}

/// From tuples of (key, operation, values, soft).
std::vector<LabelRule> LabelRulesOf(const std::vector<py::tuple>& rules) {
  std::vector<LabelRule> out;
  for (const py::tuple& rule : rules) {
    out.push_back({rule[0].cast<std::string>(),
                   EnumFromName<LabelOperator>(rule[1].cast<std::string>()),
                   rule[2].cast<std::vector<std::string>>(), rule[3].cast<bool>()});
  }
  return out;
}

/// The keys are the fields of TaskHeader; those left out keep their defaults.
TaskTemplate MakeTemplate(const std::string& kind, const std::string& language,
                          const std::string& function_id, const std::string& function_name,
                          const std::string& name, std::uint32_t num_returns,
                          const std::map<std::string, double>& resources, std::int32_t max_retries,
                          bool retry_exceptions, const std::string& actor,
                          const std::optional<py::dict>& actor_options, const std::string& strategy,
                          const std::string& strategy_node, bool strategy_soft,
                          const std::string& strategy_group, std::uint32_t strategy_bundle,
                          bool strategy_captures, const std::vector<py::tuple>& strategy_labels,
                          const std::string& runtime_env, const std::string& language_options,
                          bool is_stream, std::uint32_t stream_limit, bool stream_gathered) {
  TaskHeader header;
  header.kind = EnumFromName<TaskKind>(kind);
  header.function = {EnumFromName<Language>(language), IdFromHex<FunctionId>(function_id),
                     function_name};
  if (header.function.language != Language::kPython) header.function.id = kForeignFunction;
  header.name = name;
  header.num_returns = num_returns;
  header.resources = ResourceSet::Of(resources);
  header.max_retries = max_retries;
  header.retry_exceptions = retry_exceptions;
  header.actor = IdFromHex<ActorId>(actor);
  if (actor_options) header.actor_options = ActorOptionsOf(*actor_options);
  header.strategy = {EnumFromName<StrategyKind>(strategy),
                     IdFromHex<NodeId>(strategy_node),
                     strategy_soft,
                     IdFromHex<PlacementGroupId>(strategy_group),
                     strategy_bundle,
                     strategy_captures,
                     LabelRulesOf(strategy_labels)};
  header.runtime_env = runtime_env;
  header.language_options = Bytes(language_options);
  if (is_stream) header.stream = StreamOptions{stream_limit, stream_gathered};
  return TaskTemplate(std::move(header));
}

py::object DataOf(const ProcessPointer& process, const worker::FetchedValue& value) {
  if (value.stored)
    return py::cast(std::make_unique<StoreBuffer>(process, value.object, *value.stored));
  if (value.value.kind == PayloadKind::kError) return ToPython(value.value.Problem());
  return ToBytes(value.value.data);
}

struct CalledFunction {
  Shared<TaskHeader> header;
  py::object id;
  py::object name;
};

/// As Python has it. Most tasks have the header of the one before.
const CalledFunction& Called(const Shared<TaskHeader>& header) {
  // Never destroyed: Python may be gone by then.
  static CalledFunction& last = *new CalledFunction;
  if (last.header.Identity() == nullptr || last.header.Identity() != header.Identity()) {
    const FunctionRef& function = header->function;
    const std::array<std::uint64_t, 2> id{function.id.high, function.id.low};
    // Code that another language calls has no id.
    const bool is_foreign = IsForeign(function);
    last = {header,
            is_foreign ? py::object(py::none())
                       : py::bytes(reinterpret_cast<const char*>(id.data()), sizeof(id)),
            py::str(function.name)};
  }
  return last;
}

}  // namespace

py::tuple ToPythonValue(const ProcessPointer& process, const worker::FetchedValue& value,
                        const std::string& id) {
  const PayloadKind kind = value.stored ? value.stored->kind : value.value.kind;
  return py::make_tuple(static_cast<int>(kind), DataOf(process, value), py::bytes(id));
}

const Shared<TaskHeader>& TaskTemplate::HeaderFor(const WorkerRegistered& identity) {
  if (header_->owner != identity.address || header_->job != identity.job) {
    TaskHeader& header = header_.Edit();
    header.job = identity.job;
    header.owner = identity.address;
  }
  return header_;
}

py::tuple ToPythonValues(const ProcessPointer& process,
                         const std::vector<worker::FetchedValue>& fetched) {
  py::list values(fetched.size());
  py::list places;
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    py::object value = fetched[i].stored ? py::object() : DecodeSmall(fetched[i].value.data.View());
    if (!value) {
      value = DataOf(process, fetched[i]);
      places.append(i);
    }
    values[i] = std::move(value);
  }
  return py::make_tuple(std::move(values), std::move(places));
}

py::tuple RunningTask::TakeCall() {
  const CalledFunction& called = Called(run_.spec.header);
  const auto arguments = std::exchange(run_.arguments, {});
  if (arguments.empty()) return py::make_tuple(called.id, called.name, py::none());
  py::list list(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const TaskArgument& slot = run_.spec.arguments[i];
    const std::string id = slot.IsReference() ? EncodeObjectId(slot.reference->id) : std::string();
    list[i] = ToPythonValue(process_, arguments[i], id);
  }
  return py::make_tuple(called.id, called.name, std::move(list));
}

TaskResult ResultOf(ObjectId object, const py::tuple& fields) {
  TaskResult result;
  result.object = object;
  result.value.kind = static_cast<PayloadKind>(fields[0].cast<int>());
  result.in_store = fields[1].is_none();
  if (!result.in_store) {
    result.value.data = Bytes::Of(ViewOf(py::reinterpret_borrow<py::bytes>(fields[1])));
  }
  result.size = fields[2].cast<std::uint64_t>();
  result.contained = ReferencesOf(fields[3]);
  return result;
}

std::vector<TaskResult> ResultsOf(const RunningTask& task, const py::list& results) {
  std::vector<TaskResult> out;
  out.reserve(results.size());
  for (const py::handle& fields : results) {
    auto index = static_cast<std::uint32_t>(out.size());
    if (index > 0) index += task.ItemsMade();
    out.push_back(ResultOf(task.Spec().Return(index), py::reinterpret_borrow<py::tuple>(fields)));
  }
  return out;
}

void BindTask(py::module_& module) {
  using namespace py::literals;
  py::class_<TaskContext>(module, "TaskContext")
      .def(py::init([](const std::string& task, std::uint32_t attempt) {
             return TaskContext{IdFromHex<TaskId>(task), attempt};
           }),
           "task"_a, "attempt"_a)
      .def_property_readonly("task", [](const TaskContext& self) { return self.task.Hex(); })
      .def_readonly("attempt", &TaskContext::attempt);
  py::class_<TaskTemplate>(module, "TaskTemplate")
      .def(py::init(&MakeTemplate), py::kw_only(), "kind"_a, "language"_a = "kPython",
           "function_id"_a = "", "function_name"_a = "", "name"_a = "", "num_returns"_a = 1,
           "resources"_a = std::map<std::string, double>{}, "max_retries"_a = 0,
           "retry_exceptions"_a = false, "actor"_a = "", "actor_options"_a = py::none(),
           "strategy"_a = "kDefault", "strategy_node"_a = "", "strategy_soft"_a = false,
           "strategy_group"_a = "", "strategy_bundle"_a = 0, "strategy_captures"_a = false,
           "strategy_labels"_a = std::vector<py::tuple>{}, "runtime_env"_a = "",
           "language_options"_a = py::bytes(), "is_stream"_a = false, "stream_limit"_a = 0,
           "stream_gathered"_a = false);
  py::class_<RunningTask> running(module, "RunningTask");
  running
      .def_property_readonly("task", [](const RunningTask& self) { return self.Spec().task.Hex(); })
      .def_property_readonly("attempt", [](const RunningTask& self) { return self.Spec().attempt; })
      .def_property_readonly("gpus", &RunningTask::Gpus)
      .def_property_readonly(
          "kind", [](const RunningTask& self) { return ToPython(self.Spec().header->kind); })
      .def_property_readonly(
          "is_foreign",
          [](const RunningTask& self) { return IsForeign(self.Spec().header->function); })
      .def_property_readonly(
          "creates_actor",
          [](const RunningTask& self) { return self.Spec().header->actor_options.has_value(); })
      .def("context",
           [](const RunningTask& self) {
             return TaskContext{self.Spec().task, self.Spec().attempt};
           })
      .def_property_readonly("job",
                             [](const RunningTask& self) { return self.Spec().header->job.Hex(); })
      .def_property_readonly(
          "function_id",
          [](const RunningTask& self) { return self.Spec().header->function.id.Hex(); })
      .def_property_readonly(
          "function_name",
          [](const RunningTask& self) { return self.Spec().header->function.name; })
      .def_property_readonly("name",
                             [](const RunningTask& self) { return self.Spec().header->name; })
      .def_property_readonly(
          "num_returns", [](const RunningTask& self) { return self.Spec().header->num_returns; })
      .def_property_readonly(
          "is_stream",
          [](const RunningTask& self) { return self.Spec().header->stream.has_value(); })
      .def_property_readonly("is_gathered",
                             [](const RunningTask& self) {
                               const auto& stream = self.Spec().header->stream;
                               return stream && stream->gathered;
                             })
      .def_property_readonly("items_made", &RunningTask::ItemsMade)
      .def_property_readonly(
          "actor", [](const RunningTask& self) { return ToPython(self.Spec().header->actor); })
      .def_property_readonly(
          "actor_options",
          [](const RunningTask& self) { return ToPython(self.Spec().header->actor_options); })
      .def_property_readonly(
          "resources",
          [](const RunningTask& self) { return ToPython(self.Spec().header->resources); })
      .def_property_readonly(
          "placement_group",
          [](const RunningTask& self) {
            const SchedulingStrategy& strategy = self.Spec().header->strategy;
            return strategy.kind == StrategyKind::kPlacementGroup ? strategy.group.Hex() : "";
          })
      .def_property_readonly(
          "captures_children",
          [](const RunningTask& self) { return self.Spec().header->strategy.captures_children; })
      .def_property_readonly("language_options", [](const RunningTask& self) {
        return ToBytes(self.Spec().header->language_options);
      });
  DefineDirectly<RunningTask, 0, [](RunningTask& self, auto) { return self.TakeCall(); }>(
      running, "take_call");
}

}  // namespace mobula::python
