// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/bundle_placement.h"
#include "runtime/core/gcs/job_table.h"
#include "runtime/core/gcs/node_table.h"

namespace mobula::gcs {

/// The placement groups: resources on several nodes that are had all at once or not at all, by
/// two-phase commit with the raylets of those nodes. View: the cluster's. Ray counterpart:
/// GcsPlacementGroupManager and its scheduler.
///
///   creator            GCS                     each raylet
///     | CreatePlacementGroup |                      |
///     |--------------------->| PrepareBundles (attempt k)
///     | PlacementGroupReply  |--------------------->| sets the resources aside
///     |<---------------------|      BundlesPrepared |
///     |                      |<---------------------|
///     |                      | CommitBundles        |      once all are prepared, and that is
///     logged |                      |--------------------->| grants leases out of them | |
///     BundlesCommitted | |                      |<---------------------| | PlacementGroupReply
///     (when_placed)
///     |<---------------------|
///
/// A bundle (BundlePhase) | meaning                      | leaves by
/// unplaced               | no node has it               | room is found: preparing
/// preparing              | attempt k asked its node     | BundlesPrepared: prepared; a refusal,
///                        |                              | or a death among the nodes of attempt
///                        |                              | k: all of that attempt are returned,
///                        |                              | and unplaced
/// prepared               | others of k are preparing    | the last BundlesPrepared: committing;
///                        |                              | as above
/// committing             | k is decided                 | BundlesCommitted: committed; its node's
///                        |                              | death: unplaced, it alone
/// committed              | may be used                  | its node's death: unplaced, it alone
///
/// State of a group | meaning                        | leaves by
/// pending          | not all committed yet          | the last one is: created; removal
/// created          | all committed                  | a node's death: rescheduling; removal
/// rescheduling     | was created, lost bundles      | all are committed again; removal
/// removed          | tombstone, so that who still   | kTombstones others were removed after it
///                  | has a handle learns why        |
///
/// A group that is not detached goes with its job. Attempts are numbered within the group and
/// logged before they begin, so an answer, or a reservation that a raylet comes back with, belongs
/// to what the table says or is void; void reservations are returned. Invariants: a bundle that is
/// placed is on a living node; bundles of one attempt are all before the decision or all after it;
/// names of the living are unique.
class PlacementGroupTable {
 public:
  /// So many removed groups are remembered.
  static constexpr std::size_t kTombstones = 1000;

  /// Both are read only, and outlive this.
  PlacementGroupTable(const NodeTable& nodes, const JobTable& jobs, Duration retry_delay)
      : nodes_(nodes), jobs_(jobs), retry_delay_(retry_delay) {}

  /// Takes over the rows of an earlier life. What was under way goes on when the nodes it was under
  /// way at register again.
  void Recover(const Rows& rows);
  void FillIn(Rows& rows) const;
  /// Logs what this event has changed. Call at the end of each event.
  void LogChanges(Outbox& out);

  void Create(const Address& source, const CreatePlacementGroup& message, Outbox& out);
  void Remove(const Address& source, const RemovePlacementGroup& message, Outbox& out);
  void Get(const Address& source, const GetPlacementGroup& message, Outbox& out);
  /// A handle can be faster than its group's creation: who asks for an unknown one is told later.
  void Locate(NodeId raylet, const LocatePlacementGroup& message, Outbox& out);
  void Prepared(NodeId raylet, const BundlesPrepared& message, Outbox& out);
  void Committed(NodeId raylet, const BundlesCommitted& message, Outbox& out);

  /// What that node has free has been told anew, or it joined.
  void NodeReported(NodeId node, Outbox& out);
  /// Groups that wait for room try again.
  void RetryDue(Outbox& out);
  void WorkerDied(WorkerId worker);
  void NodeDied(NodeId node, Outbox& out);
  /// A node that was out of sight registers again and says what it holds.
  void Reconcile(const RegisterNode& message, Outbox& out);
  void JobFinished(JobId job, Outbox& out);

  /// Groups that became created or removed since the last call, for the actors that wait in them.
  [[nodiscard]] std::vector<PlacementGroupId> TakeSettled() { return std::exchange(settled_, {}); }
  /// Null when it is unknown.
  [[nodiscard]] const PlacementGroupView* Find(PlacementGroupId group) const;
  [[nodiscard]] std::vector<PlacementGroupView> Views() const;
  void CheckInvariants() const;

 private:
  struct Record {
    PlacementGroupView view;
    /// Orders those that wait for room.
    std::uint64_t number = 0;
  };
  /// Whom to answer, and which of its questions.
  using Waiter = std::pair<Address, std::uint64_t>;

  Record& Add(PlacementGroupView view);
  [[nodiscard]] ErrorInfo Refusal(const PlacementGroupSpec& spec) const;
  /// Whether these offers had room for what is unplaced.
  bool Place(Record& record, const std::vector<Offer>& offers, Outbox& out);
  [[nodiscard]] std::vector<Offer> Offers() const;
  void SendPrepare(const Record& record, NodeId node, std::uint64_t attempt, Outbox& out) const;
  void AbortUndecided(Record& record, Outbox& out);
  /// What that attempt has on that node goes from one phase to another. Null: the answer is to what
  /// is void by now.
  template <class Answer>
  Record* Heard(NodeId raylet, const Answer& message, BundlePhase from, BundlePhase to);
  template <class Gone>
  void DropWaiters(Gone gone);
  /// Goes on with what has become possible: decides, or is created.
  void Advance(Record& record, Outbox& out);
  void Unplace(Record& record, BundlePlacement& bundle);
  void End(Record& record, ErrorInfo why, Outbox& out);
  void ForgetOldest(Outbox& out);
  void Publish(const Record& record, Outbox& out);
  void ArmRetry(Outbox& out);
  void Touch(const Record& record) { touched_.insert(record.view.spec.group); }

  const NodeTable& nodes_;
  const JobTable& jobs_;
  Duration retry_delay_;
  std::map<PlacementGroupId, Record> groups_;
  std::set<PlacementGroupId> touched_;
  /// (namespace, name) of the living.
  std::map<std::pair<std::string, std::string>, PlacementGroupId> names_;
  /// Living groups with unplaced bundles, oldest first.
  std::map<std::uint64_t, PlacementGroupId> unplaced_;
  /// Removed ones in the order of their ends.
  std::map<std::uint64_t, PlacementGroupId> tombstones_;
  /// What was promised to attempts since the last report of that node.
  std::map<NodeId, ResourceSet> promised_;
  /// Who waits until the group is created or removed, and which raylets want to hear of it; known
  /// groups or not. Emptied by the group's removal.
  std::map<PlacementGroupId, std::set<Waiter>> waiters_;
  std::map<PlacementGroupId, std::set<NodeId>> subscribers_;
  std::vector<PlacementGroupId> settled_;
  std::uint64_t next_number_ = 1;
  bool retry_armed_ = false;
};

}  // namespace mobula::gcs
