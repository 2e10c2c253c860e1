// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/mobula.h"
#include "sim/fiber_hub.h"
#include "sim/world.h"

namespace mobula::bugs {

/// A simulated cluster on which programs are run one after another, with the invariants checked
/// after every event. Notes what is wrong, and goes on.
class Stage {
 public:
  Stage(sim::Options options, Bugs bugs);

  /// Runs a driver on `node` to its end. An exception and a program that never ends are wrong.
  void Run(const std::function<void()>& program, const std::string& node = "n1");
  /// In a program: `holds` should.
  void Expect(bool holds, const std::string& what);
  [[nodiscard]] const std::vector<std::string>& Wrong() const { return wrong_; }

 private:
  void Note(const std::string& what);

  std::vector<std::string> wrong_;
  std::unique_ptr<sim::World> world_;
  std::function<void()> program_;
  std::unique_ptr<sim::FiberHub> hub_;
};

/// `nodes` alike, of one CPU each.
sim::Options OneCpuEach(std::size_t nodes);

}  // namespace mobula::bugs
