// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/core/raylet/bundle_table.h"
#include "runtime/core/raylet/worker_pool.h"

namespace mobula::raylet {

/// A request is named by its owner (nil for the GCS) and the owner's number.
using RequestKey = std::pair<WorkerId, std::uint64_t>;

/// Requests that any decision treats alike. Ray counterpart: scheduling class.
struct ClassKey {
  ResourceSet resources;
  ResourceSet placement;
  SchedulingStrategy strategy;
  PoolKey pool;
  auto operator<=>(const ClassKey&) const = default;
  static ClassKey Of(const RequestLease& message) {
    return {message.resources, message.placement, message.strategy, PoolOf(message)};
  }
  static PoolKey PoolOf(const RequestLease& message) {
    return {message.job, message.language, message.runtime_env, !message.actor.IsNil()};
  }
};

enum class RequestPhase {
  kQueued,            ///< Waits for resources here or elsewhere.
  kWaitingForWorker,  ///< Holds its resources, waits for a process.
};

struct QueuedRequest {
  RequestLease message;
  RequestPhase phase = RequestPhase::kQueued;
  std::uint64_t class_number = 0;
  /// Arrival order on this node.
  std::uint64_t sequence = 0;
  Instant arrived_at;
  /// Out of which bundle it has its resources, while it waits for a worker; nothing for the node's.
  std::optional<BundleKey> bundle;
  /// Which GPUs it has, likewise.
  GpuShares gpus = {};

  [[nodiscard]] RequestKey Key() const { return {message.owner.worker, message.request}; }
};

/// One class with requests that wait for resources.
struct RequestClass {
  std::uint64_t number = 0;
  /// Its place in the round.
  std::uint64_t turn = 0;
  ClassKey key;
  /// Arrival order to request. Added by Add; removed by Remove or when the request gets its
  /// resources.
  std::map<std::uint64_t, RequestKey> order;
  /// Version of the cluster view at the last decision about the head; 0 when it must be made anew.
  std::uint64_t decided_at = 0;
  /// At the last decision the node that it must run on was unknown.
  bool node_unknown = false;
  /// At the last decision no living node could hold it.
  bool infeasible = false;
  /// Owners of requests up to this one were told that the class is infeasible.
  std::uint64_t told_up_to = 0;
  /// The head for which users were told that nothing here gets on.
  std::uint64_t stuck_told_for = 0;
  /// For which head, and when, leases were last reclaimed.
  std::uint64_t reclaimed_for = 0;
  Instant reclaimed_at;
};

/// The lease requests of one node that were not answered yet: in order of arrival within a class,
/// classes in turn, so that one owner's flood does not starve others: first the class that was not
/// served for longest, last one that is new. (A class that came anew each time used to be first:
/// an actor that gave its lease back for another's sake got it again.) View: one node's.
///
/// Phase              | collection                        | leaves by
/// queued             | its class's order                 | Acquired; Remove
/// waiting for worker | waiting_ of its kind of worker    | Remove (granted, refused, cancelled)
class LeaseQueue {
 public:
  /// REQUIRES: no request of this key is here.
  void Add(Instant now, const RequestLease& message);
  void Remove(const RequestKey& key);
  /// The request has its resources and waits for a worker from now on.
  void Acquired(const RequestKey& key, std::optional<BundleKey> bundle, GpuShares gpus);

  /// Null when it is not here.
  [[nodiscard]] const QueuedRequest* Find(const RequestKey& key) const;
  /// Updates what people are shown of the queue behind a request.
  void SetBacklog(const RequestKey& key, std::uint32_t backlog);
  /// Classes whose node is unknown are decided again, though the view did not change.
  void RetryUnknownNodes();
  /// The next class of the round is the first one again.
  void StartRound() { turn_ = 0; }
  /// The next class in turn. REQUIRES: there is one.
  RequestClass& NextClass();
  [[nodiscard]] const std::map<std::uint64_t, RequestClass>& Classes() const { return classes_; }
  [[nodiscard]] std::map<std::uint64_t, RequestClass>& Classes() { return classes_; }
  /// Requests that wait for a worker, per kind, in order of arrival.
  using WaitingTable = std::map<PoolKey, std::map<std::uint64_t, RequestKey>>;
  [[nodiscard]] const WaitingTable& Waiting() const { return waiting_; }
  [[nodiscard]] const std::map<RequestKey, QueuedRequest>& Requests() const { return requests_; }
  [[nodiscard]] std::vector<RequestKey> OfOwner(WorkerId owner) const;
  void CheckInvariants() const;

 private:
  void LeaveClass(const QueuedRequest& request);

  std::map<RequestKey, QueuedRequest> requests_;
  /// Classes with queued requests by number; a class is dropped with its last one.
  std::map<std::uint64_t, RequestClass> classes_;
  std::map<ClassKey, std::uint64_t> class_numbers_;
  WaitingTable waiting_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_class_ = 1;
  /// Place in the round to class. A class that was served goes to the end.
  std::map<std::uint64_t, std::uint64_t> turns_;
  std::uint64_t next_turn_ = 1;
  /// The place whose turn was last.
  std::uint64_t turn_ = 0;
};

}  // namespace mobula::raylet
