// SPDX-License-Identifier: Apache-2.0
/// Deliberate bugs: mistakes that a distributed runtime is known to make, each at the one place in
/// the machines where it would be made. Tests switch them on, to see that they would be found;
/// faults/bugs.h says what each does, what it stands for and what must catch it. Nothing but tests
/// can: tools/tidy.py refuses `SwitchOn` elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/describe.h"

namespace mobula {

enum class Bug : std::uint8_t {
  // Ownership.
  kIgnoresBorrowers,
  kForgetsRetained,
  kNeverRemovesBorrowers,
  kReleasesContainerEarly,
  kIgnoresOwnerDeath,
  // Values and copies.
  kLosesWakeUps,
  kKeepsDeadLocations,
  kCountsChunksTwice,
  kDropsAllPins,
  kDeletesSpilledEarly,
  kKeepsSpilledFiles,
  kTrustsFailedWrites,
  // Tasks and lineage.
  kAcceptsStaleAttempts,
  kCountsAttemptsTwice,
  kRetriesWithoutEnd,
  kRetriesCancelledTasks,
  kDropsLineageEarly,
  kForgetsLineageArguments,
  kNeverDropsLineage,
  // Leases.
  kGrantsTwice,
  kKeepsLeasesOfTheDead,
  kKeepsUnwantedLeases,
  kKeepsCpuWhileBlocked,
  // Actors.
  kReordersCalls,
  kCallsOldIncarnations,
  kForgetsLostCalls,
  kLeavesOldActors,
  kKeepsActorNames,
  kEndsDetachedActors,
  // Nodes, jobs and the GCS.
  kNeverFences,
  kKeepsWorkersOfFinishedJobs,
  kAppliesWritesTwice,
  kAcknowledgesUnsynced,
  // Links.
  kDeliversTwice,
  kAcknowledgesEarly,
  kKeepsWindowShut,
  kNeverResends,
};
BOOST_DESCRIBE_ENUM(Bug, kIgnoresBorrowers, kForgetsRetained, kNeverRemovesBorrowers,
                    kReleasesContainerEarly, kIgnoresOwnerDeath, kLosesWakeUps, kKeepsDeadLocations,
                    kCountsChunksTwice, kDropsAllPins, kDeletesSpilledEarly, kKeepsSpilledFiles,
                    kTrustsFailedWrites, kAcceptsStaleAttempts, kCountsAttemptsTwice,
                    kRetriesWithoutEnd, kRetriesCancelledTasks, kDropsLineageEarly,
                    kForgetsLineageArguments, kNeverDropsLineage, kGrantsTwice,
                    kKeepsLeasesOfTheDead, kKeepsUnwantedLeases, kKeepsCpuWhileBlocked,
                    kReordersCalls, kCallsOldIncarnations, kForgetsLostCalls, kLeavesOldActors,
                    kKeepsActorNames, kEndsDetachedActors, kNeverFences,
                    kKeepsWorkersOfFinishedJobs, kAppliesWritesTwice, kAcknowledgesUnsynced,
                    kDeliversTwice, kAcknowledgesEarly, kKeepsWindowShut, kNeverResends)

/// Which of them a machine has. Part of its options; none by default.
class Bugs {
 public:
  [[nodiscard]] constexpr bool Has(Bug bug) const { return (bits_ & BitOf(bug)) != 0; }
  constexpr void SwitchOn(Bug bug) { bits_ |= BitOf(bug); }
  bool operator==(const Bugs&) const = default;

 private:
  static constexpr std::uint64_t BitOf(Bug bug) {
    return std::uint64_t{1} << static_cast<unsigned>(bug);
  }

  std::uint64_t bits_ = 0;
};

}  // namespace mobula
