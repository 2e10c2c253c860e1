// SPDX-License-Identifier: Apache-2.0
#include "python/core/process.h"

#include <pybind11/stl.h>

#include <boost/describe/enum_from_string.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "python/core/convert.h"
#include "python/core/direct_call.h"
#include "python/core/small_value.h"
#include "python/core/stream.h"

namespace mobula::python {
namespace {

/// Keeps the names of root contexts apart from those of tasks.
constexpr std::uint64_t kRootSalt = 0x726F6F74;

std::optional<Duration> TimeoutOf(const std::optional<double>& seconds) {
  if (!seconds) return std::nullopt;
  return FromSeconds(*seconds);
}

/// Several bindings post a request: with the number given, or a fresh one.
worker::RequestId NumberOf(worker::Process& process, worker::RequestId given) {
  return given != 0 ? given : process.NextRequest();
}

worker::RequestId RequestGet(const ProcessBinding& self, const py::list& references,
                             const std::optional<double>& timeout, bool releases_cpu,
                             worker::RequestId number) {
  worker::Process& process = *self.Get();
  const worker::RequestId request = NumberOf(process, number);
  process.Post(worker::GetRequested{request, IdsOf(references), TimeoutOf(timeout), releases_cpu});
  return request;
}

worker::RequestId RequestWait(const ProcessBinding& self, const py::list& references,
                              std::uint32_t num_returns, const std::optional<double>& timeout,
                              bool fetch_local, bool releases_cpu, worker::RequestId number) {
  std::vector<ObjectId> ids = IdsOf(references);
  if (absl::flat_hash_set<ObjectId>(ids.begin(), ids.end(), ids.size()).size() < ids.size())
    throw py::value_error("Wait requires a list of unique ray_waitables; some are given twice");
  worker::Process& process = *self.Get();
  const worker::RequestId request = NumberOf(process, number);
  process.Post(worker::WaitRequested{request, std::move(ids), num_returns, TimeoutOf(timeout),
                                     fetch_local, releases_cpu});
  return request;
}

/// (request, object id): room for a large put.
py::tuple RequestPutBuffer(const ProcessBinding& self, TaskContext& context, std::uint64_t size) {
  worker::Process& process = *self.Get();
  const ObjectId object = context.NextPut();
  const worker::RequestId request = process.NextRequest();
  process.Post(worker::BufferRequested{request, {object, process.Identity().address}, size});
  return py::make_tuple(request, py::bytes(EncodeObjectId(object)));
}

worker::RequestId RequestResultBuffer(const ProcessBinding& self, const RunningTask& task,
                                      std::uint32_t index, std::uint64_t size) {
  worker::Process& process = *self.Get();
  const worker::RequestId request = process.NextRequest();
  process.Post(worker::BufferRequested{
      request, {task.Spec().Return(index), task.Spec().header->owner}, size});
  return request;
}

py::object SealBuffer(const ProcessBinding& self, const py::bytes& object, std::uint64_t size,
                      const py::object& contained) {
  const ObjectId id = DecodeObjectId(ViewOf(object));
  self.Get()->Post(worker::BufferSealed{id, PayloadKind::kValue, size, ReferencesOf(contained)});
  return AdoptReference(self.Get(), {id, self.Get()->Identity().address});
}

/// From `ObjectRef.encoded`; comes out of nothing that is known.
py::object AddEncodedReference(const ProcessBinding& self, const py::bytes& encoded) {
  return AddReference(self.Get(), {DecodeReference(ViewOf(encoded)), {}, false});
}

worker::RequestId Ask(const ProcessBinding& self, Message question,
                      const std::optional<double>& timeout = {}) {
  const worker::RequestId request = self.Get()->NextRequest();
  self.Get()->Post(worker::GcsRequested{request, std::move(question), TimeoutOf(timeout)});
  return request;
}

worker::RequestId RequestKv(const ProcessBinding& self, const std::string& operation,
                            const std::string& space, const std::string& key,
                            const py::bytes& value, bool overwrite) {
  KvRequest question;
  question.operation = EnumFromName<KvOperation>(operation);
  question.space = space;
  question.key = key;
  question.value = Bytes::Of(ViewOf(value));
  question.overwrite = overwrite;
  return Ask(self, question);
}

/// The id of the new group, and the request's number.
py::tuple CreateGroup(const ProcessBinding& self, TaskContext& context, const std::string& strategy,
                      const std::vector<std::map<std::string, double>>& bundles,
                      const std::string& name, const std::string& ray_namespace, bool detached) {
  PlacementGroupSpec spec;
  spec.group = PlacementGroupOf(context.NextTask());
  spec.strategy = EnumFromName<PlacementStrategy>(strategy);
  for (const auto& amounts : bundles) spec.bundles.push_back(ResourceSet::Of(amounts));
  spec.name = name;
  spec.ray_namespace = ray_namespace;
  spec.detached = detached;
  spec.job = self.Get()->Identity().job;
  const std::string group = spec.group.Hex();
  return py::make_tuple(group, Ask(self, CreatePlacementGroup{0, std::move(spec)}));
}

void BindGroups(py::class_<ProcessBinding>& type) {
  using namespace py::literals;
  type.def("create_placement_group", &CreateGroup, "context"_a, "strategy"_a, "bundles"_a, "name"_a,
           "ray_namespace"_a, "detached"_a)
      .def(
          "remove_placement_group",
          [](const ProcessBinding& self, const std::string& group) {
            return Ask(self, RemovePlacementGroup{0, IdFromHex<PlacementGroupId>(group)});
          },
          "group"_a)
      .def(
          "request_placement_group",
          [](const ProcessBinding& self, const std::string& group, bool when_placed,
             const std::optional<double>& timeout) {
            const auto id = IdFromHex<PlacementGroupId>(group);
            return Ask(self, GetPlacementGroup{0, id, "", "", when_placed}, timeout);
          },
          "group"_a, "when_placed"_a = false, "timeout"_a = py::none())
      .def(
          "request_named_placement_group",
          [](const ProcessBinding& self, const std::string& name,
             const std::string& ray_namespace) {
            return Ask(self, GetPlacementGroup{0, {}, name, ray_namespace, false});
          },
          "name"_a, "ray_namespace"_a)
      .def("request_placement_groups",
           [](const ProcessBinding& self) { return Ask(self, ListPlacementGroups{}); });
}

py::memoryview StoreView(const ProcessBinding& self, std::uint64_t offset, std::uint64_t size) {
  return py::memoryview::from_memory(static_cast<void*>(self.Get()->StoreAt(offset, size)),
                                     static_cast<py::ssize_t>(size));
}

void TaskExecuted(const ProcessBinding& self, const RunningTask& task, const py::list& results,
                  bool application_error, bool exit_after) {
  const TaskSpec& spec = task.Spec();
  self.Get()->Post(worker::TaskExecuted{spec.task, spec.attempt, ResultsOf(task, results),
                                        application_error, exit_after});
}

/// The task's only result is a small value of a simple kind: reports it. False, and nothing is
/// reported, when it is not, or the task has options that concern its end.
bool TaskReturned(const ProcessBinding& self, const RunningTask& task, py::handle value) {
  const TaskSpec& spec = task.Spec();
  const TaskHeader& header = *spec.header;
  if (header.num_returns != 1 || header.language_options.Size() > 0 || header.stream) return false;
  const py::object small = EncodeSmall(value);
  if (small.is_none()) return false;
  const std::string_view data = ViewOf(py::reinterpret_borrow<py::bytes>(small));
  worker::TaskExecuted executed{spec.task, spec.attempt, {}, false, false};
  TaskResult& result = executed.results.emplace_back();
  result.object = spec.Return(0);
  result.value.data = Bytes::Of(data);
  result.size = data.size();
  self.Get()->Post(std::move(executed));
  return true;
}

/// What a get would be answered, when all of the objects are here and inline; None otherwise.
py::object Peek(const ProcessBinding& self, const py::list& references) {
  const auto values = self.Get()->Peek(IdsOf(references));
  return values ? ToPythonValues(self.Get(), *values) : py::object(py::none());
}

void BindRequests(py::class_<ProcessBinding>& type) {
  using namespace py::literals;
  type.def("next_request", [](const ProcessBinding& self) { return self.Get()->NextRequest(); })
      .def("peek", &Peek, "references"_a)
      .def("request_get", &RequestGet, "references"_a, "timeout"_a = py::none(),
           "releases_cpu"_a = true, "request"_a = 0)
      .def("request_wait", &RequestWait, "references"_a, "num_returns"_a = 1,
           "timeout"_a = py::none(), "fetch_local"_a = true, "releases_cpu"_a = true,
           "request"_a = 0)
      .def("request_put_buffer", &RequestPutBuffer, "context"_a, "size"_a)
      .def("request_result_buffer", &RequestResultBuffer, "task"_a, "index"_a, "size"_a)
      .def("request_kv", &RequestKv, "operation"_a, "space"_a, "key"_a, "value"_a = py::bytes(),
           "overwrite"_a = true)
      .def("request_nodes", [](const ProcessBinding& self) { return Ask(self, ListNodes{}); })
      .def("request_actors", [](const ProcessBinding& self) { return Ask(self, ListActors{}); })
      .def("request_jobs", [](const ProcessBinding& self) { return Ask(self, ListJobs{}); })
      .def(
          "request_named_actor",
          [](const ProcessBinding& self, const std::string& name,
             const std::string& ray_namespace) {
            return Ask(self, GetNamedActor{0, name, ray_namespace});
          },
          "name"_a, "ray_namespace"_a)
      .def("abandon", [](const ProcessBinding& self, worker::RequestId request) {
        self.Get()->Post(worker::RequestAbandoned{request});
      });
}

}  // namespace

TaskContext ProcessBinding::RootContext() const {
  const WorkerRegistered& identity = process_->Identity();
  const bool is_driver = identity.driver == identity.address;
  return {is_driver ? TaskId::Derive(identity.job, kRootSalt, 0)
                    : TaskId::Derive(identity.address.worker, kRootSalt, 0)};
}

namespace {

/// A call of another language gives each slot by itself: (packed value, the references in it), or a
/// reference.
TaskArgument ArgumentOf(const py::handle& slot) {
  TaskArgument argument;
  if (IsReference(slot)) {
    argument.reference = ReferenceIn(slot);
    return argument;
  }
  const auto fields = py::reinterpret_borrow<py::tuple>(slot);
  argument.value.data = Bytes::Of(ViewOf(py::reinterpret_borrow<py::bytes>(fields[0])));
  argument.contained = ReferencesOf(fields[1]);
  return argument;
}

}  // namespace

TaskSpec ProcessBinding::SpecFor(TaskContext& context, TaskTemplate& pattern,
                                 const py::object& blob, const py::object& contained,
                                 const py::object& references) const {
  TaskSpec spec;
  spec.task = context.NextTask();
  spec.parent = context.task;
  spec.header = pattern.HeaderFor(process_->Identity());
  if (py::isinstance<py::list>(blob)) {
    auto& arguments = spec.arguments.Edit();
    for (const py::handle& slot : blob) arguments.push_back(ArgumentOf(slot));
  } else if (!blob.is_none()) {
    TaskArgument& argument = spec.arguments.emplace_back();
    argument.value.data = Bytes::Of(ViewOf(py::reinterpret_borrow<py::bytes>(blob)));
    argument.contained = ReferencesOf(contained);
  }
  for (const ObjectRef& reference : ReferencesOf(references)) {
    spec.arguments.emplace_back().reference = reference;
  }
  return spec;
}

py::object ProcessBinding::SubmitTask(TaskContext& context, TaskTemplate& pattern,
                                      const py::object& blob, const py::object& contained,
                                      const py::object& references) {
  TaskSpec spec = SpecFor(context, pattern, blob, contained, references);
  const TaskId task = spec.task;
  const Address owner = spec.header->owner;
  const std::uint32_t count = spec.header->num_returns;
  const bool hands_out = spec.header->stream && !spec.header->stream->gathered;
  process_->Post(worker::TaskSubmitted{std::move(spec)});
  const auto adopt = [&](std::uint32_t index) {
    return AdoptReference(process_, {ObjectId{task, index}, owner});
  };
  if (count == 0) return py::none();
  if (hands_out) return MakeGenerator(adopt(0));
  if (count == 1) return adopt(0);
  py::list returns(count);
  for (std::uint32_t i = 0; i < count; ++i) returns[i] = adopt(i);
  return returns;
}

py::tuple ProcessBinding::CreateActor(TaskContext& context, TaskTemplate& pattern,
                                      const py::object& blob, const py::object& contained,
                                      const py::object& references) {
  TaskSpec spec = SpecFor(context, pattern, blob, contained, references);
  spec.header.Edit().actor = ActorOf(spec.task);
  const ActorId actor = spec.header->actor;
  const ObjectRef handle{spec.Return(0), spec.header->owner};
  process_->Post(worker::TaskSubmitted{std::move(spec)});
  return py::make_tuple(actor.Hex(), AdoptReference(process_, handle));
}

py::object ProcessBinding::PutInline(TaskContext& context, const py::bytes& data,
                                     const py::object& contained) {
  const ObjectId object = context.NextPut();
  Payload payload;
  payload.data = Bytes::Of(ViewOf(data));
  process_->Post(worker::ObjectPut{object, std::move(payload), ReferencesOf(contained)});
  return AdoptReference(process_, {object, process_->Identity().address});
}

py::object ToPythonCompletion(const ProcessPointer& process, const worker::Completion& completion) {
  struct Visitor {
    const ProcessPointer& process;

    py::object operator()(const worker::FulfilGet& get) const {
      if (get.timed_out) return py::none();
      if (!get.values.empty() && get.values.front().IsFailure()) {
        const worker::FetchedValue& failure = get.values.front();
        return ToPythonValue(process, failure, EncodeObjectId(failure.object));
      }
      return ToPythonValues(process, get.values);
    }
    py::object operator()(const worker::FulfilWait& wait) const {
      py::list ready(wait.ready.size());
      for (std::size_t i = 0; i < wait.ready.size(); ++i) {
        ready[i] = py::bytes(EncodeObjectId(wait.ready[i]));
      }
      return ready;
    }
    py::object operator()(const worker::FulfilCreate& create) const {
      return py::make_tuple(create.offset, create.error.Ok() ? py::none() : ToPython(create.error));
    }
    py::object operator()(const worker::FulfilGcs& gcs) const {
      return gcs.timed_out ? py::none() : ToPython(gcs.answer);
    }
    py::object operator()(const worker::FulfilStream& stream) const {
      return py::int_(static_cast<int>(stream.step));
    }
  };
  return std::visit(Visitor{process}, completion);
}

void BindProcess(py::module_& module) {
  using namespace py::literals;
  py::class_<ProcessBinding> type(module, "Process");
  type.def("identity", [](const ProcessBinding& self) { return ToPython(self.Get()->Identity()); })
      .def("now", [](const ProcessBinding& self) { return self.Get()->Now().Seconds(); })
      .def("root_context", &ProcessBinding::RootContext)
      .def("create_actor", &ProcessBinding::CreateActor, "context"_a, "pattern"_a, "blob"_a,
           "contained"_a, "references"_a)
      .def("put_inline", &ProcessBinding::PutInline, "context"_a, "data"_a,
           "contained"_a = py::none())
      .def("seal_buffer", &SealBuffer, "object"_a, "size"_a, "contained"_a = py::none())
      .def("store_view", &StoreView, "offset"_a, "size"_a)
      .def("add_reference", &AddEncodedReference, "encoded"_a)
      .def("task_executed", &TaskExecuted, "task"_a, "results"_a, "application_error"_a,
           "exit_after"_a = false)
      .def(
          "request_kill",
          [](const ProcessBinding& self, const std::string& actor, bool no_restart) {
            worker::Process& process = *self.Get();
            const worker::RequestId request = process.NextRequest();
            process.Post(
                worker::ActorKillRequested{request, IdFromHex<ActorId>(actor), no_restart});
            return request;
          },
          "actor"_a, "no_restart"_a)
      .def(
          "cancel",
          [](const ProcessBinding& self, const py::object& reference, bool force, bool recursive) {
            self.Get()->Post(worker::CancelRequested{ReferenceIn(reference).id, force, recursive});
          },
          "reference"_a, "force"_a, "recursive"_a)
      .def(
          "free",
          [](const ProcessBinding& self, const py::object& references) {
            std::vector<ObjectId> objects;
            for (const ObjectRef& reference : ReferencesOf(references)) {
              if (reference.owner != self.Get()->Identity().address) {
                throw py::value_error("free takes objects that this process owns, which " +
                                      reference.id.Hex() + " is not");
              }
              objects.push_back(reference.id);
            }
            self.Get()->Post(worker::FreeRequested{std::move(objects)});
          },
          "references"_a);
  DefineDirectly<ProcessBinding, 5, [](ProcessBinding& self, auto arguments) {
    const auto object = [&](std::size_t i) {
      return py::reinterpret_borrow<py::object>(arguments[i]);
    };
    return self.SubmitTask(ObjectIn<TaskContext>(arguments[0]),
                           ObjectIn<TaskTemplate>(arguments[1]), object(2), object(3), object(4));
  }>(type, "submit_task");
  DefineDirectly<ProcessBinding, 2, [](const ProcessBinding& self, auto arguments) {
    return py::bool_(TaskReturned(self, ObjectIn<RunningTask>(arguments[0]), arguments[1]));
  }>(type, "task_returned");
  BindRequests(type);
  BindGroups(type);
  BindStreams(type);
}

}  // namespace mobula::python
