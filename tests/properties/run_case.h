// SPDX-License-Identifier: Apache-2.0
/// Runs one case and says whether the runtime kept its promises.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
#include "sim/options.h"
#include "sim/world.h"
#include "tests/properties/case.h"

namespace mobula::properties {

/// What became of a case.
struct Outcome {
  /// What was wrong, most telling first; empty when the case passed.
  std::vector<std::string> problems;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t tasks = 0;
  std::uint64_t faults = 0;
  double virtual_seconds = 0;
  /// Documented and true errors that tasks and the driver saw, by kind.
  std::map<std::string, std::uint64_t> errors;
  MOBULA_FIELDS(Outcome, problems, trace_hash, events, tasks, faults, virtual_seconds, errors)

  [[nodiscard]] bool Passed() const { return problems.empty(); }
};

/// How one run differs from another of the same case. Only `scheduling` and `before_event` change
/// what happens.
struct RunOptions {
  std::string trace_file;
  scheduler::Options scheduling;
  bool check_invariants = true;
  /// Called in front of every event since the start of the driver, numbered from 1. May break
  /// things.
  std::function<void(sim::World&, std::uint64_t event)> before_event;
};

/// Deliberate bugs that every run from here on has, also in children of this process.
void SetBugs(Bugs bugs);
Bugs GetBugs();

/// In this process: a failed CHECK ends it.
///
/// A run has two phases. Things break as the plan says until `chaos` is over (or the program is);
/// then everything is healed, and the program must end within a bounded virtual time. At the end
/// nothing may be left: of the references, tasks and objects when the program is over, and of the
/// job when the driver is.
Outcome RunHere(const Case& one, const RunOptions& options = {});

/// Breaks what the strike says, now.
void InjectStrike(sim::World& world, const Strike& strike);

/// The simulated cluster of a case.
sim::Options OptionsOf(const Case& one);

}  // namespace mobula::properties
