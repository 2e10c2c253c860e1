// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/gcs.h"

#include <string>

#include "runtime/base/check.h"
#include "runtime/core/gcs/actor_table.h"
#include "runtime/core/gcs/job_table.h"
#include "runtime/core/gcs/kv_store.h"
#include "runtime/core/gcs/node_table.h"

namespace mobula::gcs {

struct Gcs::Parts {
  explicit Parts(Options options)
      : nodes(options), store(options.bugs), actors(nodes, jobs, options.bugs) {}

  struct Dispatch;

  void BuryNodes(const NodeTable::Deaths& deaths, Outbox& out);
  void EndJobs(const JobTable::Ended& ended, Outbox& out);
  void BuryWorker(const Address& worker, const std::string& reason, bool intended, Outbox& out);

  NodeTable nodes;
  JobTable jobs;
  KvStore store;
  ActorTable actors;
};

void Gcs::Parts::EndJobs(const JobTable::Ended& ended, Outbox& out) {
  for (const JobId job : ended) actors.JobFinished(job, out);
}

void Gcs::Parts::BuryNodes(const NodeTable::Deaths& deaths, Outbox& out) {
  for (const NodeId node : deaths) {
    EndJobs(jobs.NodeDied(node, nodes.Living(), out), out);
    actors.NodeDied(node, out);
    store.NodeDied(node);
  }
}

void Gcs::Parts::BuryWorker(const Address& worker, const std::string& reason, bool intended,
                            Outbox& out) {
  // A daemon's death is a node's, which only NodeTable decides.
  if (worker.worker.IsNil()) return;
  EndJobs(jobs.WorkerDied(worker.worker, nodes.Living(), out), out);
  actors.WorkerDied(worker, reason, intended, out);
  store.WorkerDied(worker.worker);
}

/// Hands each message to the part that it is for.
struct Gcs::Parts::Dispatch {
  Instant now;
  const Address& source;
  Parts& parts;
  Outbox& out;

  void operator()(const RegisterNode& message) {
    parts.BuryNodes(parts.nodes.Register(now, message, out), out);
    parts.actors.NodeJoined(out);
  }
  void operator()(const NodeReport& message) { parts.nodes.Report(now, message, out); }
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
  }
  /// What was sent to a process bounced: it is as dead as if its raylet had said so.
  void operator()(const WorkerDied& message) {
    parts.BuryWorker(message.worker, message.reason, message.intended, out);
  }

  void operator()(const RegisterActor& message) { parts.actors.Register(source, message, out); }
  void operator()(const SubscribeActor& message) { parts.actors.Subscribe(source, message, out); }
  void operator()(const GetNamedActor& message) { parts.actors.GetNamed(source, message, out); }
  void operator()(const KillActor& message) { parts.actors.Kill(message, out); }
  void operator()(const ActorOutOfScope& message) { parts.actors.OutOfScope(message, out); }
  void operator()(const LeaseGranted& message) { parts.actors.Granted(message, out); }
  void operator()(const LeaseSpilled& message) { parts.actors.Spilled(message, out); }
  void operator()(const LeaseRefused& message) { parts.actors.Refused(message, out); }
  void operator()(const LeaseInfeasible& message) { parts.actors.Infeasible(message, out); }
  void operator()(const TaskDone& message) { parts.actors.Done(source, message, out); }
  void operator()(const TaskReturned& message) { parts.actors.Returned(source, message, out); }

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

Gcs::Gcs(Options options) : parts_(std::make_unique<Parts>(options)) {}
Gcs::~Gcs() = default;

void Gcs::Handle(Instant now, const Event& event, Effects& effects) {
  Outbox out(effects);
  // Being heard changes no view.
  if (!std::holds_alternative<NodeHeard>(event)) ++events_handled_;
  if (const auto* received = std::get_if<MessageReceived>(&event)) {
    if (parts_->nodes.IsDead(received->source.node)) {
      parts_->nodes.TellOfDeath(received->source.node, out);
      return;
    }
    std::visit(Parts::Dispatch{now, received->source, *parts_, out}, received->message);
    return;
  }
  if (const auto* heard = std::get_if<NodeHeard>(&event))
    return parts_->nodes.Hear(now, heard->node);
  switch (static_cast<TimerKind>(std::get<TimerFired>(event).timer.kind)) {
    case TimerKind::kCheckHealth:
      parts_->BuryNodes(parts_->nodes.CheckHealth(now, out), out);
      return;
    case TimerKind::kBroadcast:
      parts_->nodes.BroadcastDue(out);
      return;
  }
  CHECK(false) << "an unknown timer: " << ToString(std::get<TimerFired>(event));
}

void Gcs::CheckInvariants() const {
  parts_->nodes.CheckInvariants();
  parts_->jobs.CheckInvariants();
  parts_->store.CheckInvariants();
  parts_->actors.CheckInvariants();
}

std::vector<NodeView> Gcs::Nodes() const { return parts_->nodes.Views(); }
std::vector<ActorView> Gcs::Actors() const { return parts_->actors.Views(); }
std::vector<JobView> Gcs::Jobs() const { return parts_->jobs.Views(); }

}  // namespace mobula::gcs
