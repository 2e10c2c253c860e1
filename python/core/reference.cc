// SPDX-License-Identifier: Apache-2.0
#include "python/core/reference.h"

#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#include "python/core/convert.h"
#include "python/core/process.h"

namespace mobula::python {
namespace {

// The type

struct ObjectHead {
  PyObject_HEAD PyObject* weak_references;
};
/// Without a process when it was not made here (`object.__new__`): then it refers to nothing.
struct ReferenceObject : ObjectHead {
  ProcessPointer process;
  ObjectRef reference;
};

/// One of `_core.ObjectRef`; lives as long as the program.
PyTypeObject* reference_type = nullptr;
/// A context variable: the `ReferenceSource` of the value that is just being read.
PyObject* source_variable = nullptr;

ReferenceObject* Cast(PyObject* self) {
  return static_cast<ReferenceObject*>(reinterpret_cast<ObjectHead*>(self));
}

void Destroy(PyObject* self) {
  ReferenceObject* const object = Cast(self);
  PyTypeObject* const type = Py_TYPE(self);
  if (object->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  if (object->process != nullptr)
    object->process->Post(worker::ReferenceRemoved{object->reference.id});
  std::destroy_at(&object->process);
  type->tp_free(self);
  Py_DECREF(type);
}

/// Equal for equal ids, as the builtin containers want it.
Py_hash_t HashOf(PyObject* self) {
  return static_cast<Py_hash_t>(std::hash<ObjectId>{}(Cast(self)->reference.id) >> 1);
}

PyObject* Compare(PyObject* self, PyObject* other, int operation) {
  if (!IsReference(other)) Py_RETURN_NOTIMPLEMENTED;
  const ObjectId& left = Cast(self)->reference.id;
  const ObjectId& right = Cast(other)->reference.id;
  Py_RETURN_RICHCOMPARE(left, right, operation);
}

PyObject* BytesFrom(const std::string& content) {
  return PyBytes_FromStringAndSize(content.data(), static_cast<Py_ssize_t>(content.size()));
}
PyObject* TextFrom(const std::string& content) {
  return PyUnicode_FromStringAndSize(content.data(), static_cast<Py_ssize_t>(content.size()));
}

template <auto kRead>
PyObject* Method(PyObject* self, PyObject* /*none*/) {
  return kRead(Cast(self)->reference);
}

std::array<PyMethodDef, 7> reference_methods{{
    {"binary", Method<[](const ObjectRef& ref) { return BytesFrom(EncodeObjectId(ref.id)); }>,
     METH_NOARGS, nullptr},
    {"hex", Method<[](const ObjectRef& ref) { return TextFrom(ref.id.Hex()); }>, METH_NOARGS,
     nullptr},
    {"task_hex", Method<[](const ObjectRef& ref) { return TextFrom(ref.id.task.Hex()); }>,
     METH_NOARGS, nullptr},
    {"owner_hex", Method<[](const ObjectRef& ref) { return TextFrom(ref.owner.worker.Hex()); }>,
     METH_NOARGS, nullptr},
    {"encoded", Method<[](const ObjectRef& ref) { return BytesFrom(EncodeReference(ref)); }>,
     METH_NOARGS, nullptr},
    {"is_put", Method<[](const ObjectRef& ref) { return PyBool_FromLong(ref.id.IsPut()); }>,
     METH_NOARGS, nullptr},
    {},
}};

std::array<PyMemberDef, 2> reference_members{{
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ObjectHead, weak_references), READONLY, nullptr},
    {},
}};

PyTypeObject* MakeReferenceType() {
  std::array<PyType_Slot, 6> slots{{
      {Py_tp_dealloc, reinterpret_cast<void*>(&Destroy)},
      {Py_tp_hash, reinterpret_cast<void*>(&HashOf)},
      {Py_tp_richcompare, reinterpret_cast<void*>(&Compare)},
      {Py_tp_methods, reference_methods.data()},
      {Py_tp_members, reference_members.data()},
      {},
  }};
  PyType_Spec spec{"mobula._core.ObjectRef", static_cast<int>(sizeof(ReferenceObject)), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots.data()};
  PyObject* const type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  return reinterpret_cast<PyTypeObject*>(type);
}

// Reading

/// What a pickle calls for each reference in it. A plain function of the module, as pickles know
/// functions by their names.
PyObject* LoadReference(PyObject* /*module*/, PyObject* encoded) {
  PyObject* source = nullptr;
  if (PyContextVar_Get(source_variable, nullptr, &source) != 0) return nullptr;
  try {
    const auto bytes = py::cast<py::bytes>(py::reinterpret_borrow<py::object>(encoded));
    // Without a source: a pickle that a program reads itself.
    if (source == nullptr) return ReferenceSource(py::bytes()).Load(bytes).release().ptr();
    return py::reinterpret_steal<py::object>(source)
        .cast<ReferenceSource&>()
        .Load(bytes)
        .release()
        .ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  }
  return nullptr;
}

PyMethodDef load_reference{"load_reference", &LoadReference, METH_O, nullptr};

}  // namespace

py::object AdoptReference(const ProcessPointer& process, const ObjectRef& reference) {
  PyObject* const self = reference_type->tp_alloc(reference_type, 0);
  if (self == nullptr) throw py::error_already_set();
  new (&Cast(self)->process) ProcessPointer(process);
  new (&Cast(self)->reference) ObjectRef(reference);
  return py::reinterpret_steal<py::object>(self);
}

py::object AddReference(const ProcessPointer& process, const worker::ReferenceAdded& event) {
  process->Post(event);
  return AdoptReference(process, event.reference);
}

bool IsReference(py::handle object) {
  return Py_TYPE(object.ptr()) == reference_type ||
         PyType_IsSubtype(Py_TYPE(object.ptr()), reference_type) != 0;
}

const ObjectRef& ReferenceIn(py::handle object) {
  if (!IsReference(object)) {
    throw py::type_error(std::string("expected an ObjectRef, got one of type ") +
                         Py_TYPE(object.ptr())->tp_name);
  }
  return Cast(object.ptr())->reference;
}

ReferenceSource::Place ReferenceSource::FindPlace() const {
  Place place;
  const py::object runtime = py::module_::import("mobula._runtime").attr("current")();
  place.process = runtime.attr("runtime").attr("process").cast<const ProcessBinding&>().Get();
  place.container_is_task = py::isinstance<RunningTask>(container_);
  if (place.container_is_task) {
    place.container.task = container_.cast<const RunningTask&>().Spec().task;
  } else if (IsReference(container_)) {
    place.container = ReferenceIn(container_).id;
  } else if (const auto id = py::cast<py::bytes>(container_); !ViewOf(id).empty()) {
    place.container = DecodeObjectId(ViewOf(id));
  }
  return place;
}

py::object ReferenceSource::Load(const py::bytes& encoded) {
  if (!place_) place_ = FindPlace();
  return AddReference(place_->process, {DecodeReference(ViewOf(encoded)), place_->container,
                                        place_->container_is_task});
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
  for (const py::handle& item : list) references.push_back(ReferenceIn(item));
  return references;
}

std::vector<ObjectId> IdsOf(const py::list& references) {
  std::vector<ObjectId> ids;
  ids.reserve(references.size());
  for (const py::handle& item : references) ids.push_back(ReferenceIn(item).id);
  return ids;
}

py::tuple Split(const py::list& references, const py::list& ids) {
  py::list among(ids.size());
  py::list others(references.size() - ids.size());
  // They are in the list's order.
  std::size_t found = 0;
  std::size_t passed = 0;
  const auto next_id = [&] {
    return found == ids.size()
               ? ObjectId{}
               : DecodeObjectId(ViewOf(py::reinterpret_borrow<py::bytes>(ids[found])));
  };
  ObjectId next = next_id();
  for (const py::handle& item : references) {
    if (ReferenceIn(item).id == next) {
      among[found++] = item;
      next = next_id();
    } else {
      others[passed++] = item;
    }
  }
  return py::make_tuple(std::move(among), std::move(others));
}

std::ptrdiff_t FirstOther(const py::list& objects) {
  const auto other =
      std::ranges::find_if_not(objects, [](py::handle object) { return IsReference(object); });
  return other == objects.end() ? -1 : other - objects.begin();
}

void BindReference(py::module_& module) {
  reference_type = MakeReferenceType();
  module.attr("ObjectRef") = py::handle(reinterpret_cast<PyObject*>(reference_type));
  source_variable = PyContextVar_New("mobula_reference_source", nullptr);
  if (source_variable == nullptr) throw py::error_already_set();
  module.attr("reference_source") = py::handle(source_variable);
  PyObject* const load =
      PyCFunction_NewEx(&load_reference, module.ptr(), module.attr("__name__").ptr());
  if (load == nullptr) throw py::error_already_set();
  module.attr("load_reference") = py::reinterpret_steal<py::object>(load);
  py::class_<ReferenceSource>(module, "ReferenceSource")
      .def(py::init<py::object>(), py::arg("container"));
  module.def("split", &Split, py::arg("references"), py::arg("ids"));
  module.def("first_other", &FirstOther, py::arg("objects"));
  py::class_<StoreBuffer>(module, "StoreBuffer", py::buffer_protocol())
      .def_buffer([](const StoreBuffer& self) { return self.Info(); });
}

}  // namespace mobula::python
