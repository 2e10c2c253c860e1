// SPDX-License-Identifier: Apache-2.0
/// Exhaustive placement of a crash in the run of one case.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/properties/run_case.h"

namespace mobula::properties {

struct ExploreOptions {
  /// Also one worker of each node, not only the node.
  bool workers = true;
  /// How long a node stays away.
  std::optional<Duration> restart_after = Seconds(1);
};

/// One crash in front of one event, and what came of it. The prefix of the run is shared: the
/// process is forked there.
struct Placement {
  Strike strike;
  Outcome outcome;
};

struct Exploration {
  /// Of the run without a crash, from the start of the driver until the program was over.
  std::uint64_t events = 0;
  /// Crashes tried.
  std::uint64_t placements = 0;
  /// Each event times what may crash was tried: coverage is complete.
  bool complete = false;
  Outcome without_crash;
  /// Placements by what became of them: "passed", "passed with WorkerCrashed", "wrong value", ...
  std::map<std::string, std::uint64_t> outcomes;
  std::vector<Placement> failures;
};

/// Tries everything, or until `stop` says so after a placement. The head itself does not crash.
Exploration Explore(const Case& one, const ExploreOptions& options,
                    const std::function<bool(const Placement&)>& stop = nullptr);

/// The text of a problem up to the first colon.
std::string KindOf(const Outcome& outcome);

}  // namespace mobula::properties
