// SPDX-License-Identifier: Apache-2.0
#include "faults/bugs.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mobula::faults {

const std::vector<BugEntry>& AllBugs() {
  static const std::vector<BugEntry> bugs{
      {Bug::kIgnoresBorrowers, "ignores_borrowers",
       "an owner does not note who borrows its objects, and frees them when its own references go",
       "premature free; the first thing that the protocol of the Ownership paper is there to "
       "prevent",
       "no premature free"},
      {Bug::kForgetsRetained, "forgets_retained",
       "an executor that keeps a reference from its arguments does not say so in its answer",
       "forgotten borrower: a path on which a new holder is not reported", "no premature free"},
      {Bug::kNeverRemovesBorrowers, "never_removes_borrowers",
       "an owner ignores that a borrower has let go",
       "reference leak: memory that grows until a long job fails", "nothing is left at the end"},
      {Bug::kReleasesContainerEarly, "releases_container_early",
       "a reference that came out of a value is registered, but the value is not held meanwhile",
       "a race between the end of one holder and the registration of the next",
       "no premature free"},
      {Bug::kIgnoresOwnerDeath, "ignores_owner_death",
       "a borrower goes on waiting for an object whose owner is dead",
       "a hang in the place of OwnerDiedError", "what a dead owner owned is an error"},
      {Bug::kLosesWakeUps, "loses_wake_ups",
       "when a value comes, the first of those that wait for it is told, and the others are not",
       "lost wake-up: notify_one in the place of notify_all", "the program ends"},
      {Bug::kKeepsDeadLocations, "keeps_dead_locations",
       "an owner goes on sending readers to the copies on a dead node",
       "a stale object directory: endless fetching instead of reconstruction",
       "no copy is said to be on a dead node"},
      {Bug::kCountsChunksTwice, "counts_chunks_twice",
       "a chunk of an object that comes twice counts for another one that is missing",
       "no idempotence in a transfer: a repeated message, an object with a hole",
       "as many chunks are missing as are not there"},
      {Bug::kDropsAllPins, "drops_all_pins",
       "one process lets go of an object, and the store drops the pins of all",
       "a pin released twice: memory is reused while others have it mapped",
       "what a process maps, its store has pinned for it"},
      {Bug::kDeletesSpilledEarly, "deletes_spilled_early",
       "a file of spilled objects is deleted when the first of them is freed",
       "a file shared by many and counted by none: the others' data is gone",
       "a spilled object can be restored"},
      {Bug::kKeepsSpilledFiles, "keeps_spilled_files",
       "a file of spilled objects is not deleted when the last of them is freed",
       "a disk that fills up with files that nobody will read", "nothing is left at the end"},
      {Bug::kTrustsFailedWrites, "trusts_failed_writes",
       "objects whose spilling failed are dropped from memory as if they were on disk",
       "an error of write or close that nobody looks at", "a spilled object can be restored"},
      {Bug::kAcceptsStaleAttempts, "accepts_stale_attempts",
       "the GCS takes the word of an actor's last incarnation, that its constructor has returned, "
       "for that of the present one",
       "a late reply after a retry, taken for the reply to the retry",
       "an actor lives when its constructor has returned"},
      {Bug::kCountsAttemptsTwice, "counts_attempts_twice",
       "each failure costs a task two of its retries",
       "a failure that is reported on two ways and handled on both",
       "an error only when the retries are used up"},
      {Bug::kRetriesWithoutEnd, "retries_without_end",
       "a task is run again after a failure however often that was before",
       "at-most-once broken: side effects of a task with max_retries=0 happen twice",
       "attempts stay within the limits"},
      {Bug::kRetriesCancelledTasks, "retries_cancelled_tasks",
       "a task whose process was ended because it was cancelled is run again",
       "cancellation and failure handling that do not know of each other",
       "a cancelled task only waits for its answer"},
      {Bug::kDropsLineageEarly, "drops_lineage_early",
       "no lineage is kept of a task that has finished",
       "lineage out of scope too early: the first property of the Ownership paper's formal model",
       "lineage is in scope while it may be needed"},
      {Bug::kForgetsLineageArguments, "forgets_lineage_arguments",
       "lineage does not keep the arguments that a re-execution would need",
       "lineage out of scope one level up: single losses are recovered, double ones are not",
       "every count is explained"},
      {Bug::kNeverDropsLineage, "never_drops_lineage",
       "lineage is kept after the last value that it could make again has gone",
       "lineage leak: the driver's memory grows with every task", "lineage is kept for somebody"},
      {Bug::kGrantsTwice, "grants_twice",
       "a raylet grants a second worker when a lease request is repeated",
       "no idempotence in lease requests: workers that nobody uses and nobody returns",
       "a request is granted once"},
      {Bug::kKeepsLeasesOfTheDead, "keeps_leases_of_the_dead",
       "a raylet does not end the leases of a process that died",
       "leaked leases: CPUs of a node that nobody gets any more", "all resources come back"},
      {Bug::kKeepsUnwantedLeases, "keeps_unwanted_leases",
       "a grant that crosses the cancellation of its request is not given back",
       "a lease leaked in a race of request and cancellation; Ray leaks one on a lost reply",
       "all resources come back"},
      {Bug::kKeepsCpuWhileBlocked, "keeps_cpu_while_blocked",
       "a worker that waits in get keeps its CPU", "deadlock of nested tasks", "the program ends"},
      {Bug::kReordersCalls, "reorders_calls",
       "a call that has its arguments overtakes an earlier one of the same caller that has not",
       "the order of an actor's calls broken by what should only make them faster",
       "calls of one caller start in order"},
      {Bug::kCallsOldIncarnations, "calls_old_incarnations",
       "calls still go to the process of an actor that is known to be dead or about to die",
       "a stale address in a client's cache: calls that are lost though the actor lives",
       "an error only when the actor is dead"},
      {Bug::kForgetsLostCalls, "forgets_lost_calls",
       "calls in flight when their actor died are neither repeated nor failed",
       "a hang after a restart: the reply that will never come", "the program ends"},
      {Bug::kLeavesOldActors, "leaves_old_actors",
       "the process of an actor that was killed or replaced is not ended",
       "two incarnations of one actor: split brain, and a leaked process",
       "nothing is left at the end"},
      {Bug::kKeepsActorNames, "keeps_actor_names", "the name of a dead actor stays taken",
       "a registry entry that outlives what it names", "only living actors have names"},
      {Bug::kEndsDetachedActors, "ends_detached_actors",
       "a detached actor dies with the job that made it",
       "lifetimes confused: the owner's in the place of the cluster's",
       "a detached actor outlives its job"},
      {Bug::kNeverFences, "never_fences",
       "a node that was declared dead and comes back goes on working",
       "no fencing: two executions of everything, two owners of a name",
       "who is declared dead ends"},
      {Bug::kKeepsWorkersOfFinishedJobs, "keeps_workers_of_finished_jobs",
       "the workers of a job do not end with it",
       "leaked processes: a node fills up with idle workers",
       "nothing is left when the driver is gone"},
      {Bug::kAppliesWritesTwice, "applies_writes_twice",
       "a repeated write to the key-value store is applied again",
       "no idempotence in writes: a late repetition undoes what was written since",
       "the last write wins"},
      {Bug::kAcknowledgesUnsynced, "acknowledges_unsynced",
       "the GCS answers before what it answers for is on its disk",
       "a write acknowledged from memory: a loss of power undoes what was promised",
       "what was acknowledged is there after a restart"},
      {Bug::kDeliversTwice, "delivers_twice", "a link delivers a frame again that comes again",
       "no de-duplication in a transport that repeats", "a message is handled once"},
      {Bug::kAcknowledgesEarly, "acknowledges_early",
       "a link acknowledges what came ahead of a gap, and so the gap itself",
       "acknowledgement of the highest instead of the last in order: silent loss",
       "the program ends"},
      {Bug::kKeepsWindowShut, "keeps_window_shut",
       "a sender whose window was full does not go on when it opens",
       "flow control without a wake-up: a stream that stops for ever under load",
       "what waits is under way"},
      {Bug::kNeverResends, "never_resends", "a link does not repeat what is lost",
       "a timer that is not started again", "what is under way will be repeated"},
  };
  return bugs;
}

const BugEntry& Describe(Bug bug) { return AllBugs().at(static_cast<std::size_t>(bug)); }

absl::StatusOr<Bug> FindBug(std::string_view name) {
  const auto& bugs = AllBugs();
  const auto found = std::find_if(bugs.begin(), bugs.end(),
                                  [&](const BugEntry& entry) { return entry.name == name; });
  if (found != bugs.end()) return found->bug;
  const std::string names = absl::StrJoin(bugs, ", ", [](std::string* out, const BugEntry& entry) {
    absl::StrAppend(out, entry.name);
  });
  return absl::NotFoundError(
      absl::StrCat("no deliberate bug is named \"", std::string(name), "\"; there are ", names));
}

}  // namespace mobula::faults
