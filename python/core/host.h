// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace mobula::python {

/// The process of the real world, with its blocking calls.
void BindHost(pybind11::module_& module);

}  // namespace mobula::python
