// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/raylet/events.h"
#include "runtime/core/raylet/options.h"

namespace mobula::raylet {

struct WorkerView {
  WorkerId worker;
  std::uint32_t pid = 0;
  /// "starting", "idle", "leased", "actor", "driver".
  std::string state;
  JobId job;
  std::string running;
  bool blocked = false;
  /// What its tasks ask to find around them; empty when they ask for nothing.
  std::string runtime_env;
  MOBULA_FIELDS(WorkerView, worker, pid, state, job, running, blocked, runtime_env)
};
struct StoredObjectView {
  ObjectRef object;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool sealed = false;
  bool primary = false;
  std::uint32_t pins = 0;
  bool in_memory = true;
  bool on_disk = false;
  MOBULA_FIELDS(StoredObjectView, object, offset, size, sealed, primary, pins, in_memory, on_disk)
};

/// A worker of this node that was granted.
struct GrantedLeaseView {
  LeaseId lease;
  WorkerId worker;
  /// Nil in both parts: the GCS, for an actor.
  Address owner;
  std::string name;
  ResourceSet resources;
  ActorId actor;
  bool blocked = false;
  bool reclaimed = false;
  bool ending = false;
  MOBULA_FIELDS(GrantedLeaseView, lease, worker, owner, name, resources, actor, blocked, reclaimed,
                ending)
};
/// A request that is not answered yet.
struct QueuedLeaseView {
  Address owner;
  std::uint64_t request = 0;
  std::string name;
  ResourceSet resources;
  ActorId actor;
  /// It has its resources, and waits for a process.
  bool waits_for_worker = false;
  std::uint32_t spill_count = 0;
  MOBULA_FIELDS(QueuedLeaseView, owner, request, name, resources, actor, waits_for_worker,
                spill_count)
};

/// What the node has set aside for a placement group.
struct BundleView {
  HeldBundle bundle;
  ResourceSet reserved;
  /// Of that, what nothing holds.
  ResourceSet available;
  /// It is given back as soon as what ran in it has ended.
  bool returning = false;
  MOBULA_FIELDS(BundleView, bundle, reserved, available, returning)
};

/// The node manager: grants leases against the node's resources, keeps the pool of worker
/// processes, indexes the node's object store, and pulls objects from other nodes. View: one
/// node's, with the cluster view that the GCS sends. Pure: no clock, thread or I/O.
class Raylet {
 public:
  explicit Raylet(Options options);
  ~Raylet();
  Raylet(const Raylet&) = delete;
  Raylet& operator=(const Raylet&) = delete;

  /// The only mutator. Appends to `out`, which the caller clears.
  void Handle(Instant now, const Event& event, Effects& out);
  void CheckInvariants() const;

  /// Whether messages to this process can be delivered (it registered and has not exited).
  [[nodiscard]] bool IsRegistered(WorkerId worker) const;
  /// Whether the store keeps a copy of the object for this process.
  [[nodiscard]] bool IsPinned(ObjectId object, WorkerId process) const;
  /// Where the buffer of an object being pulled, or stored, begins; empty when there is none. The
  /// host writes arriving chunks there.
  [[nodiscard]] std::optional<std::uint64_t> StoreOffset(ObjectId object) const;
  [[nodiscard]] std::vector<WorkerView> Workers() const;
  [[nodiscard]] std::vector<StoredObjectView> Objects() const;
  [[nodiscard]] const object_store::SpillStatistics& Spilling() const;
  [[nodiscard]] std::vector<GrantedLeaseView> Leases() const;
  [[nodiscard]] std::vector<QueuedLeaseView> LeaseRequests() const;
  [[nodiscard]] std::vector<BundleView> Bundles() const;
  [[nodiscard]] const ResourceSet& Available() const;
  /// As long as this does not grow, no view changes.
  [[nodiscard]] std::uint64_t EventsHandled() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mobula::raylet
