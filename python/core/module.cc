// SPDX-License-Identifier: Apache-2.0
/// The extension module mobula._core: the runtime's types for Python, without any logic of their own.
#include <pybind11/pybind11.h>

#include "python/core/host.h"
#include "python/core/process.h"
#include "python/core/reference.h"
#include "python/core/task.h"
#ifdef MOBULA_WITH_SIM
#include "python/core/sim.h"
#endif

PYBIND11_MODULE(_core, module) {
  mobula::python::BindReference(module);
  mobula::python::BindTask(module);
  mobula::python::BindProcess(module);
  mobula::python::BindHost(module);
#ifdef MOBULA_WITH_SIM
  mobula::python::BindSim(module);
#endif
}
