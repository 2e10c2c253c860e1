// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <span>
#include <string>

namespace mobula::python {

namespace py = pybind11;

// Methods of bound classes that are called for every task, as CPython calls its own: they take all
// of their arguments, by position. What pybind11 does to choose an overload and to convert the
// arguments took longer than the methods themselves.

/// The C++ object in an object of its bound class. Throws py::type_error for one of another class.
template <class T>
T& ObjectIn(PyObject* object) {
  // The class lives as long as the program.
  static auto* const type = reinterpret_cast<PyTypeObject*>(py::type::of<T>().release().ptr());
  auto* const instance = reinterpret_cast<py::detail::instance*>(object);
  if (!PyObject_TypeCheck(object, type)) {
    throw py::type_error(std::string("expected one of type ") + type->tp_name +
                         ", got one of type " + Py_TYPE(object)->tp_name);
  }
  // Other layouts are those of classes with several bases.
  if (!instance->simple_layout || instance->simple_value_holder[0] == nullptr)
    return py::cast<T&>(py::handle(object));
  return *static_cast<T*>(instance->simple_value_holder[0]);
}

/// What CPython calls: `kMethod` with the C++ object and `kCount` borrowed arguments.
template <class T, std::size_t kCount, auto kMethod>
PyObject* CallDirectly(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (static_cast<std::size_t>(count) != kCount) {
    return PyErr_Format(PyExc_TypeError, "expected %zu arguments, got %zd", kCount, count);
  }
  try {
    const std::span<PyObject* const, kCount> all(arguments, kCount);
    return py::object(kMethod(ObjectIn<T>(self), all)).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return nullptr;
}

/// Adds it to the class, as `.def` would. `name` must outlive the program.
template <class T, std::size_t kCount, auto kMethod>
void DefineDirectly(const py::type& bound, const char* name) {
  static PyMethodDef method{
      name,
      reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&CallDirectly<T, kCount, kMethod>)),
      METH_FASTCALL, nullptr};
  PyObject* const descriptor =
      PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(bound.ptr()), &method);
  if (descriptor == nullptr) throw py::error_already_set();
  py::setattr(bound, name, py::reinterpret_steal<py::object>(descriptor));
}

}  // namespace mobula::python
