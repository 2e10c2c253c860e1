// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/simulation.h"

#include <gmock/gmock.h>

#include "runtime/api/sessions.h"
#include "tests/sim/leftovers.h"

namespace mobula::sim {

Options Cluster(std::size_t nodes, double cpus, std::uint64_t seed) {
  NodeShape shape;
  shape.resources = ResourceSet::Of({{"CPU", cpus}, {"memory", 8e9}});
  shape.store_capacity = 64 << 20;
  Options options;
  options.nodes.assign(nodes, shape);
  options.seed = seed;
  options.check_invariants = true;
  return options;
}

std::string ItemOf(const GeneratorCall& call, std::uint32_t index) {
  return std::string(call.size, static_cast<char>('a' + index % 26));
}

Simulation::Simulation(Options options) {
  auto world = World::Create(std::move(options));
  EXPECT_TRUE(world.ok()) << world.status();
  world_ = *std::move(world);
  FiberProgram program;
  program.driver = [this](worker::Process& process) {
    const int exit_code = api::RunAsDriver(process, [this] {
      program_();
      return 0;
    });
    EXPECT_EQ(exit_code, 0);
  };
  program.task = [](worker::Process& process, worker::RunTask run) {
    if (run.spec.header->stream) return RunGenerator(process, run, &ItemOf);
    api::RunTaskIn(process, std::move(run));
  };
  program.forget = &api::ForgetProcess;
  hub_ = std::make_unique<FiberHub>(*world_, program);
  hub_->on_notice = [this](const std::string& notice) { notices.push_back(notice); };
}

std::vector<std::string> Simulation::RunUntilStuck(const std::function<void()>& program) {
  program_ = program;
  DriverOptions driver;
  driver.language = Language::kCpp;
  return hub_->RunDriver(driver);
}

void Simulation::Run(const std::function<void()>& program) {
  EXPECT_THAT(RunUntilStuck(program), testing::IsEmpty());
}

void Simulation::ExpectNothingLeft() {
  // Longer than every retry, linger and detection.
  mobula::Sleep(Seconds(10));
  for (const std::string& found : FindLeftovers(*world_)) ADD_FAILURE() << found;
}

std::string ThisNode() { return api::Context::Current().Process().Identity().node.name; }

std::string RestWhere(int milliseconds) {
  mobula::Sleep(Milliseconds(milliseconds));
  return ThisNode();
}
MOBULA_REMOTE(RestWhere)

}  // namespace mobula::sim
