// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/parts.h"

#include <utility>

#include "runtime/base/check.h"

namespace mobula::raylet {
namespace {

/// Free ranges shorter than this are not worth a call to the operating system.
constexpr std::uint64_t kDiscardMin = 1ull << 20;

object_store::Options StoreOptions(const Options& options) {
  object_store::Options store;
  store.node = options.info.node;
  store.node_name = options.info.name;
  store.capacity = options.store_capacity;
  store.alignment = options.store_alignment;
  store.create_timeout = options.create_timeout;
  store.spill = options.spill;
  store.spill.bugs = options.bugs;
  store.bugs = options.bugs;
  return store;
}

object_store::PullOptions PullOptionsOf(const Options& options) {
  object_store::PullOptions pull;
  pull.node = options.info.node;
  pull.chunk_bytes = options.chunk_bytes;
  pull.chunks_in_flight = options.chunks_in_flight;
  pull.chunk_timeout = options.chunk_timeout;
  pull.room_timeout = options.create_timeout;
  pull.fan_out.peers_max = options.transfer_fan_out;
  // Of fewer chunks, a relay would have none to pass on before it has all.
  pull.fan_out.bytes_min = 2 * options.chunk_bytes;
  pull.bugs = options.bugs;
  return pull;
}

}  // namespace

Raylet::Parts::Parts(Options given)
    : options(std::move(given)),
      view(options.info),
      scheduler(options.scheduling, options.info.node),
      pool(options),
      jobs(options.info.node),
      gpus(GpuTable::OfNode(options.info.total)),
      bundles(view, gpus),
      leases(options, view, scheduler, pool, jobs, gpus, bundles, groups),
      memory(options, pool, leases),
      watchers(pool, view),
      membership(options, view),
      store(StoreOptions(options)),
      pulls(PullOptionsOf(options), store) {}

bool Raylet::Parts::IsLocal(const Address& address) const {
  return address.node == options.info.node;
}

// ---- The node's life ----------------------------------------------------------------------------

void Raylet::Parts::On(Instant, const NodeStarted&, Outbox& out) {
  membership.Start(out);
  memory.Start(out);
}

void Raylet::Parts::Register(RegisterNode registration, Outbox& out) {
  if (registration.returning) {
    // First how processes ended; then that they are gone.
    watchers.RepeatReports(out);
    for (const auto& [id, worker] : pool.Workers()) {
      if (pool.IsRegistered(id)) registration.processes.push_back(id);
    }
    registration.actor_leases = leases.OfActors();
    registration.running_jobs = jobs.Running();
    registration.bundles = bundles.Held();
  }
  out.SendGcs(std::move(registration));
}

void Raylet::Parts::OnMessage(Instant, const Address&, const GcsRestarted& message, Outbox& out) {
  membership.HandleGcsRestarted(out);
  // The registration goes first, so that the GCS knows the node that asks.
  if (auto registration = membership.TakeRegistration()) Register(*std::move(registration), out);
  jobs.Repeat(out);
  groups.Repeat(out);
  for (const auto& [id, worker] : pool.Workers()) {
    if (pool.IsRegistered(id)) out.Send({options.info.node, id}, message);
  }
}

void Raylet::Parts::OnMessage(Instant, const Address&, const WorkerDeathRecorded& message,
                              Outbox&) {
  watchers.HandleReportRecorded(message.worker);
}

void Raylet::Parts::On(Instant, const StopRequested& event, Outbox& out) {
  if (phase != Phase::kRunning) return;
  phase = Phase::kLeaving;
  membership.Leave(event.reason, out);
  pool.KillAll(event.reason, /*drivers=*/false, out);
  StopWhenEmpty(out);
}

void Raylet::Parts::StopWhenEmpty(Outbox& out) {
  if (phase != Phase::kLeaving || pool.HasWorkers()) return;
  phase = Phase::kOver;
  out.Emit(Stopped{});
}

void Raylet::Parts::Fence(const std::string& reason, Outbox& out) {
  phase = Phase::kOver;
  // Drivers too: as members of a dead node they could never be answered again.
  pool.KillAll("Its node was declared dead: " + reason, /*drivers=*/true, out);
  out.Emit(Fenced{reason});
}

void Raylet::Parts::Settle(Instant now, Outbox& out) {
  if (phase == Phase::kOver) return;
  if (auto registration = membership.TakeRegistration()) Register(*std::move(registration), out);
  for (const Address& dead : watchers.TakeDead()) OwnerDied(dead.worker, out);
  if (phase == Phase::kRunning) leases.Schedule(now, out);
  pool.EndSurplus(out);
  pulls.Update(now, out);
  store.UseDisk(out);
  if (membership.MayReport()) membership.ReportChange(now, leases.Demand(), out);
}

void Raylet::Parts::On(Instant now, const TimerFired& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  const std::uint64_t key = event.timer.key;
  const auto kind = static_cast<TimerKind>(event.timer.kind);
  switch (kind) {
    case TimerKind::kRegisterNode:
      return membership.HandleRegisterTimer(out);
    case TimerKind::kReport:
      leases.Tick(now, out);
      return membership.HandleReportTimer(kind, now, leases.Demand(), out);
    case TimerKind::kReportSoon:
      return membership.HandleReportTimer(kind, now, leases.Demand(), out);
    case TimerKind::kJobs:
      return jobs.HandleTimer(out);
    case TimerKind::kStartTimeout:
      return pool.HandleStartTimeout(now, key, out);
    case TimerKind::kLeaveTimeout:
      return pool.HandleLeaveTimeout(key, out);
    case TimerKind::kStartBackoff:
      pool.HandleBackoffTimer();
      return leases.MarkChanged();
    case TimerKind::kIdleWorkers:
      return pool.HandleIdleTimer(now, out);
    case TimerKind::kCreateObject:
      return store.HandleCreateTimer(key, out);
    case TimerKind::kPull:
      return pulls.HandleTimer(now, key, out);
    case TimerKind::kSpill:
      return store.HandleSpillTimer(out);
    case TimerKind::kMemory:
      return memory.HandleTimer(out);
  }
  CHECK(false) << "unknown timer " << event.timer.kind;
}

// ---- Processes ----------------------------------------------------------------------------------

void Raylet::Parts::On(Instant now, const ProcessExited& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  const auto exit = pool.HandleExit(now, event.worker, event.reason);
  if (!exit) return;
  const Worker& worker = exit->worker;
  const WorkerDied death{
      {options.info.node, worker.id}, exit->reason, worker.intended, worker.out_of_memory};
  if (worker.state != WorkerState::kStarting) {
    watchers.ReportToGcs({death.worker, death.reason, death.intended}, out);
  }
  leases.HandleWorkerDied(*exit, out);
  watchers.HandleLocalDeath(death, out);
  OwnerDied(worker.id, out);
  pulls.HandleClientDied(worker.id, out);
  store.HandleClientDied(worker.id, out);
  if (worker.state == WorkerState::kDriver) {
    // Without a job yet: its end is told when the GCS names it.
    if (!worker.key.job.IsNil()) {
      out.SendGcs(JobFinished{worker.key.job});
      FinishJob(worker.key.job, out);
    }
  }
  StopWhenEmpty(out);
}

void Raylet::Parts::On(Instant, const ProcessOutput& event, Outbox& out) {
  const Worker* worker = pool.Find(event.worker);
  if (worker == nullptr || jobs.IsFinished(worker->key.job)) return;
  const JobView* job = jobs.Find(worker->key.job);
  if (job == nullptr) return;
  const Lease* lease = leases.FindByWorker(event.worker);
  out.Send(job->driver, LogLines{event.worker, worker->pid, lease ? lease->request.name : "",
                                 options.info.name, event.is_error, event.lines});
}

void Raylet::Parts::OnMessage(Instant now, const Address&, const RegisterWorker& message,
                              Outbox& out) {
  if (message.is_driver && phase == Phase::kRunning) {
    if (pool.Find(message.worker) != nullptr) return;
    pool.AddDriver(message);
    jobs.RegisterDriver(message, out);
    return;
  }
  if (phase != Phase::kRunning || !pool.Register(now, message, out)) {
    out.Emit(KillProcess{message.worker, "Its node does not expect it."});
    return;
  }
  AnswerRegistration(*pool.Find(message.worker), out);
  leases.MarkChanged();
}

void Raylet::Parts::AnswerRegistration(const Worker& worker, Outbox& out) {
  const JobView* job = jobs.Find(worker.key.job);
  CHECK(job != nullptr) << worker.id << " was started for an unknown job";
  const Address address{options.info.node, worker.id};
  out.Send(address, WorkerRegistered{address, job->job, job->config, job->driver, options.info});
}

void Raylet::Parts::OnMessage(Instant, const Address&, const JobRegistered& message, Outbox& out) {
  const auto driver = jobs.HandleRegistered(message);
  if (!driver) return;
  if (!pool.IsRegistered(*driver)) {
    out.SendGcs(JobFinished{message.job});
    return;
  }
  pool.SetDriverJob(*driver, message.job);
  AnswerRegistration(*pool.Find(*driver), out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const ListJobsReply& message, Outbox& out) {
  jobs.HandleList(message);
  // Their end was told to those that were members then.
  for (const JobView& job : message.jobs) {
    if (job.finished && !jobs.IsFinished(job.job)) FinishJob(job.job, out);
  }
  leases.MarkChanged();
}

void Raylet::Parts::OnMessage(Instant, const Address&, const JobFinished& message, Outbox& out) {
  FinishJob(message.job, out);
}

void Raylet::Parts::FinishJob(JobId job, Outbox& out) {
  jobs.HandleFinished(job);
  pool.FinishJob(job, out);
  leases.MarkChanged();
  store.DiscardFree(kDiscardMin, out);
}

void Raylet::Parts::OnMessage(Instant, const Address& source, const KillWorker& message,
                              Outbox& out) {
  if (!source.IsGcs()) return;
  if (message.in_order) return pool.EndInOrder(message.worker, message.reason, out);
  pool.Kill(message.worker, message.reason, /*intended=*/false, out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const WorkerExiting& message, Outbox&) {
  pool.AnnounceExit(message.worker, message.reason);
}

std::string Raylet::Parts::StateText(const Worker& worker, const Lease* lease) {
  switch (worker.state) {
    case WorkerState::kStarting:
      return "starting";
    case WorkerState::kIdle:
      return "idle";
    case WorkerState::kLeased:
      return lease != nullptr && !lease->request.actor.IsNil() ? "actor" : "leased";
    case WorkerState::kDriver:
      return "driver";
  }
  return "";
}

// ---- Deaths elsewhere ---------------------------------------------------------------------------

void Raylet::Parts::OnMessage(Instant, const Address& source, const WatchWorker& message,
                              Outbox& out) {
  watchers.AddWatcher(source, message.worker, out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const WorkerDied& message, Outbox& out) {
  // A bounced message says this of a process of this node too; its exit is told by the host.
  if (!IsLocal(message.worker) && watchers.HandleRemoteDeath(message.worker)) {
    OwnerDied(message.worker.worker, out);
  }
}

void Raylet::Parts::OwnerDied(WorkerId owner, Outbox& out) {
  leases.HandleOwnerDied(owner, out);
  pulls.HandleOwnerDied(owner, out);
  store.HandleOwnerDied(owner, out);
}

void Raylet::Parts::OnMessage(Instant now, const Address&, const NodeRegistered& message,
                              Outbox& out) {
  TakeNews(now, membership.HandleNodes(message.nodes, out), out);
  if (phase == Phase::kRunning) membership.HandleRegistered(now, out);
}

void Raylet::Parts::OnMessage(Instant now, const Address&, const ClusterChanged& message,
                              Outbox& out) {
  TakeNews(now, membership.HandleNodes(message.nodes, out), out);
}

void Raylet::Parts::TakeNews(Instant now, const ClusterNews& news, Outbox& out) {
  for (const NodeDied& death : news.died) NodeIsDead(now, death, out);
  leases.MarkChanged();
  // A node that leaves on purpose is declared dead too, and ends in its own order.
  if (news.fenced && phase == Phase::kRunning && !options.bugs.Has(Bug::kNeverFences)) {
    Fence(news.fence_reason, out);
  }
}

void Raylet::Parts::NodeIsDead(Instant now, const NodeDied& death, Outbox& out) {
  for (const auto& [id, worker] : pool.Workers()) {
    if (pool.IsRegistered(id)) out.Send({options.info.node, id}, death);
  }
  for (const Address& process : watchers.HandleNodeDied(death.node)) OwnerDied(process.worker, out);
  pulls.HandleNodeDied(now, death.node, out);
}

// ---- Leases -------------------------------------------------------------------------------------

void Raylet::Parts::OnMessage(Instant now, const Address&, const RequestLease& message,
                              Outbox& out) {
  watchers.Watch(message.owner, out);
  leases.HandleRequest(now, message, out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const CancelLeaseRequest& message, Outbox&) {
  leases.HandleCancel(message);
}

void Raylet::Parts::OnMessage(Instant now, const Address&, const ReturnLease& message,
                              Outbox& out) {
  leases.HandleReturn(now, message.lease, out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const TaskBlocked& message, Outbox&) {
  leases.SetBlocked(message.worker, true);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const TaskUnblocked& message, Outbox&) {
  leases.SetBlocked(message.worker, false);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const PrepareBundles& message, Outbox& out) {
  if (phase == Phase::kRunning) return bundles.Prepare(message, out);
  out.SendGcs(BundlesPrepared{message.group, message.attempt, /*ok=*/false});
}

void Raylet::Parts::OnMessage(Instant, const Address&, const CommitBundles& message, Outbox& out) {
  bundles.Commit(message, out);
  leases.MarkChanged();
}

void Raylet::Parts::OnMessage(Instant now, const Address&, const ReturnBundles& message,
                              Outbox& out) {
  leases.HandleReturned(now, message, out);
}

void Raylet::Parts::OnMessage(Instant, const Address&, const PlacementGroupUpdate& message,
                              Outbox&) {
  groups.HandleUpdate(message);
  leases.MarkChanged();
}

// ---- Objects ------------------------------------------------------------------------------------

void Raylet::Parts::OnMessage(Instant, const Address& source, const CreateObject& message,
                              Outbox& out) {
  watchers.Watch(message.object.owner, out);
  pulls.HandleSuperseded(message.object, out);
  store.Create(source, message, out);
}

void Raylet::Parts::OnMessage(Instant, const Address& source, const SealObject& message,
                              Outbox& out) {
  store.Seal(source.worker, message.object, out);
}

void Raylet::Parts::OnMessage(Instant now, const Address& source, const FetchObject& message,
                              Outbox& out) {
  watchers.Watch(message.object.owner, out);
  pulls.Fetch(now, source, message, out);
}

void Raylet::Parts::OnMessage(Instant, const Address& source, const ReleaseObject& message,
                              Outbox& out) {
  store.Release(source.worker, message.object, out);
}

void Raylet::Parts::OnMessage(Instant, const Address& source, const FreeObject& message,
                              Outbox& out) {
  pulls.HandleFreed(source, message.object, out);
  store.Free(source, message.object, out);
}

void Raylet::Parts::OnMessage(Instant, const Address& source, const FreeItems& message,
                              Outbox& out) {
  store.FreeItems(source, ObjectId{message.task, message.first}, out);
}

void Raylet::Parts::OnMessage(Instant now, const Address& source, const RequestChunk& message,
                              Outbox& out) {
  pulls.Serve(now, source.node, message, out);
}

void Raylet::Parts::OnMessage(Instant now, const Address& source, const ChunkUnavailable& message,
                              Outbox& out) {
  pulls.HandleChunkUnavailable(now, source.node, message, out);
}

void Raylet::Parts::On(Instant now, const ChunkReceived& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  pulls.HandleChunkReceived(now, {event.object, event.offset, event.length}, out);
}

void Raylet::Parts::On(Instant, const object_store::ObjectsSpilled& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  store.HandleSpilled(event, out);
}

void Raylet::Parts::On(Instant now, const object_store::ObjectRestored& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  pulls.HandleRestored(now, event, out);
}

void Raylet::Parts::On(Instant, const object_store::SpilledChunkLost& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  pulls.HandleSpilledChunkLost(event, out);
}

void Raylet::Parts::On(Instant, const MemoryMeasured& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  memory.HandleMeasured(event, out);
}

void Raylet::Parts::On(Instant now, const MessageReceived& event, Outbox& out) {
  if (phase == Phase::kOver) return;
  const Address& source = event.source;
  const bool from_process = IsLocal(source) && !source.worker.IsNil();
  const bool registers = std::holds_alternative<RegisterWorker>(event.message);
  // What a process wrote last may arrive after its exit was noticed, and all it had was given back
  // then.
  if (from_process && !registers && !pool.IsRegistered(source.worker)) return;
  std::visit(
      [&]<class Body>(const Body& body) {
        if constexpr (requires { OnMessage(now, source, body, out); }) {
          OnMessage(now, source, body, out);
        } else {
          CHECK(false) << "a raylet was sent " << NameOf(event.message);
        }
      },
      event.message);
}

}  // namespace mobula::raylet
