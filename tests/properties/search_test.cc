// SPDX-License-Identifier: Apache-2.0
// Searching: exhaustive search leaves no place out, and what a failure prints is the run itself.
#include "tests/properties/search.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/properties/apart.h"
#include "tests/properties/case_file.h"
#include "tests/properties/explore.h"

namespace mobula::properties {
namespace {

Case Parsed(const std::string& text) {
  const auto one = ParseCase(text, "test");
  EXPECT_TRUE(one.ok()) << one.status();
  return *one;
}

/// The driver's task, and a second one on what it stored, on two nodes.
constexpr char kTwoTasks[] = R"(
cluster { nodes: 2 cpus: 1 }
program {
  actions { step: SUBMIT retries: -1 body { result_size: 14000 } }
  actions { step: ADD retries: -1 }
  actions { step: GET a: 1 }
}
)";

TEST(Explore, PutsACrashInFrontOfEveryEvent) {
  const Exploration exploration = Explore(Parsed(kTwoTasks), {});
  EXPECT_TRUE(exploration.complete);
  EXPECT_TRUE(exploration.without_crash.Passed());
  EXPECT_GT(exploration.events, 30u);
  // Node n2, and a worker of each.
  EXPECT_EQ(exploration.placements, exploration.events * 3);
  EXPECT_EQ(exploration.outcomes.at("passed"), exploration.placements);
  for (const Placement& placement : exploration.failures) {
    ADD_FAILURE() << ToString(placement.strike) << ": "
                  << absl::StrJoin(placement.outcome.problems, "; ");
  }
}

TEST(Explore, StrikesTheSameWithoutAFork) {
  Case one = Parsed(kTwoTasks);
  Outcome forked;
  Explore(one, {}, [&](const Placement& placement) {
    if (placement.strike.event < 20) return false;
    one.strike = placement.strike;
    forked = placement.outcome;
    return true;
  });
  EXPECT_EQ(RunApart(one), forked);
}

TEST(Search, StopsWhenItsBudgetIsUsedUp) {
  for (const Strategy strategy : {Strategy::kRandom, Strategy::kSwarm, Strategy::kExhaustive}) {
    const SearchResult result = Search(strategy, {.runs = 3, .seconds = 60}, 1);
    EXPECT_EQ(result.runs, 3u);
    EXPECT_FALSE(result.failure.has_value());
  }
}

TEST(Search, PrintsWhatReplaysTheRun) {
  const Case one = CaseOfSeed(Strategy::kSwarm, 4);
  Outcome outcome = RunApart(one);
  const std::uint64_t hash = outcome.trace_hash;
  outcome.problems = {"wrong value: as a test says"};
  const std::string text = Describe(Failure{one, one, outcome, 0, 0}, "search-test");
  EXPECT_THAT(text, testing::HasSubstr("TEST(Regression, searchtest)"));
  EXPECT_THAT(text, testing::HasSubstr(absl::StrCat("--hash ", absl::Hex(hash))));
  const auto read = ReadCase("build/failures/search-test.textproto");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(RunApart(*read).trace_hash, hash);
}

}  // namespace
}  // namespace mobula::properties
