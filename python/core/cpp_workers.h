// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "runtime/api/programs.h"
#include "sim/fiber_hub.h"
#include "sim/world.h"

namespace mobula::python {

/// The C++ workers of a world whose other code is Python: their tasks run on fibers, between two
/// steps of the hub in Python, so that no frame of C++ lies below a greenlet.
class CppWorkers {
 public:
  explicit CppWorkers(std::shared_ptr<sim::World> world);

  /// One more library of a job; all jobs of the world have it.
  void Load(const std::string& path) { programs_.Load(path); }
  /// Steps the world to the first action that is not about a C++ worker.
  sim::HubAction Step();
  /// The cluster was stopped: nothing that runs here goes on.
  void UnwindAll() { hub_.UnwindAll(); }

 private:
  std::shared_ptr<sim::World> world_;
  api::Programs programs_;
  sim::FiberHub hub_;
};

}  // namespace mobula::python
