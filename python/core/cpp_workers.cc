// SPDX-License-Identifier: Apache-2.0
#include "python/core/cpp_workers.h"

#include <utility>

namespace mobula::python {

CppWorkers::CppWorkers(std::shared_ptr<sim::World> world)
    : world_(std::move(world)),
      hub_(*world_,
           {.driver = {},
            .task = [this](worker::Process& process,
                           worker::RunTask run) { programs_.RunTask(process, std::move(run)); },
            .forget = [this](worker::Process& process) { programs_.Forget(process); }}) {}

sim::HubAction CppWorkers::Step() {
  for (;;) {
    sim::HubAction action = world_->Step();
    if (!hub_.ActForWorkers(action)) return action;
  }
}

}  // namespace mobula::python
