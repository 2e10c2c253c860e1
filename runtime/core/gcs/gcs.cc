// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/gcs.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/gcs/actor_table.h"
#include "runtime/core/gcs/job_table.h"
#include "runtime/core/gcs/journal.h"
#include "runtime/core/gcs/kv_store.h"
#include "runtime/core/gcs/node_table.h"
#include "runtime/core/gcs/placement_group_table.h"

namespace mobula::gcs {

struct Gcs::Parts {
  explicit Parts(Options given)
      : options(std::move(given)),
        nodes(options),
        store(options.bugs),
        groups(nodes, jobs, options.broadcast_delay),
        actors(nodes, jobs, groups, options.bugs),
        journal(options.keeps_log, options.bugs) {}

  struct Dispatch;

  void On(Instant now, const MessageReceived& event, Outbox& out);
  void On(Instant now, const TimerFired& event, Outbox& out);
  void On(Instant now, const NodeHeard& event, Outbox& out);
  void On(Instant now, const Recovered& event, Outbox& out);
  [[nodiscard]] bool IsStranger(const MessageReceived& event) const;
  void Register(Instant now, const RegisterNode& message, Outbox& out);
  void Reconcile(const RegisterNode& message, Outbox& out);
  void BuryNodes(const NodeTable::Deaths& deaths, Outbox& out);
  void EndJobs(const JobTable::Ended& ended, Outbox& out);
  void SettleGroups(Outbox& out);
  void SettleStore(Outbox& out);
  void BuryWorker(const Address& worker, const std::string& reason, bool intended, Outbox& out);

  Options options;
  /// Once it is logged.
  std::optional<GcsRow> self;
  NodeTable nodes;
  JobTable jobs;
  KvStore store;
  PlacementGroupTable groups;
  ActorTable actors;
  Journal journal;
  /// Of one event; empty between events.
  Effects said;
  LogRecords changed;
};

void Gcs::Parts::EndJobs(const JobTable::Ended& ended, Outbox& out) {
  for (const JobId job : ended) {
    actors.JobFinished(job, out);
    groups.JobFinished(job, out);
    // A detached actor may need what the job has stored when it restarts.
    if (!actors.HasDetached(job)) store.JobFinished(job, out);
  }
}

void Gcs::Parts::BuryNodes(const NodeTable::Deaths& deaths, Outbox& out) {
  for (const NodeId node : deaths) {
    EndJobs(jobs.NodeDied(node, nodes.Living(), out), out);
    // First the groups, so that no actor is placed where one was.
    groups.NodeDied(node, out);
    actors.NodeDied(node, out);
    store.NodeDied(node, out);
  }
}

void Gcs::Parts::BuryWorker(const Address& worker, const std::string& reason, bool intended,
                            Outbox& out) {
  // A daemon's death is a node's, which only NodeTable decides.
  if (worker.worker.IsNil()) return;
  EndJobs(jobs.WorkerDied(worker.worker, nodes.Living(), out), out);
  actors.WorkerDied(worker, reason, intended, out);
  groups.WorkerDied(worker.worker);
  store.WorkerDied(worker, out);
}

/// What a finished job stored goes with its last detached actor.
void Gcs::Parts::SettleStore(Outbox& out) {
  for (const JobId job : actors.TakeBereaved()) {
    if (jobs.IsFinished(job) && !actors.HasDetached(job)) store.JobFinished(job, out);
  }
}

/// Actors follow their placement groups.
void Gcs::Parts::SettleGroups(Outbox& out) {
  for (const PlacementGroupId id : groups.TakeSettled()) {
    const PlacementGroupView* group = groups.Find(id);
    if (group == nullptr) continue;
    if (group->state == PlacementGroupState::kRemoved) {
      actors.GroupRemoved(*group, out);
    } else {
      actors.PlaceWaiting(out);
    }
  }
}

/// Hands each message to the part that it is for.
struct Gcs::Parts::Dispatch {
  Instant now;
  const Address& source;
  Parts& parts;
  Outbox& out;

  void operator()(const RegisterNode& message) { parts.Register(now, message, out); }
  void operator()(const NodeReport& message) {
    parts.nodes.Report(now, message, out);
    parts.groups.NodeReported(message.node, out);
  }
  void operator()(const NodeSuspected& message) { parts.nodes.Suspect(now, message, out); }
  void operator()(const UnregisterNode& message) {
    parts.BuryNodes(parts.nodes.Unregister(message, out), out);
  }

  void operator()(const RegisterJob& message) { parts.jobs.Register(source, message, out); }
  void operator()(const JobFinished& message) {
    parts.EndJobs(parts.jobs.Finish(message.job, parts.nodes.Living(), out), out);
  }
  void operator()(const ReportWorkerDied& message) {
    parts.BuryWorker(message.worker, message.reason, message.intended, out);
    out.Send(source, WorkerDeathRecorded{message.worker.worker});
  }
  /// What was sent to a process bounced: it is as dead as if its raylet had said so.
  void operator()(const WorkerDied& message) {
    parts.BuryWorker(message.worker, message.reason, message.intended, out);
  }

  void operator()(const RegisterActor& message) { parts.actors.Register(source, message, out); }
  void operator()(const SubscribeActor& message) { parts.actors.Subscribe(source, message, out); }
  void operator()(const GetNamedActor& message) { parts.actors.GetNamed(source, message, out); }
  void operator()(const KillActor& message) {
    parts.actors.Kill(message, out);
    out.Send(source, ActorKilled{message.request});
  }
  void operator()(const ActorOutOfScope& message) { parts.actors.OutOfScope(message, out); }
  void operator()(const LeaseGranted& message) { parts.actors.Granted(message, out); }
  void operator()(const LeaseSpilled& message) { parts.actors.Spilled(message, out); }
  void operator()(const LeaseRefused& message) { parts.actors.Refused(message, out); }
  void operator()(const LeaseInfeasible& message) { parts.actors.Infeasible(message, out); }
  void operator()(const TaskDone& message) { parts.actors.Done(source, message, out); }
  void operator()(const TaskReturned& message) { parts.actors.Returned(source, message, out); }

  void operator()(const CreatePlacementGroup& message) {
    parts.groups.Create(source, message, out);
  }
  void operator()(const RemovePlacementGroup& message) {
    parts.groups.Remove(source, message, out);
  }
  void operator()(const GetPlacementGroup& message) { parts.groups.Get(source, message, out); }
  void operator()(const ListPlacementGroups& message) {
    out.Send(source, ListPlacementGroupsReply{message.request, parts.groups.Views()});
  }
  void operator()(const BundlesPrepared& message) {
    parts.groups.Prepared(source.node, message, out);
  }
  void operator()(const BundlesCommitted& message) {
    parts.groups.Committed(source.node, message, out);
  }
  void operator()(const LocatePlacementGroup& message) {
    parts.groups.Locate(source.node, message, out);
  }

  void operator()(const KvRequest& message) { parts.store.Handle(source, message, out); }
  void operator()(const ListNodes& message) {
    out.Send(source, ListNodesReply{message.request, parts.nodes.Views()});
  }
  void operator()(const ListActors& message) {
    out.Send(source, ListActorsReply{message.request, parts.actors.Views()});
  }
  void operator()(const ListJobs& message) {
    out.Send(source, ListJobsReply{message.request, parts.jobs.Views()});
  }

  template <class T>
  void operator()(const T&) {
    CHECK(false) << internal::TypeName<T>() << " is not for the GCS; it came from "
                 << ToString(source);
  }
};

// ---- Events

/// Of a node that the tables do not know nothing is taken but its registration: what followed from
/// it would never be undone by that node's death. It asks again once it is a member. What the GCS's
/// own daemon says of others is welcome, whether that is a member or not.
bool Gcs::Parts::IsStranger(const MessageReceived& event) const {
  if (nodes.Find(event.source.node) != nullptr) return false;
  const Message& message = event.message;
  if (std::holds_alternative<RegisterNode>(message) || std::holds_alternative<NodeReport>(message))
    return false;
  return event.source != Address::Daemon(options.node) ||
         !(std::holds_alternative<NodeSuspected>(message) ||
           std::holds_alternative<WorkerDied>(message));
}

void Gcs::Parts::On(Instant now, const MessageReceived& event, Outbox& out) {
  if (nodes.IsDead(event.source.node)) {
    nodes.TellOfDeath(event.source.node, out);
  } else if (!IsStranger(event)) {
    std::visit(Dispatch{now, event.source, *this, out}, event.message);
  }
}

void Gcs::Parts::On(Instant now, const NodeHeard& event, Outbox&) { nodes.Hear(now, event.node); }

void Gcs::Parts::On(Instant now, const TimerFired& event, Outbox& out) {
  switch (static_cast<TimerKind>(event.timer.kind)) {
    case TimerKind::kCheckHealth:
      return BuryNodes(nodes.CheckHealth(now, out), out);
    case TimerKind::kBroadcast:
      // While the log is broken every broadcast would be held, and one is enough.
      return nodes.BroadcastDue(journal.IsFailing(), out);
    case TimerKind::kPlaceGroups:
      return groups.RetryDue(out);
    case TimerKind::kRetryLog:
      break;
  }
  CHECK(false) << "an unknown timer: " << ToString(event);
}

/// The node is a member from now on, or still is.
void Gcs::Parts::Register(Instant now, const RegisterNode& message, Outbox& out) {
  const NodeId node = message.info.node;
  if (message.returning && nodes.Find(node) == nullptr) return nodes.TurnAway(node, out);
  BuryNodes(nodes.Register(now, message, out), out);
  if (message.returning) Reconcile(message, out);
  groups.NodeReported(node, out);
  actors.PlaceWaiting(out);
}

void Gcs::Parts::Reconcile(const RegisterNode& message, Outbox& out) {
  const NodeId node = message.info.node;
  const std::set<WorkerId> processes(message.processes.begin(), message.processes.end());
  for (const JobId job : message.running_jobs) {
    if (jobs.IsFinished(job)) out.Send(Address::Daemon(node), JobFinished{job});
  }
  EndJobs(jobs.Reconcile(node, processes, nodes.Living(), out), out);
  groups.Reconcile(message, out);
  actors.Reconcile(message, out);
  store.Reconcile(node, processes, out);
}

void Gcs::Parts::On(Instant now, const Recovered& event, Outbox& out) {
  Rows rows;
  for (const LogRecord& record : event.records) rows.Apply(record);
  self = GcsRow{options.node, rows.gcs ? rows.gcs->incarnation + 1 : 0};
  out.Log(*self);
  if (!rows.gcs) return;  // The first life with this log.
  nodes.Recover(now, rows, out);
  jobs.Recover(rows);
  store.Recover(rows);
  groups.Recover(rows);
  actors.Recover(rows, self->incarnation);
  for (const NodeId node : nodes.Living()) {
    out.Send(Address::Daemon(node), GcsRestarted{options.node, options.address, rows.gcs->node});
  }
  out.Tell("the GCS is back, with " + std::to_string(nodes.Living().size()) + " nodes in its log");
}

// ---- The machine

Gcs::Gcs(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Gcs::~Gcs() = default;

void Gcs::Handle(Instant now, const Event& event, Effects& out) {
  Parts& parts = *parts_;
  // Being heard changes no view.
  if (!std::holds_alternative<NodeHeard>(event)) ++events_handled_;
  if (const auto* synced = std::get_if<LogSynced>(&event))
    return parts.journal.Synced(synced->sequence, out);
  if (const auto* failed = std::get_if<LogFailed>(&event))
    return parts.journal.Failed(*failed, out);
  const auto* fired = std::get_if<TimerFired>(&event);
  if (fired != nullptr && static_cast<TimerKind>(fired->timer.kind) == TimerKind::kRetryLog)
    return parts.journal.Retry(out);
  Outbox outbox(parts.said, parts.changed);
  std::visit(
      [&]<class T>(const T& happened) {
        if constexpr (requires { parts.On(now, happened, outbox); })
          parts.On(now, happened, outbox);
      },
      event);
  parts.SettleGroups(outbox);
  parts.SettleStore(outbox);
  parts.groups.LogChanges(outbox);
  parts.actors.LogChanges(outbox);
  parts.journal.Take(parts.said, parts.changed, out);
}

void Gcs::CheckInvariants() const {
  parts_->nodes.CheckInvariants();
  parts_->jobs.CheckInvariants();
  parts_->store.CheckInvariants();
  parts_->groups.CheckInvariants();
  parts_->actors.CheckInvariants();
  parts_->journal.CheckInvariants();
}

SharedVector<NodeView> Gcs::Nodes() const { return parts_->nodes.Views(); }
std::vector<ActorView> Gcs::Actors() const { return parts_->actors.Views(); }
std::vector<JobView> Gcs::Jobs() const { return parts_->jobs.Views(); }
std::vector<PlacementGroupView> Gcs::PlacementGroups() const { return parts_->groups.Views(); }

Rows Gcs::LoggedRows() const {
  Rows rows;
  rows.gcs = parts_->self;
  parts_->nodes.FillIn(rows);
  parts_->jobs.FillIn(rows);
  parts_->store.FillIn(rows);
  parts_->groups.FillIn(rows);
  parts_->actors.FillIn(rows);
  return rows;
}

}  // namespace mobula::gcs
