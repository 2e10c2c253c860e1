// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/core/object_store/object_store.h"
#include "runtime/core/object_store/pull_manager.h"
#include "runtime/core/raylet/bundle_table.h"
#include "runtime/core/raylet/group_directory.h"
#include "runtime/core/raylet/job_table.h"
#include "runtime/core/raylet/lease_manager.h"
#include "runtime/core/raylet/membership.h"
#include "runtime/core/raylet/memory_watch.h"
#include "runtime/core/raylet/raylet.h"
#include "runtime/core/raylet/watchers.h"
#include "runtime/core/raylet/worker_pool.h"
#include "runtime/core/scheduler/scheduler.h"

namespace mobula::raylet {

/// The raylet's sub-machines, and which of them hears what. It holds no state of its own but the
/// phase of the node's life; each rule lives in the sub-machine it is about.
///
/// Phase   | meaning                                            | leaves by
/// running | serves                                             | StopRequested; news of its own
/// death leaving | workers are being ended, nothing new is served     | the last worker's exit over
/// | `Stopped` or `Fenced` was said; events are ignored | -
struct Raylet::Parts {
  explicit Parts(Options options);

  void On(Instant now, const MessageReceived& event, Outbox& out);
  void On(Instant now, const TimerFired& event, Outbox& out);
  void On(Instant now, const NodeStarted& event, Outbox& out);
  void On(Instant now, const ProcessExited& event, Outbox& out);
  void On(Instant now, const ProcessOutput& event, Outbox& out);
  void On(Instant now, const ChunkReceived& event, Outbox& out);
  void On(Instant now, const StopRequested& event, Outbox& out);
  void On(Instant now, const object_store::ObjectsSpilled& event, Outbox& out);
  void On(Instant now, const object_store::ObjectRestored& event, Outbox& out);
  void On(Instant now, const object_store::SpilledChunkLost& event, Outbox& out);
  void On(Instant now, const MemoryMeasured& event, Outbox& out);
  /// What any event may have made possible: owners found dead, leases served, pulls begun, objects
  /// spilled, changes reported.
  void Settle(Instant now, Outbox& out);

  // One per message that a daemon understands.
  void OnMessage(Instant now, const Address& source, const RegisterWorker& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const TaskBlocked& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const TaskUnblocked& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const WorkerExiting& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const WatchWorker& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const WorkerDied& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const RequestLease& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const CancelLeaseRequest& message,
                 Outbox& out);
  void OnMessage(Instant now, const Address& source, const ReturnLease& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const KillWorker& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const CreateObject& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const SealObject& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const FetchObject& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const ReleaseObject& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const FreeObject& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const FreeItems& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const RequestChunk& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const ChunkUnavailable& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const PrepareBundles& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const CommitBundles& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const ReturnBundles& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const PlacementGroupUpdate& message,
                 Outbox& out);
  void OnMessage(Instant now, const Address& source, const NodeRegistered& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const ClusterChanged& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const JobRegistered& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const JobFinished& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const ListJobsReply& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const GcsRestarted& message, Outbox& out);
  void OnMessage(Instant now, const Address& source, const WorkerDeathRecorded& message,
                 Outbox& out);

  /// Sends the registration that is due, with what a returning member has to say.
  void Register(RegisterNode registration, Outbox& out);

  void AnswerRegistration(const Worker& worker, Outbox& out);
  void TakeNews(Instant now, const ClusterNews& news, Outbox& out);
  void Fence(const std::string& reason, Outbox& out);
  void OwnerDied(WorkerId owner, Outbox& out);
  void NodeIsDead(Instant now, const NodeDied& death, Outbox& out);
  void FinishJob(JobId job, Outbox& out);
  void StopWhenEmpty(Outbox& out);
  [[nodiscard]] bool IsLocal(const Address& address) const;
  [[nodiscard]] static std::string StateText(const Worker& worker, const Lease* lease);

  enum class Phase { kRunning, kLeaving, kOver };

  Options options;
  scheduler::ClusterView view;
  scheduler::Scheduler scheduler;
  WorkerPool pool;
  JobTable jobs;
  GpuTable gpus;
  BundleTable bundles;
  GroupDirectory groups;
  LeaseManager leases;
  MemoryWatch memory;
  Watchers watchers;
  Membership membership;
  object_store::ObjectStore store;
  object_store::PullManager pulls;
  Phase phase = Phase::kRunning;
  std::uint64_t events_handled = 0;
};

}  // namespace mobula::raylet
