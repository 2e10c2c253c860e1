// SPDX-License-Identifier: Apache-2.0
#include "python/core/reference.h"

#include "absl/container/flat_hash_set.h"
#include "python/core/convert.h"

namespace mobula::python {

std::unique_ptr<Reference> Reference::Adopt(ProcessPointer process, ObjectRef reference) {
  return std::unique_ptr<Reference>(new Reference(std::move(process), reference));
}

std::unique_ptr<Reference> Reference::Add(ProcessPointer process, worker::ReferenceAdded event) {
  const ObjectRef reference = event.reference;
  process->Post(event);
  return Adopt(std::move(process), reference);
}

Reference::~Reference() { process_->Post(worker::ReferenceRemoved{reference_.id}); }

std::unique_ptr<Reference> ReferenceLoader::Load(const py::bytes& encoded) const {
  return Reference::Add(process_,
                        {DecodeReference(ViewOf(encoded)), container_, container_is_task_});
}

StoreBuffer::StoreBuffer(ProcessPointer process, ObjectId object, const worker::StoredValue& stored)
    : process_(std::move(process)),
      object_(object),
      data_(process_->StoreAt(stored.offset, stored.size)),
      size_(stored.size) {}

StoreBuffer::~StoreBuffer() { process_->Post(worker::BufferReleased{object_}); }

py::buffer_info StoreBuffer::Info() const {
  return py::buffer_info(reinterpret_cast<std::uint8_t*>(data_), static_cast<py::ssize_t>(size_),
                         /*readonly=*/true);
}

std::vector<ObjectRef> ReferencesOf(const py::object& list_or_none) {
  std::vector<ObjectRef> references;
  if (list_or_none.is_none()) return references;
  const auto list = py::reinterpret_borrow<py::list>(list_or_none);
  references.reserve(list.size());
  for (const py::handle& item : list) references.push_back(item.cast<const Reference&>().Get());
  return references;
}

std::vector<ObjectId> IdsOf(const py::list& references) {
  std::vector<ObjectId> ids;
  ids.reserve(references.size());
  for (const py::handle& item : references) ids.push_back(item.cast<const Reference&>().Get().id);
  return ids;
}

py::tuple Split(const py::list& references, const py::list& ids) {
  absl::flat_hash_set<ObjectId> chosen;
  for (const py::handle& id : ids)
    chosen.insert(DecodeObjectId(ViewOf(py::reinterpret_borrow<py::bytes>(id))));
  py::list among;
  py::list others;
  for (const py::handle& item : references)
    (chosen.contains(item.cast<const Reference&>().Get().id) ? among : others).append(item);
  return py::make_tuple(among, others);
}

void BindReference(py::module_& module) {
  py::class_<Reference>(module, "ObjectRef")
      .def("binary", [](const Reference& self) { return py::bytes(EncodeObjectId(self.Get().id)); })
      .def("hex", [](const Reference& self) { return self.Get().id.Hex(); })
      .def("task_hex", [](const Reference& self) { return self.Get().id.task.Hex(); })
      .def("owner_hex", [](const Reference& self) { return self.Get().owner.worker.Hex(); })
      .def("encoded", [](const Reference& self) { return py::bytes(EncodeReference(self.Get())); })
      .def("is_put", [](const Reference& self) { return self.Get().id.IsPut(); })
      .def("__hash__",
           [](const Reference& self) {
             return static_cast<py::ssize_t>(std::hash<ObjectId>{}(self.Get().id) >> 1);
           })
      .def("__eq__",
           [](const Reference& self, const py::object& other) {
             return py::isinstance<Reference>(other) &&
                    other.cast<const Reference&>().Get().id == self.Get().id;
           })
      .def("__lt__", [](const Reference& self, const Reference& other) {
        return self.Get().id < other.Get().id;
      });
  module.def("split", &Split);
  py::class_<ReferenceLoader>(module, "ReferenceLoader")
      .def("__call__", &ReferenceLoader::Load, py::arg("encoded"));
  py::class_<StoreBuffer>(module, "StoreBuffer", py::buffer_protocol())
      .def_buffer([](const StoreBuffer& self) { return self.Info(); });
}

}  // namespace mobula::python
