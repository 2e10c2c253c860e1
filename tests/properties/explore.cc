// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/explore.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/properties/apart.h"

namespace mobula::properties {
namespace {

std::vector<Strike> StrikesOf(const Case& one, const ExploreOptions& options) {
  std::vector<Strike> strikes;
  for (std::uint32_t i = 1; i <= one.cluster.nodes; ++i) {
    const std::string node = absl::StrCat("n", i);
    if (i > 1) strikes.push_back({0, node, false, options.restart_after});
    if (options.workers) strikes.push_back({0, node, true, {}});
  }
  return strikes;
}

}  // namespace

std::string KindOf(const Outcome& outcome) {
  if (!outcome.Passed()) {
    const std::string& problem = outcome.problems.front();
    // A CHECK's place is its kind: file and line.
    const bool is_check = problem.find("CHECK failed") != std::string::npos;
    const auto colon = problem.find(':');
    return problem.substr(0, is_check ? problem.find(':', colon + 1) : colon);
  }
  if (outcome.errors.empty()) return "passed";
  std::vector<std::string> names;
  for (const auto& [name, count] : outcome.errors) names.push_back(name);
  return absl::StrCat("passed with ", absl::StrJoin(names, ", "));
}

Exploration Explore(const Case& one, const ExploreOptions& options,
                    const std::function<bool(const Placement&)>& stop) {
  Exploration exploration;
  const std::vector<Strike> strikes = StrikesOf(one, options);
  bool stopped = false;
  bool is_child = false;
  RunOptions run;
  run.before_event = [&](sim::World& world, std::uint64_t event) {
    // A child has had its crash.
    if (stopped || is_child) return;
    exploration.events = event;
    for (Strike strike : strikes) {
      strike.event = event;
      const auto child = Apart::Fork();
      if (child == nullptr) {
        is_child = true;
        InjectStrike(world, strike);
        return;
      }
      const Placement placement{strike, child->Finish()};
      ++exploration.placements;
      ++exploration.outcomes[KindOf(placement.outcome)];
      if (!placement.outcome.Passed()) exploration.failures.push_back(placement);
      stopped = stop != nullptr && stop(placement);
      if (stopped) return;
    }
  };
  const Outcome outcome = RunHere(one, run);
  if (is_child) Apart::Report(outcome);
  exploration.complete = !stopped;
  exploration.without_crash = outcome;
  return exploration;
}

}  // namespace mobula::properties
