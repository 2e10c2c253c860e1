// SPDX-License-Identifier: Apache-2.0
#include "tests/bugs/stage.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/api/sessions.h"
#include "runtime/base/check.h"

namespace mobula::bugs {

sim::Options OneCpuEach(std::size_t nodes) {
  sim::NodeShape shape;
  shape.resources = ResourceSet::Of({{"CPU", 1}});
  shape.store_capacity = 64 << 20;
  sim::Options options;
  options.nodes.assign(nodes, shape);
  options.timing.jitter = 0;
  return options;
}

Stage::Stage(sim::Options options, Bugs bugs) {
  options.bugs = bugs;
  options.check_invariants = true;
  auto world = sim::World::Create(std::move(options));
  CHECK(world.ok()) << world.status().message();
  world_ = *std::move(world);
  sim::FiberProgram program;
  program.driver = [this](worker::Process& process) {
    api::RunAsDriver(process, [this] {
      try {
        program_();
      } catch (const std::exception& error) {
        Note(absl::StrCat("the program failed: ", error.what()));
      }
      return 0;
    });
  };
  program.task = &api::RunTaskIn;
  program.forget = &api::ForgetProcess;
  hub_ = std::make_unique<sim::FiberHub>(*world_, program);
}

void Stage::Run(const std::function<void()>& program, const std::string& node) {
  program_ = program;
  sim::DriverOptions driver;
  driver.node = node;
  driver.language = Language::kCpp;
  const auto waits = hub_->RunDriver(driver);
  if (!waits.empty()) Note(absl::StrJoin(waits, "; "));
}

void Stage::Expect(bool holds, const std::string& what) {
  if (!holds) Note("not so: " + what);
}

void Stage::Note(const std::string& what) { wrong_.push_back(what); }

}  // namespace mobula::bugs
