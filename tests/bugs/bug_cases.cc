// SPDX-License-Identifier: Apache-2.0
#include "tests/bugs/bug_cases.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faults/bugs.h"
#include "runtime/base/check.h"
#include "tests/bugs/bug_programs.h"
#include "tests/properties/apart.h"
#include "tests/properties/case_file.h"
#include "tests/properties/run_case.h"

namespace mobula::bugs {
namespace {

/// What each failure says, of the bugs whose cases are files.
const std::map<Bug, std::string>& Sayings() {
  static const std::map<Bug, std::string> sayings{
      {Bug::kIgnoresBorrowers, "was freed by its owner"},
      {Bug::kForgetsRetained, "was freed by its owner"},
      {Bug::kNeverRemovesBorrowers, "still knows"},
      {Bug::kReleasesContainerEarly, "was freed by its owner"},
      {Bug::kIgnoresOwnerDeath, "is expected from a dead owner"},
      {Bug::kLosesWakeUps, "never ends"},
      {Bug::kKeepsDeadLocations, "is said to be on a dead node"},
      {Bug::kCountsChunksTwice, "== pull.missing"},
      {Bug::kDropsAllPins, "unpinned memory"},
      {Bug::kDeletesSpilledEarly, "the node that it was put on lives, and its disk"},
      {Bug::kKeepsSpilledFiles, "bytes in spill files"},
      {Bug::kTrustsFailedWrites, "the node that it was put on lives, and its disk"},
      {Bug::kCountsAttemptsTwice, "only 2 attempts can have been lost"},
      {Bug::kRetriesWithoutEnd, "is run more often than it may be"},
      {Bug::kRetriesCancelledTasks, "was cancelled"},
      {Bug::kDropsLineageEarly, "lineage out of scope"},
      {Bug::kForgetsLineageArguments, "is needed and not known"},
      {Bug::kNeverDropsLineage, "is kept for nobody"},
      {Bug::kKeepsLeasesOfTheDead, "has not got back all"},
      {Bug::kKeepsUnwantedLeases, "has not got back all"},
      {Bug::kKeepsCpuWhileBlocked, "never ends"},
      {Bug::kReordersCalls, "out of order"},
      {Bug::kCallsOldIncarnations, "its caller killed it before"},
      {Bug::kForgetsLostCalls, "never ends"},
      {Bug::kLeavesOldActors, "still runs"},
      {Bug::kKeepsActorNames, "actors_.at(actor).IsDead()"},
      {Bug::kEndsDetachedActors, "lost actor"},
      {Bug::kNeverFences, "was declared dead"},
      {Bug::kKeepsWorkersOfFinishedJobs, "still runs"},
      {Bug::kAppliesWritesTwice, "no order explains what was heard of key-0"},
      {Bug::kAcknowledgesUnsynced, "never ends"},
      {Bug::kDeliversTwice, "started twice"},
      {Bug::kAcknowledgesEarly, "never ends"},
      {Bug::kNeverResends, "nothing will be repeated"},
  };
  return sayings;
}

BugCase FromFile(Bug bug) {
  const std::string path =
      absl::StrCat("tests/bugs/cases/", faults::Describe(bug).name, ".textproto");
  const auto one = properties::ReadCase(path);
  CHECK(one.ok()) << one.status().message();
  BugCase made{bug, Sayings().at(bug), {}, properties::SizeOf(*one), false};
  made.run = [one = *one](Bugs bugs) {
    properties::SetBugs(bugs);
    return properties::RunHere(one).problems;
  };
  return made;
}

}  // namespace

BugCase CaseOf(Bug bug) {
  switch (bug) {
    case Bug::kGrantsTwice:
      return {bug, "granted twice", RepeatALeaseRequest, {2, 0}, true};
    case Bug::kAcceptsStaleAttempts:
      return {bug, "crash", KillAnActorWhoseBirthIsNotKnownYet, {6, 1}, true};
    case Bug::kKeepsWindowShut:
      return {bug, "nothing is under way", RunATaskOverANarrowLink, {3, 0}, true};
    default:
      return FromFile(bug);
  }
}

properties::Outcome RunApart(const BugCase& one, Bugs bugs) {
  const auto apart = properties::Apart::Fork();
  if (apart != nullptr) return apart->Finish();
  properties::Outcome outcome;
  outcome.problems = one.run(bugs);
  properties::Apart::Report(outcome);
}

}  // namespace mobula::bugs
