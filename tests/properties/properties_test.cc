// SPDX-License-Identifier: Apache-2.0
// The properties: random programs under random faults, driven and shrunk by RapidCheck. tools/soak
// runs many more of the same.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

#include "tests/properties/apart.h"
#include "tests/properties/generator.h"
#include "tests/properties/search.h"

namespace mobula::properties {
namespace {

// The same cases each time; RC_PARAMS chooses others.
[[maybe_unused]] const bool chosen = setenv("RC_PARAMS", "seed=1 max_success=120", 0) == 0;

/// The last failing case that RapidCheck tries is the smallest, and its text the one it shows.
void ExpectPasses(const Case& one) {
  const Outcome outcome = RunApart(one);
  if (outcome.Passed()) return;
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  RC_FAIL(Describe(Failure{one, one, outcome, 0, 0}, test));
}

RC_GTEST_PROP(Property, ProgramsComputeWhatSequentialExecutionComputes, ()) {
  ExpectPasses(*Cases({.swarm = true, .faults = false}));
}

/// The driver lives, owns everything, and every task may be retried without end.
RC_GTEST_PROP(Property, TheAnswerComesWhateverBreaks, ()) {
  ExpectPasses(*Cases({.swarm = true, .answer_must_come = true}));
}

/// Owners die, too, and retries are used up: then documented errors come instead, and they are
/// true.
RC_GTEST_PROP(Property, TheAnswerOrATrueErrorComesWhateverBreaks, ()) {
  ExpectPasses(*Cases({.swarm = true}));
}

}  // namespace
}  // namespace mobula::properties
