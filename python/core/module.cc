// SPDX-License-Identifier: Apache-2.0
/// The extension module mobula._core: the runtime's types for Python, without any logic of their
/// own.
#include <pybind11/pybind11.h>

#include "python/core/copy.h"
#include "python/core/faults.h"
#include "python/core/host.h"
#include "python/core/process.h"
#include "python/core/reference.h"
#include "python/core/sim.h"
#include "python/core/small_value.h"
#include "python/core/task.h"

PYBIND11_MODULE(_core, module) {
  mobula::python::BindCopy(module);
  mobula::python::BindReference(module);
  mobula::python::BindSmallValue(module);
  mobula::python::BindTask(module);
  mobula::python::BindProcess(module);
  mobula::python::BindHost(module);
  mobula::python::BindFaults(module);
  mobula::python::BindSim(module);
}
