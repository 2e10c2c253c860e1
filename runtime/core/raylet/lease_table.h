// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/raylet/lease_queue.h"

namespace mobula::raylet {

/// A worker granted to an owner, with the resources that the grant holds.
struct Lease {
  LeaseId id;
  WorkerId worker;
  RequestLease request;
  /// Out of which bundle it has its resources; nothing for the node's own.
  std::optional<BundleKey> bundle;
  /// Which GPUs it has.
  GpuShares gpus;
  /// Its worker waits in `get`: its CPU is given back meanwhile.
  bool blocked = false;
  /// ReclaimLease was sent.
  bool reclaimed = false;
  Instant reclaimed_at;
  /// Its worker is being ended; the resources come back with the process's exit.
  bool ending = false;

  /// What it takes from the node at the moment.
  [[nodiscard]] ResourceSet Held() const;
};

/// The part of `resources` that a blocked worker does not need: its CPU.
[[nodiscard]] ResourceSet CpuPart(const ResourceSet& resources);

/// The leases of one node, found by id, worker, request and owner. An entry is added when a lease
/// is granted and removed when it is returned or its worker is dead.
class LeaseTable {
 public:
  /// REQUIRES: the worker has no lease.
  void Add(Lease lease);
  Lease Remove(LeaseId id);

  [[nodiscard]] Lease* Find(LeaseId id);
  [[nodiscard]] const Lease* FindByWorker(WorkerId worker) const;
  [[nodiscard]] Lease* FindByWorker(WorkerId worker);
  [[nodiscard]] const Lease* FindByRequest(const RequestKey& key) const;
  [[nodiscard]] std::vector<LeaseId> OfOwner(WorkerId owner) const;
  /// In the order of their grants.
  [[nodiscard]] const std::map<std::uint64_t, Lease>& InOrder() const { return leases_; }
  [[nodiscard]] std::map<std::uint64_t, Lease>& InOrder() { return leases_; }
  void CheckInvariants() const;

 private:
  std::map<std::uint64_t, Lease> leases_;
  std::map<LeaseId, std::uint64_t> by_id_;
  std::map<WorkerId, std::uint64_t> by_worker_;
  std::map<RequestKey, std::uint64_t> by_request_;
  std::uint64_t next_ = 1;
};

}  // namespace mobula::raylet
