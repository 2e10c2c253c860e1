// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/actor_directory.h"
#include "runtime/core/gcs/job_table.h"
#include "runtime/core/gcs/node_table.h"
#include "runtime/core/gcs/placement_group_table.h"

namespace mobula::gcs {

/// The life of every actor, from its registration to its death.
///
/// State (ActorState)    | what is under way           | leaves by
/// pending or restarting | lease request at a raylet   | LeaseGranted, LeaseRefused, that node's
/// death
///   "                   | no node lives               | a node joins
///   "                   | its placement group is not  | it is created; its removal
///                       | placed                      |
///   "                   | constructor at a worker     | TaskDone, the worker's death
/// alive                 | calls, not through here     | the worker's death, KillActor,
/// ActorOutOfScope dead                  | for ever; kept              | -
///
///   owner             GCS                raylet             worker
///     | RegisterActor  |                   |                   |
///     |--------------->| RequestLease      |                   |
///     | ActorRegistered|------------------>|                   |
///     |<---------------|      LeaseGranted |                   |
///     |                |<------------------|                   |
///     |                | PushTask (creation, attempt = incarnation)
///     |                |-------------------------------------->|
///     |                |                              TaskDone |
///     | ActorUpdate    |<--------------------------------------|
///     |<---------------|                   |                   |
///
/// A worker's death costs one restart, whether the constructor had returned or not; an exit on
/// purpose, an exception of the constructor and a refused lease are the end. An actor that is not
/// detached dies with its owner and its job. Every worker that was granted and is not wanted any
/// more is ended by KillWorker; in order only when the last handle went, as nobody is in a hurry
/// then.
class ActorTable {
 public:
  /// All of them are read only, and outlive this.
  ActorTable(const NodeTable& nodes, const JobTable& jobs, const PlacementGroupTable& groups,
             Bugs bugs)
      : nodes_(nodes), jobs_(jobs), groups_(groups), bugs_(bugs), directory_(bugs) {}

  /// Takes over the rows of an earlier life; `incarnation` is this one's. What was under way goes
  /// on when the node it was under way at registers again.
  void Recover(const Rows& rows, std::uint64_t incarnation);
  void FillIn(Rows& rows) const;
  /// Logs what this event has changed. Call at the end of each event.
  void LogChanges(Outbox& out) { directory_.LogTouched(out); }

  void Register(const Address& source, const RegisterActor& message, Outbox& out);
  void Subscribe(const Address& source, const SubscribeActor& message, Outbox& out);
  void GetNamed(const Address& source, const GetNamedActor& message, Outbox& out);
  void Kill(const KillActor& message, Outbox& out);
  /// Ends the actor at once, for all who ask: callers count a call under way as a reference to the
  /// handle, so when the last handle goes, no call is left. Its worker leaves in order. Detached
  /// actors have no scope.
  void OutOfScope(const ActorOutOfScope& message, Outbox& out);

  void Granted(const LeaseGranted& message, Outbox& out);
  void Spilled(const LeaseSpilled& message, Outbox& out);
  void Refused(const LeaseRefused& message, Outbox& out);
  void Infeasible(const LeaseInfeasible& message, Outbox& out);
  void Done(const Address& source, const TaskDone& message, Outbox& out);
  void Returned(const Address& source, const TaskReturned& message, Outbox& out);

  /// Ends what lived there or was owned there. A second report of the same death changes nothing.
  void WorkerDied(const Address& worker, const std::string& reason, bool intended, Outbox& out);
  void NodeDied(NodeId node, Outbox& out);
  /// Who waits for a place to be asked looks again: a node joined, a placement group was placed.
  void PlaceWaiting(Outbox& out);
  /// Those that live in it, or were to, die.
  void GroupRemoved(const PlacementGroupView& group, Outbox& out);
  /// A node that was out of sight registers again and says what lives there. Workers and owners
  /// that are gone are dead; what that node holds and no actor wants is ended; what an actor waits
  /// for from there is asked for once more.
  void Reconcile(const RegisterNode& message, Outbox& out);
  void JobFinished(JobId job, Outbox& out);

  /// Whether a living actor of the job may outlive it.
  [[nodiscard]] bool HasDetached(JobId job) const;
  /// The jobs that may have lost their last detached actor since this was asked.
  [[nodiscard]] std::set<JobId> TakeBereaved() { return std::exchange(bereaved_, {}); }
  [[nodiscard]] std::vector<ActorView> Views() const { return directory_.Views(); }
  void CheckInvariants() const;

 private:
  [[nodiscard]] ErrorInfo RefuseRegistration(const TaskSpec& creation);
  [[nodiscard]] ActorRecord* FindLeasing(std::uint64_t request);
  void RequestLeaseFor(ActorRecord& record, Outbox& out);
  void SendLeaseRequest(ActorRecord& record, NodeId node, Outbox& out);
  void RepeatLeaseRequest(const ActorRecord& record, Outbox& out) const;
  void PushCreation(const ActorRecord& record, Outbox& out) const;
  void EndUnwanted(NodeId node, const ActorLease& lease, Outbox& out);
  void EndLeaseRequest(ActorRecord& record);
  void LoseWorker(ActorRecord& record, const std::string& reason, Outbox& out);
  void ReleaseWorker(ActorRecord& record, const std::string& reason, bool in_order, Outbox& out);
  void Die(ActorRecord& record, ErrorInfo cause, Outbox& out, bool in_order = false);
  void DieWithOwner(const std::vector<ActorId>& actors, const std::string& why, Outbox& out);

  const NodeTable& nodes_;
  const JobTable& jobs_;
  const PlacementGroupTable& groups_;
  Bugs bugs_;
  ActorDirectory directory_;
  /// Which actor each lease request under way is for.
  std::map<std::uint64_t, ActorId> lease_requests_;
  /// Above the numbers of every earlier life, because raylets remember those.
  std::uint64_t next_lease_request_ = 1;
  /// Registrations that were refused: a repeated request must not succeed behind its owner's back.
  /// Kept until the owner dies.
  std::map<ActorId, std::pair<Address, ErrorInfo>> refusals_;
  /// See TakeBereaved; empty between events.
  std::set<JobId> bereaved_;
  /// Takes turns among nodes.
  std::uint64_t turn_ = 0;
};

}  // namespace mobula::gcs
