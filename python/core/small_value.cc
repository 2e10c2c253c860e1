// SPDX-License-Identifier: Apache-2.0
#include "python/core/small_value.h"

#include <bit>
#include <boost/endian/conversion.hpp>
#include <cstdint>

#include "runtime/core/protocol/address.h"
#include "runtime/core/protocol/error.h"

namespace mobula::python {
namespace {

constexpr std::size_t kWord = 8;

py::object Tagged(char tag, std::string_view content = {}) {
  PyObject* const bytes =
      PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(1 + content.size()));
  if (bytes == nullptr) throw py::error_already_set();
  char* const to = PyBytes_AS_STRING(bytes);
  *to = tag;
  content.copy(to + 1, content.size());
  return py::reinterpret_steal<py::object>(bytes);
}

py::object TaggedWord(char tag, std::uint64_t word) {
  char bytes[kWord];
  boost::endian::store_little_u64(reinterpret_cast<unsigned char*>(bytes), word);
  return Tagged(tag, {bytes, kWord});
}

std::uint64_t WordIn(std::string_view content) {
  if (content.size() != kWord) throw py::value_error("a serialised number is cut short");
  return boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(content.data()));
}

py::object EncodeText(PyObject* text) {
  Py_ssize_t size = 0;
  const char* const content = PyUnicode_AsUTF8AndSize(text, &size);
  if (content == nullptr) {
    // A lone surrogate has no UTF-8: a pickle can carry it.
    PyErr_Clear();
    return py::none();
  }
  if (static_cast<std::size_t>(size) >= Payload::kInlineLimit) return py::none();
  return Tagged('s', {content, static_cast<std::size_t>(size)});
}

}  // namespace

py::object EncodeSmall(py::handle value) {
  PyObject* const object = value.ptr();
  if (object == Py_None) return Tagged('N');
  if (object == Py_True) return Tagged('T');
  if (object == Py_False) return Tagged('F');
  if (PyBytes_CheckExact(object)) {
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(object));
    if (size >= Payload::kInlineLimit) return py::none();
    return Tagged('b', {PyBytes_AS_STRING(object), size});
  }
  if (PyLong_CheckExact(object)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow != 0) return py::none();
    return TaggedWord('i', static_cast<std::uint64_t>(number));
  }
  if (PyFloat_CheckExact(object))
    return TaggedWord('f', std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(object)));
  if (PyUnicode_CheckExact(object)) return EncodeText(object);
  return py::none();
}

py::object DecodeSmall(std::string_view data) {
  if (data.empty()) throw py::value_error("a serialised value without a tag");
  const std::string_view content = data.substr(1);
  switch (data.front()) {
    case 'N':
      return py::none();
    case 'T':
      return py::bool_(true);
    case 'F':
      return py::bool_(false);
    case 'b':
      return py::bytes(content.data(), content.size());
    case 's':
      return py::str(content.data(), content.size());
    case 'i':
      return py::int_(static_cast<std::int64_t>(WordIn(content)));
    case 'f':
      return py::float_(std::bit_cast<double>(WordIn(content)));
    default:
      return {};
  }
}

void BindSmallValue(py::module_& module) {
  module.def("encode_small", &EncodeSmall, py::arg("value"));
  module.def(
      "decode_small",
      [](const py::buffer& data) -> py::object {
        const py::buffer_info view = data.request();
        py::object value =
            DecodeSmall({static_cast<const char*>(view.ptr), static_cast<std::size_t>(view.size)});
        return value ? value : py::reinterpret_borrow<py::object>(Py_NotImplemented);
      },
      py::arg("data"));
}

}  // namespace mobula::python
