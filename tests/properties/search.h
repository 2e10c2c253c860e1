// SPDX-License-Identifier: Apache-2.0
/// Looks for a case that fails, and makes it small.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/properties/run_case.h"

namespace mobula::properties {

enum class Strategy {
  kRandom,      ///< Random programs and plans that draw from all steps and faults.
  kSwarm,       ///< Each case draws from a random subset of them.
  kExhaustive,  ///< Small random programs without a plan; a crash of each node and of a worker of
                ///< each in front of every event.
};
BOOST_DESCRIBE_ENUM(Strategy, kRandom, kSwarm, kExhaustive)

/// Whatever is used up first ends the search.
struct Budget {
  std::uint64_t runs = 1000;
  /// Of real time.
  double seconds = 120;
};

/// A case that fails, and how.
struct Failure {
  Case found;
  /// As small as shrinking made it; fails in the same way.
  Case shrunk;
  /// Of the shrunk case.
  Outcome outcome;
  std::uint64_t shrink_runs = 0;
  double shrink_seconds = 0;
};

struct SearchResult {
  /// Until the failure, or until the budget was used up; without shrinking.
  std::uint64_t runs = 0;
  double seconds = 0;
  std::optional<Failure> failure;
};

/// Tries the seeds from `first_seed` on. Runs cases one after the other in children of this
/// process, which inherit its state: what is switched on here is switched on there.
/// With a `shrinking` of no runs the failure stays as it was found.
SearchResult Search(Strategy strategy, const Budget& budget, std::uint64_t first_seed,
                    const Budget& shrinking = {1500, 60});

/// Makes a failing case small, for as long as it fails in the same way (the text of its first
/// problem up to the first colon).
Failure Shrink(const Case& found, const Outcome& outcome, const Budget& budget);

/// The case that a seed stands for, for the two random strategies.
Case CaseOfSeed(Strategy strategy, std::uint64_t seed);

/// A failure for people: what is wrong, the shrunk case as a test to be pasted, and the one command
/// that replays it, for which the case is written to `build/failures/NAME.textproto`.
std::string Describe(const Failure& failure, const std::string& name);

}  // namespace mobula::properties
