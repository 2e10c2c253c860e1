// SPDX-License-Identifier: Apache-2.0
/// What is said to the GCS and by it of nodes, jobs, actors and keys.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/protocol/cluster.h"
#include "runtime/core/protocol/placement_group_messages.h"
#include "runtime/core/protocol/task_spec.h"

namespace mobula {

// GCS: nodes and jobs.

/// What a raylet holds for an actor: a lease, or a lease request (`worker` is nil then).
struct ActorLease {
  std::uint64_t request = 0;
  ActorId actor;
  WorkerId worker;
  MOBULA_FIELDS(ActorLease, request, actor, worker)
};

struct RegisterNode {
  NodeInfo info;
  /// It is a member, and registers again because the GCS came back: the fields below say what the
  /// GCS is to compare with its tables. A GCS that does not know the node turns it away.
  bool returning = false;
  /// Living processes, drivers too.
  std::vector<WorkerId> processes;
  std::vector<ActorLease> actor_leases;
  /// Jobs of which it has not heard that they finished.
  std::vector<JobId> running_jobs;
  std::vector<HeldBundle> bundles;
  MOBULA_FIELDS(RegisterNode, info, returning, processes, actor_leases, running_jobs, bundles)
};
/// The cluster as it is; the node is a member from now on.
struct NodeRegistered {
  SharedVector<NodeView> nodes;
  MOBULA_FIELDS(NodeRegistered, nodes)
};
/// Sent periodically and when something changed.
struct NodeReport {
  NodeId node;
  std::uint64_t version = 0;
  ResourceSet available;
  std::vector<PendingDemand> demand;
  MOBULA_FIELDS(NodeReport, node, version, available, demand)
};
/// GCS to every node: the nodes whose view changed.
struct ClusterChanged {
  SharedVector<NodeView> nodes;
  MOBULA_FIELDS(ClusterChanged, nodes)
};
/// A node leaves on purpose; its death is told at once.
struct UnregisterNode {
  NodeId node;
  std::string reason;
  MOBULA_FIELDS(UnregisterNode, node, reason)
};
/// Evidence, not proof: the sender's connection to `node` was refused or reset. The GCS checks.
struct NodeSuspected {
  NodeId node;
  std::string reason;
  MOBULA_FIELDS(NodeSuspected, node, reason)
};
struct RegisterJob {
  std::uint64_t request = 0;
  Address driver;
  JobConfig config;
  MOBULA_FIELDS(RegisterJob, request, driver, config)
};
struct JobRegistered {
  std::uint64_t request = 0;
  JobId job;
  Address driver;
  MOBULA_FIELDS(JobRegistered, request, job, driver)
};
/// A raylet to the GCS when a driver ended, however; then the GCS to every raylet, which ends its
/// workers.
struct JobFinished {
  JobId job;
  MOBULA_FIELDS(JobFinished, job)
};
/// A raylet to the GCS: for the actors that lived there or were owned there. Answered by
/// `WorkerDeathRecorded`, and repeated when the GCS comes back before that.
struct ReportWorkerDied {
  Address worker;
  std::string reason;
  bool intended = false;
  MOBULA_FIELDS(ReportWorkerDied, worker, reason, intended)
};

// GCS: actors.

struct RegisterActor {
  std::uint64_t request = 0;
  TaskSpec creation;
  MOBULA_FIELDS(RegisterActor, request, creation)
};
/// kInvalid when the name is taken.
struct ActorRegistered {
  std::uint64_t request = 0;
  ErrorInfo error;
  MOBULA_FIELDS(ActorRegistered, request, error)
};
/// The sender wants `ActorUpdate`s from now on, and one at once.
struct SubscribeActor {
  ActorId actor;
  MOBULA_FIELDS(SubscribeActor, actor)
};
struct ActorUpdate {
  ActorView actor;
  MOBULA_FIELDS(ActorUpdate, actor)
};
struct KillActor {
  ActorId actor;
  bool no_restart = true;
  /// When it may restart: a later incarnation than this is left alone, because the message may be a
  /// repetition.
  std::uint32_t incarnation = 0;
  std::uint64_t request = 0;
  MOBULA_FIELDS(KillActor, actor, no_restart, incarnation, request)
};
/// The GCS has done what a `KillActor` asked for, for good.
struct ActorKilled {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ActorKilled, request)
};
/// Its owner saw the last handle go: the actor finishes the calls it has, then ends.
struct ActorOutOfScope {
  ActorId actor;
  MOBULA_FIELDS(ActorOutOfScope, actor)
};
struct GetNamedActor {
  std::uint64_t request = 0;
  std::string name;
  std::string ray_namespace;
  MOBULA_FIELDS(GetNamedActor, request, name, ray_namespace)
};
struct NamedActorReply {
  std::uint64_t request = 0;
  bool found = false;
  ActorView actor;
  MOBULA_FIELDS(NamedActorReply, request, found, actor)
};

// GCS: key-value store and queries.

enum class KvOperation { kPut, kGet, kDelete, kExists, kKeys };
BOOST_DESCRIBE_ENUM(KvOperation, kPut, kGet, kDelete, kExists, kKeys)

struct KvRequest {
  std::uint64_t request = 0;
  KvOperation operation = KvOperation::kGet;
  /// Keeps functions, user keys and so on apart.
  std::string space;
  /// The key; for kKeys its prefix.
  std::string key;
  Bytes value;
  bool overwrite = true;
  MOBULA_FIELDS(KvRequest, request, operation, space, key, value, overwrite)
};
struct KvReply {
  std::uint64_t request = 0;
  /// kPut: a new key was added. kGet, kExists: it is there. kDelete: it was there.
  bool found = false;
  Bytes value;
  std::vector<std::string> keys;
  MOBULA_FIELDS(KvReply, request, found, value, keys)
};
struct ListNodes {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ListNodes, request)
};
struct ListNodesReply {
  std::uint64_t request = 0;
  SharedVector<NodeView> nodes;
  MOBULA_FIELDS(ListNodesReply, request, nodes)
};
struct ListActors {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ListActors, request)
};
struct ListActorsReply {
  std::uint64_t request = 0;
  std::vector<ActorView> actors;
  MOBULA_FIELDS(ListActorsReply, request, actors)
};
struct ListJobs {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ListJobs, request)
};
struct ListJobsReply {
  std::uint64_t request = 0;
  std::vector<JobView> jobs;
  MOBULA_FIELDS(ListJobsReply, request, jobs)
};

// GCS: its restart.

/// The GCS came back from its log, and what it was sent meanwhile is lost: to every living node,
/// and to whoever still writes to an earlier daemon at its address. A raylet registers again and
/// tells its processes, which repeat what the GCS has not answered.
struct GcsRestarted {
  /// Whose daemon holds it from now on, and where that listens.
  NodeId gcs_node;
  std::string gcs_address;
  /// Whose daemon held it before. A node that takes another one for the GCS's ignores this: it is
  /// old news.
  NodeId replaces;
  MOBULA_FIELDS(GcsRestarted, gcs_node, gcs_address, replaces)
};
/// The GCS has taken note of a `ReportWorkerDied`, for good.
struct WorkerDeathRecorded {
  WorkerId worker;
  MOBULA_FIELDS(WorkerDeathRecorded, worker)
};

}  // namespace mobula
