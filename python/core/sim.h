// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace mobula::python {

/// The simulated world and its processes, for the hub (mobula._sim_hub).
void BindSim(pybind11::module_& module);

}  // namespace mobula::python
