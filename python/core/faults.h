// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace mobula::python {

/// The interpreter of fault plans, for the controller of a real cluster (mobula._fault_controller).
void BindFaults(pybind11::module_& module);

}  // namespace mobula::python
