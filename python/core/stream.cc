// SPDX-License-Identifier: Apache-2.0
#include "python/core/stream.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>

namespace mobula::python {
namespace {

/// Hands over the next item of a running generator: what `ResultOf` takes. Returns the number of
/// the request that asks how it goes on.
worker::RequestId YieldItem(const ProcessBinding& self, RunningTask& task, const py::tuple& item,
                            bool releases_cpu, worker::RequestId number) {
  worker::Process& process = *self.Get();
  const TaskSpec& spec = task.Spec();
  if (task.ItemsMade() + 1 >= ObjectId::kFirstPut) {
    throw py::value_error("a generator makes at most " + std::to_string(ObjectId::kFirstPut - 1) +
                          " items; end it and call another one");
  }
  const worker::RequestId request = number != 0 ? number : process.NextRequest();
  TaskResult result = ResultOf(spec.Return(task.ItemsMade() + 1), item);
  task.CountItem();
  process.Post(
      worker::ItemYielded{request, spec.task, spec.attempt, std::move(result), releases_cpu});
  return request;
}

/// References to the first `count` items of a running generator, which its owner has.
py::list ItemReferences(const ProcessBinding& self, const RunningTask& task, std::uint32_t count) {
  const TaskSpec& spec = task.Spec();
  py::list references(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    references[i] =
        AddReference(self.Get(), {{spec.Return(i + 1), spec.header->owner}, spec.Return(0), true});
  }
  return references;
}

worker::RequestId RequestNext(const ProcessBinding& self, const py::object& generator,
                              const std::optional<double>& timeout, bool releases_cpu,
                              worker::RequestId number) {
  worker::Process& process = *self.Get();
  const worker::RequestId request = number != 0 ? number : process.NextRequest();
  const auto span = timeout ? std::optional(FromSeconds(*timeout)) : std::nullopt;
  process.Post(worker::NextRequested{request, ReferenceIn(generator).id.task, span, releases_cpu});
  return request;
}

/// The `index`-th item, from 1, of which all before were taken.
py::object TakeItem(const ProcessBinding& self, const py::object& generator, std::uint32_t index) {
  const ObjectRef& end = ReferenceIn(generator);
  self.Get()->Post(worker::NextTaken{end.id.task});
  return AdoptReference(self.Get(), {ObjectId{end.id.task, index}, end.owner});
}

/// One more reference to an item that was taken, or to the next one.
py::object ItemReference(const ProcessBinding& self, const py::object& generator,
                         std::uint32_t index) {
  const ObjectRef& end = ReferenceIn(generator);
  return AddReference(self.Get(), {{ObjectId{end.id.task, index}, end.owner}, {}, false});
}

}  // namespace

py::object MakeGenerator(const py::object& reference) {
  return py::module_::import("mobula._object_ref_generator").attr("ObjectRefGenerator")(reference);
}

void BindStreams(py::class_<ProcessBinding>& type) {
  using namespace py::literals;
  type.def("yield_item", &YieldItem, "task"_a, "item"_a, "releases_cpu"_a = true, "request"_a = 0)
      .def("item_references", &ItemReferences, "task"_a, "count"_a)
      .def("request_next", &RequestNext, "generator"_a, "timeout"_a = py::none(),
           "releases_cpu"_a = true, "request"_a = 0)
      .def("take_item", &TakeItem, "generator"_a, "index"_a)
      .def("item_reference", &ItemReference, "generator"_a, "index"_a)
      .def(
          "drop_stream",
          [](const ProcessBinding& self, const py::object& generator) {
            self.Get()->Post(worker::StreamDropped{ReferenceIn(generator).id.task});
          },
          "generator"_a);
}

}  // namespace mobula::python
