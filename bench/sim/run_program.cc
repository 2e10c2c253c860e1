// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/run_program.h"

#include <utility>

#include "runtime/api/sessions.h"
#include "runtime/base/check.h"
#include "sim/fiber_hub.h"

namespace mobula::bench {

std::uint64_t RunProgram(sim::Options options, const std::function<void()>& code) {
  auto world = *sim::World::Create(std::move(options));
  sim::FiberProgram program;
  program.driver = [&](worker::Process& process) {
    api::RunAsDriver(process, [&] {
      code();
      return 0;
    });
  };
  program.task = &api::RunTaskIn;
  program.forget = &api::ForgetProcess;
  sim::FiberHub hub(*world, program);
  sim::DriverOptions driver;
  driver.language = Language::kCpp;
  CHECK(hub.RunDriver(driver).empty()) << "the program did not end";
  return world->GetReport().events;
}

}  // namespace mobula::bench
