// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include "python/core/process.h"

namespace mobula::python {

/// The `ObjectRefGenerator` of the generator for whose end `reference` stands.
py::object MakeGenerator(const py::object& reference);

/// What generators and their consumers ask of a process.
void BindStreams(py::class_<ProcessBinding>& type);

}  // namespace mobula::python
