// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/core/worker/process.h"

namespace mobula::python {

namespace py = pybind11;

/// Python objects share the process they belong to: what they post after it has left goes nowhere,
/// and the memory that they view stays mapped.
using ProcessPointer = std::shared_ptr<worker::Process>;

// A Python `ObjectRef` counts as one local reference of its process from its making to its end. It
// is a type of its own and not bound like the others: programs make and drop one for every task,
// and what pybind11 does to know its objects again took longer than the rest of it.

/// One that the machine has counted already (a task's return, a put).
py::object AdoptReference(const ProcessPointer& process, const ObjectRef& reference);
/// One more: posts `ReferenceAdded`.
py::object AddReference(const ProcessPointer& process, const worker::ReferenceAdded& event);
[[nodiscard]] bool IsReference(py::handle object);
/// Throws py::type_error for anything else.
[[nodiscard]] const ObjectRef& ReferenceIn(py::handle object);

/// Where the value that is just being read comes out of: an `ObjectRef`, the id of an object as
/// bytes (empty: nothing that is known), or a `RunningTask` for its arguments. Makes live
/// references out of what the value's pickle holds of them.
class ReferenceSource {
 public:
  explicit ReferenceSource(py::object container) : container_(std::move(container)) {}

  /// From `ObjectRef.encoded`.
  [[nodiscard]] py::object Load(const py::bytes& encoded);

 private:
  struct Place {
    ProcessPointer process;
    ObjectId container;
    bool container_is_task = false;
  };
  [[nodiscard]] Place FindPlace() const;

  py::object container_;
  /// Found out for the first reference: most values have none.
  std::optional<Place> place_;
};

/// A sealed value in shared memory, read-only, through Python's buffer protocol. Every view of it
/// (a numpy array) keeps it alive; its end releases the pin.
class StoreBuffer {
 public:
  StoreBuffer(ProcessPointer process, ObjectId object, const worker::StoredValue& stored);
  ~StoreBuffer();
  StoreBuffer(const StoreBuffer&) = delete;
  StoreBuffer& operator=(const StoreBuffer&) = delete;

  [[nodiscard]] py::buffer_info Info() const;

 private:
  ProcessPointer process_;
  ObjectId object_;
  std::byte* data_;
  std::uint64_t size_;
};

/// The references of a list of `ObjectRef`s; none for None.
std::vector<ObjectRef> ReferencesOf(const py::object& list_or_none);
/// The ids of a list of `ObjectRef`s.
std::vector<ObjectId> IdsOf(const py::list& references);

/// The place of the first object in a list that is no `ObjectRef`; -1 when all are.
std::ptrdiff_t FirstOther(const py::list& objects);

/// (the references whose binary ids are `ids`, the others), both in the list's order.
/// REQUIRES: so are `ids`, and each is among the references.
py::tuple Split(const py::list& references, const py::list& ids);

void BindReference(py::module_& module);

}  // namespace mobula::python
