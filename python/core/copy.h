// SPDX-License-Identifier: Apache-2.0
/// Large copies between buffers, without the interpreter's lock.
#pragma once

#include <pybind11/pybind11.h>

namespace mobula::python {

void BindCopy(pybind11::module_& module);

}  // namespace mobula::python
