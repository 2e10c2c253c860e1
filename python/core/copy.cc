// SPDX-License-Identifier: Apache-2.0
#include "python/core/copy.h"

#include <pybind11/pybind11.h>

#include <cstddef>
#include <span>

#include "runtime/host/local/parallel_copy.h"

namespace mobula::python {
namespace {

namespace py = pybind11;

std::size_t BytesOf(const py::buffer_info& info) {
  if (PyBuffer_IsContiguous(info.view(), 'C') == 0) {
    throw py::value_error("copy: expected a contiguous buffer");
  }
  return static_cast<std::size_t>(info.size * info.itemsize);
}

void Copy(const py::buffer& target, const py::buffer& source) {
  const py::buffer_info to = target.request(/*writable=*/true);
  const py::buffer_info from = source.request();
  const std::size_t size = BytesOf(to);
  if (BytesOf(from) != size) throw py::value_error("copy: expected two buffers of the same size");
  const py::gil_scoped_release release;
  host::ParallelCopy({static_cast<std::byte*>(to.ptr), size},
                     {static_cast<const std::byte*>(from.ptr), size});
}

}  // namespace

void BindCopy(py::module_& module) {
  module.def("copy", &Copy, py::arg("target"), py::arg("source"));
}

}  // namespace mobula::python
