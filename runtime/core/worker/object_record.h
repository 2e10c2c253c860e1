// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "runtime/base/rare.h"
#include "runtime/core/protocol/messages.h"
#include "runtime/core/worker/views.h"

namespace mobula::worker {

/// Why this process needs an object. Each kind is counted separately.
enum class Count : std::uint8_t {
  kLocal,      ///< Reference objects of the language layer.
  kSubmitted,  ///< Arguments (or references inside them) of tasks submitted here and not finished
               ///< for good.
  kContained,  ///< Values of owned objects that contain the reference.
  kHeld,  ///< Steps of the borrowing protocol that must see it alive until they are acknowledged;
          ///< items of generators that nobody has taken yet.
  kExecuting,  ///< Arguments of tasks pushed to this process: their submitter keeps them alive.
  kLineage,    ///< Finished tasks kept for re-execution that would need it.
};
inline constexpr std::size_t kCountKinds = 6;

/// Who waits for an object in this process.
struct Waiter {
  enum class Kind : std::uint8_t { kTask, kRequest, kExecutor, kHandle };
  Kind kind = Kind::kTask;
  /// kRequest: the get or wait.
  std::uint64_t request = 0;
  /// kTask: the submitted task; kExecutor: the pushed one; kHandle: the creation of a called actor.
  TaskId task;
  /// Position among the objects of the request, or the arguments of the task.
  std::uint32_t slot = 0;
};

/// What one borrower holds at the owner.
struct BorrowerRecord {
  /// Registrations that it has not given back.
  std::uint64_t registrations = 0;
  /// Those among them that a third process made on its behalf, for an answer that was to follow.
  /// Added by AddBorrower; removed when given back, or when the sponsor's death is settled.
  struct Sponsored {
    std::uint64_t count = 0;
    /// The sponsor is dead, and the borrower was asked what it has heard of.
    bool checking = false;
  };
  absl::btree_map<Address, Sponsored> sponsors;
};

/// What an owner knows of those who have its object.
struct Lending {
  absl::btree_map<Address, BorrowerRecord> borrowers;
  /// Those that asked for the status.
  std::vector<Address> askers;
};

/// What a borrower knows of its dealings with the owner.
struct Borrowing {
  /// AddBorrower messages of this process that are not acknowledged.
  std::uint32_t registering = 0;
  /// A GetObjectStatus is under way.
  bool asked = false;
  /// The owner does not know it: it stands for an actor that was found by its name, when its owner
  /// had no handle any more. Then there is nothing to register with, ever.
  bool unknown_to_owner = false;
  /// Registrations at the owner that this process has heard of; given back when it lets go.
  std::uint64_t registrations = 0;
  /// Those among them that came with the answers of third processes, by process.
  absl::btree_map<Address, std::uint64_t> sponsors;
};

/// All that this process knows of one object it owns or borrows.
///
/// State            | meaning                                       | leaves by
/// in scope         | somebody needs it (`IsInScope`)               | the last count or borrower
/// kept for lineage | owned; only kLineage is left: an inline value | the lineage's end, or a
///                  | stays, copies in stores are freed             | re-execution that needs it
/// (erased)         | no count is left                              | -
struct ObjectRecord {
  Address owner;
  std::array<std::uint32_t, kCountKinds> counts{};
  bool owned = false;

  // Owner only.
  /// The creating task's lineage went to the byte cap.
  bool lineage_evicted = false;
  /// The creating task is kept as lineage and has a retry left. Set when it is finished, taken back
  /// with its lineage; never set for `put` objects.
  bool remakeable = false;
  /// This process had the copies freed, as only lineage was left: that they are gone is no failure.
  bool released = false;
  /// Its owner called free while tasks that are kept as lineage need it: it reads as an error, and
  /// is made again if one of them has to run again.
  bool freed = false;
  /// Somebody has asked for it, whatever it turned out to be, or nobody is meant to: its error is
  /// not told as one that went unnoticed.
  bool looked_at = false;
  /// References inside the value; each is counted kContained for as long as the value is kept.
  Rare<std::vector<ObjectRef>> inner;
  Rare<Lending> lending;

  /// Borrower only.
  Rare<Borrowing> borrowing;

  /// The actor this object stands for; nil for ordinary objects.
  Rare<ActorId> actor;
  ObjectStatus status;
  /// Want the status: resolved when the phase leaves kPending.
  std::vector<Waiter> status_waiters;
  /// Want the value here: inline, or pinned in this node's store.
  Rare<std::vector<Waiter>> local_waiters;

  [[nodiscard]] std::uint32_t Of(Count count) const {
    return counts[static_cast<std::size_t>(count)];
  }
  [[nodiscard]] std::uint32_t& Of(Count count) { return counts[static_cast<std::size_t>(count)]; }
  /// Whether anything but a running task's arguments needs it in this process. Lineage counts when
  /// it is borrowed: its owner knows nothing of our lineage.
  [[nodiscard]] bool IsNeededHere() const {
    const std::uint32_t uses =
        Of(Count::kLocal) | Of(Count::kSubmitted) | Of(Count::kContained) | Of(Count::kHeld);
    return uses != 0 || (!owned && Of(Count::kLineage) > 0);
  }
  /// Whether the value must be kept. Lineage needs the value of what cannot be made again: a
  /// borrowed object, an actor, what was put, and what a task has made that may not run again.
  [[nodiscard]] bool IsInScope() const {
    if (IsNeededHere() || Of(Count::kExecuting) > 0) return true;
    const bool is_stored = status.phase == ObjectPhase::kStored;
    const bool only_copy = !actor->IsNil() || (is_stored && !remakeable);
    if (Of(Count::kLineage) > 0 && only_copy) return true;
    return !lending->borrowers.empty() || borrowing->registering > 0;
  }
  /// Owned, and every copy is gone.
  [[nodiscard]] bool IsLost() const {
    return owned && status.phase == ObjectPhase::kStored && status.locations.empty();
  }
  /// A value in stores, or one that was there and can be again: its task is kept for it.
  [[nodiscard]] bool NeedsLineage() const { return status.phase == ObjectPhase::kStored || freed; }
  [[nodiscard]] bool IsResolved() const {
    return status.phase != ObjectPhase::kPending && !IsLost();
  }
  void AddLocation(NodeId node) {
    auto& nodes = status.locations;
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
  [[nodiscard]] bool HasLocation(NodeId node) const {
    return std::find(status.locations.begin(), status.locations.end(), node) !=
           status.locations.end();
  }
  void RemoveLocation(NodeId node) { std::erase(status.locations, node); }
};

/// All but `has_lineage`, which the task manager knows.
[[nodiscard]] ObjectView ViewOf(const ObjectRecord& record);

}  // namespace mobula::worker
