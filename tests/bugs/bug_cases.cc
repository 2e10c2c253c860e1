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
      {Bug::kForgetsLostCalls, "never ends"},
      {Bug::kLeavesOldActors, "still runs"},
      {Bug::kNeverFences, "was declared dead"},
      {Bug::kKeepsWorkersOfFinishedJobs, "still runs"},
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
    case Bug::kKeepsActorNames:
      return {bug, "actors_.at(actor).IsDead()", NameAnActorAfterADeadOne, {5, 0}, false};
    case Bug::kEndsDetachedActors:
      return {bug, "the detached actor is there", FindADetachedActorOfAnEarlierJob, {4, 0}, false};
    case Bug::kCallsOldIncarnations:
      return {bug, "the next incarnation answers", CallAnActorThatWasKilled, {6, 0}, false};
    case Bug::kAcceptsStaleAttempts:
      return {bug, "crash", KillAnActorWhoseBirthIsNotKnownYet, {6, 1}, true};
    case Bug::kAppliesWritesTwice:
      return {bug, "the last write wins", WriteWhileAnAnswerIsLate, {8, 1}, true};
    case Bug::kKeepsWindowShut:
      return {bug, "nothing is under way", RunATaskOverANarrowLink, {3, 0}, true};
    case Bug::kDeletesSpilledEarly:
      return {bug, "the program failed", FreeOneOfTwoObjectsInAFile, {6, 0}, true};
    case Bug::kKeepsSpilledFiles:
      return {bug, "nothing is left on disk", FreeAllThatWasSpilled, {4, 0}, true};
    case Bug::kTrustsFailedWrites:
      return {bug, "the program failed", SpillToADiskThatIsFullForAWhile, {5, 1}, true};
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
