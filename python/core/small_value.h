// SPDX-License-Identifier: Apache-2.0
/// Values of the simplest kinds (None, bool, int, float, str, bytes) as bytes and back, in the
/// format that python/mobula/_serialization.py describes. Most results of small tasks are such.
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace mobula::python {

namespace py = pybind11;

/// The whole serialised value as bytes. None for other kinds, and for what is too large to travel
/// in a message.
py::object EncodeSmall(py::handle value);
/// Null for what is serialised in another way.
py::object DecodeSmall(std::string_view data);

void BindSmallValue(py::module_& module);

}  // namespace mobula::python
