// SPDX-License-Identifier: Apache-2.0
// Swarm search finds by itself what its programs can reach, within a budget of runs: the same cases
// every time. faults/BUGS.md says how many runs each takes.
#include "faults/bugs.h"
#include "gmock/gmock.h"
#include "tests/properties/apart.h"
#include "tests/properties/search.h"

namespace mobula::bugs {
namespace {

using properties::Strategy;

/// What common programs meet soon.
constexpr Bug kSoonFound[] = {
    Bug::kIgnoresBorrowers,      Bug::kForgetsRetained,
    Bug::kNeverRemovesBorrowers, Bug::kLosesWakeUps,
    Bug::kDropsLineageEarly,     Bug::kNeverDropsLineage,
    Bug::kKeepsCpuWhileBlocked,  Bug::kKeepsWorkersOfFinishedJobs,
    Bug::kCallsOldIncarnations,  Bug::kKeepsActorNames,
    Bug::kEndsDetachedActors,    Bug::kReordersCalls,
    Bug::kCountsChunksTwice,     Bug::kDropsAllPins,
    Bug::kDeletesSpilledEarly,   Bug::kKeepsSpilledFiles,
    Bug::kTrustsFailedWrites,    Bug::kNeverFences,
};

class SearchedBug : public testing::TestWithParam<Bug> {
 protected:
  void TearDown() override { properties::SetBugs({}); }
};

TEST_P(SearchedBug, IsFoundByASwarm) {
  Bugs bugs;
  bugs.SwitchOn(GetParam());
  properties::SetBugs(bugs);
  const auto result = properties::Search(Strategy::kSwarm, {200, 100}, 1, {0, 0});
  ASSERT_TRUE(result.failure.has_value()) << "not within " << result.runs << " runs";
  // It is the bug that fails there.
  properties::SetBugs({});
  EXPECT_THAT(properties::RunApart(result.failure->found).problems, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Soon, SearchedBug, testing::ValuesIn(kSoonFound),
                         [](const auto& info) { return faults::Describe(info.param).name; });

}  // namespace
}  // namespace mobula::bugs
