// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <utility>
#include <vector>

#include "runtime/core/worker/process.h"

namespace mobula::python {

namespace py = pybind11;

/// Python objects share the process they belong to: what they post after it has left goes nowhere,
/// and the memory that they view stays mapped.
using ProcessPointer = std::shared_ptr<worker::Process>;

/// One Python `ObjectRef`: counts as one local reference of its process from its making to its end.
class Reference {
 public:
  /// The machine has counted it already (a task's return, a put).
  static std::unique_ptr<Reference> Adopt(ProcessPointer process, ObjectRef reference);
  /// One more: posts `ReferenceAdded`.
  static std::unique_ptr<Reference> Add(ProcessPointer process, worker::ReferenceAdded event);
  ~Reference();
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  [[nodiscard]] const ObjectRef& Get() const { return reference_; }

 private:
  Reference(ProcessPointer process, ObjectRef reference)
      : process_(std::move(process)), reference_(reference) {}

  ProcessPointer process_;
  ObjectRef reference_;
};

/// Makes live references out of what a pickle holds of them, all from one place: an object, or the
/// arguments of a task.
class ReferenceLoader {
 public:
  ReferenceLoader(ProcessPointer process, ObjectId container, bool container_is_task)
      : process_(std::move(process)),
        container_(container),
        container_is_task_(container_is_task) {}

  /// From `Reference.encoded`.
  [[nodiscard]] std::unique_ptr<Reference> Load(const py::bytes& encoded) const;

 private:
  ProcessPointer process_;
  ObjectId container_;
  bool container_is_task_;
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

/// (the references whose binary ids are among `ids`, the others), both in the list's order.
py::tuple Split(const py::list& references, const py::list& ids);

void BindReference(py::module_& module);

}  // namespace mobula::python
