// SPDX-License-Identifier: Apache-2.0
/// A simulated cluster for tests: C++ drivers and tasks on fibers, invariants checked after every
/// event.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/mobula.h"
#include "sim/fiber_hub.h"
#include "sim/world.h"
#include "tests/sim/generators.h"

namespace mobula::sim {

/// `nodes` nodes of `cpus` CPUs each.
Options Cluster(std::size_t nodes, double cpus, std::uint64_t seed = 1);

/// What generators make in these simulations.
std::string ItemOf(const GeneratorCall& call, std::uint32_t index);

class Simulation {
 public:
  explicit Simulation(Options options);

  /// Runs a driver to its end; fails the test when it throws or never ends.
  void Run(const std::function<void()>& program);
  /// Runs it; returns what everyone waits for when nothing happens any more, empty when it ended.
  std::vector<std::string> RunUntilStuck(const std::function<void()>& program);

  /// In a driver, after it has dropped its references: waits until what is under way has ended,
  /// then fails the test when any process still knows an object or task, or any store holds one.
  void ExpectNothingLeft();

  /// After a driver: until nothing but housekeeping happens any more.
  void Settle() { hub_->Settle(); }

  World& GetWorld() { return *world_; }
  /// The warnings shown to the driver.
  std::vector<std::string> notices;

 private:
  std::unique_ptr<World> world_;
  std::function<void()> program_;
  std::unique_ptr<FiberHub> hub_;
};

/// The name of the node that the calling task runs on.
std::string ThisNode();
/// The same, as a task that takes so long.
std::string RestWhere(int milliseconds);

}  // namespace mobula::sim
