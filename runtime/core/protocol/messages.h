// SPDX-License-Identifier: Apache-2.0
/// Every message of the protocol. A message travels between two addresses exactly once and in order
/// for as long as both nodes live: on one node through a socket, across nodes through the Link
/// machine (runtime/core/link), which numbers, repeats and de-duplicates frames. Beyond that,
/// requests to the GCS carry a `request` number, are repeated until answered, and are answered
/// again when repeated, because the GCS may restart. A message for a worker that no longer exists
/// is answered with `WorkerDied`.
///
/// runtime/wire/mobula.proto states the same structs as Protocol Buffers; a test keeps the two
/// equal.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/core/protocol/cluster.h"
#include "runtime/core/protocol/task_spec.h"

namespace mobula {

// Process and its daemon.

/// First message of a worker or driver to its daemon.
struct RegisterWorker {
  WorkerId worker;
  std::uint32_t pid = 0;
  Language language = Language::kPython;
  bool is_driver = false;
  /// Drivers only.
  JobConfig job_config;
  MOBULA_FIELDS(RegisterWorker, worker, pid, language, is_driver, job_config)
};

/// Answer to `RegisterWorker`; for a driver, once the GCS knows the job.
struct WorkerRegistered {
  Address address;
  JobId job;
  JobConfig job_config;
  /// The driver of the job: the address of its root task.
  Address driver;
  NodeInfo node;
  MOBULA_FIELDS(WorkerRegistered, address, job, job_config, driver, node)
};

/// A worker waits in `get` or `wait` for something that is not here: its lease's CPU may be lent
/// out.
struct TaskBlocked {
  WorkerId worker;
  MOBULA_FIELDS(TaskBlocked, worker)
};
struct TaskUnblocked {
  WorkerId worker;
  MOBULA_FIELDS(TaskUnblocked, worker)
};

/// A worker is about to exit on purpose (`exit_actor`, `max_calls`): its death is not a failure.
struct WorkerExiting {
  WorkerId worker;
  std::string reason;
  MOBULA_FIELDS(WorkerExiting, worker, reason)
};

/// Asks a daemon to report the death of one of its workers. Answered at once when it is dead or
/// unknown.
struct WatchWorker {
  WorkerId worker;
  MOBULA_FIELDS(WatchWorker, worker)
};

/// A process is gone for ever. Sent to its watchers, and instead of delivery to whoever writes to
/// it.
struct WorkerDied {
  Address worker;
  std::string reason;
  /// It meant to exit.
  bool intended = false;
  MOBULA_FIELDS(WorkerDied, worker, reason, intended)
};

/// A daemon tells its processes that a node is gone for ever, with all its workers and copies.
struct NodeDied {
  NodeId node;
  std::string reason;
  MOBULA_FIELDS(NodeDied, node, reason)
};

/// Lines that a worker wrote, on their way to the driver of its job.
struct LogLines {
  WorkerId worker;
  std::uint32_t pid = 0;
  /// Function or class that runs there.
  std::string name;
  std::string node_name;
  bool is_error = false;
  std::vector<std::string> lines;
  MOBULA_FIELDS(LogLines, worker, pid, name, node_name, is_error, lines)
};

// Leases.

/// An owner asks a raylet for one worker. `request` is unique per owner; a repeated request gets
/// the same answer, never a second worker.
struct RequestLease {
  std::uint64_t request = 0;
  Address owner;
  JobId job;
  ResourceSet resources;
  SchedulingStrategy strategy;
  Language language = Language::kPython;
  std::string runtime_env;
  /// Shown to people: what will run.
  std::string name;
  /// Tasks of this class still waiting at the owner, this one included.
  std::uint32_t backlog = 1;
  /// The actor that will live in the worker; nil for tasks. Such a lease ends with the worker.
  ActorId actor;
  /// How often it was sent on; a raylet that cannot serve a spilled request queues it.
  std::uint32_t spill_count = 0;
  /// Nodes that hold the large arguments, most bytes first.
  std::vector<NodeId> preferred;
  /// What its node must have, where that is more than the lease takes; see ActorOptions.
  ResourceSet placement;
  MOBULA_FIELDS(RequestLease, request, owner, job, resources, strategy, language, runtime_env, name,
                backlog, actor, spill_count, preferred, placement)

  /// What decides where it can run; `resources` is what it takes there.
  [[nodiscard]] const ResourceSet& Needed() const {
    return placement.IsEmpty() ? resources : placement;
  }

  /// What tasks with this header ask for; who asks, and how often, is the sender's to fill in.
  static RequestLease For(const TaskHeader& header);
};
struct LeaseGranted {
  std::uint64_t request = 0;
  LeaseId lease;
  Address worker;
  std::uint32_t pid = 0;
  MOBULA_FIELDS(LeaseGranted, request, lease, worker, pid)
};
/// Ask `node` instead.
struct LeaseSpilled {
  std::uint64_t request = 0;
  NodeId node;
  MOBULA_FIELDS(LeaseSpilled, request, node)
};
/// It will never be granted here (hard affinity to a dead node, the environment cannot be made).
struct LeaseRefused {
  std::uint64_t request = 0;
  ErrorInfo error;
  MOBULA_FIELDS(LeaseRefused, request, error)
};
/// No node of the cluster could grant it as things stand. It stays queued; the owner warns its
/// user.
struct LeaseInfeasible {
  std::uint64_t request = 0;
  std::string message;
  MOBULA_FIELDS(LeaseInfeasible, request, message)
};
/// The owner has no use for it any more. A grant under way is returned by the owner.
struct CancelLeaseRequest {
  std::uint64_t request = 0;
  Address owner;
  MOBULA_FIELDS(CancelLeaseRequest, request, owner)
};
struct ReturnLease {
  LeaseId lease;
  MOBULA_FIELDS(ReturnLease, lease)
};
/// Others wait for these resources: the owner lets what was pushed finish, then returns the lease.
struct ReclaimLease {
  LeaseId lease;
  MOBULA_FIELDS(ReclaimLease, lease)
};
/// GCS to raylet: end the process (killed actor, dead owner). Others cannot ask this.
struct KillWorker {
  WorkerId worker;
  std::string reason;
  MOBULA_FIELDS(KillWorker, worker, reason)
};

// Tasks.

/// Owner (or the GCS, for an actor's creation) to a leased worker or an actor.
struct PushTask {
  TaskSpec spec;
  MOBULA_FIELDS(PushTask, spec)
};
/// The answer to a `PushTask`, to its sender.
struct TaskDone {
  TaskId task;
  std::uint32_t attempt = 0;
  std::vector<TaskResult> results;
  /// The application raised; the results hold its exception.
  bool application_error = false;
  /// References from the arguments that the executor still holds and whose owner is the task's
  /// sender: it becomes a borrower of each. For other owners it has registered there before this is
  /// sent.
  std::vector<ObjectId> retained;
  /// Run time, from which the owner learns how many tasks to keep in flight.
  Duration run_time;
  MOBULA_FIELDS(TaskDone, task, attempt, results, application_error, retained, run_time)
};
/// The worker gives back a pushed task it has not started (it blocks, exits, or was cancelled
/// before the start). It counts as no attempt.
struct TaskReturned {
  TaskId task;
  std::uint32_t attempt = 0;
  MOBULA_FIELDS(TaskReturned, task, attempt)
};
struct CancelTask {
  TaskId task;
  std::uint32_t attempt = 0;
  /// End the process if need be.
  bool force = false;
  bool recursive = true;
  MOBULA_FIELDS(CancelTask, task, attempt, force, recursive)
};

// Ownership.

enum class ObjectPhase {
  kPending,  ///< Its task has not finished.
  kInline,   ///< `value` is the value (or its error).
  kStored,   ///< In the stores of `locations`.
};
BOOST_DESCRIBE_ENUM(ObjectPhase, kPending, kInline, kStored)

/// What an owner knows of an object's value.
struct ObjectStatus {
  ObjectPhase phase = ObjectPhase::kPending;
  Payload value;
  /// Of a stored object: kValue or kException, bytes, and nodes with a complete copy.
  PayloadKind kind = PayloadKind::kValue;
  std::uint64_t size = 0;
  std::vector<NodeId> locations;
  MOBULA_FIELDS(ObjectStatus, phase, value, kind, size, locations)
};

/// A borrower asks the owner for a value. Answered once it is there.
struct GetObjectStatus {
  ObjectId object;
  /// Nodes from which the asker could not get it: the owner checks them off, and recovers the
  /// object when no copy is left.
  std::vector<NodeId> failed_at;
  MOBULA_FIELDS(GetObjectStatus, object, failed_at)
};
struct ObjectStatusReply {
  ObjectId object;
  ObjectStatus status;
  MOBULA_FIELDS(ObjectStatusReply, object, status)
};
/// `borrower` holds a reference. Sent while the object is surely alive (the sender holds what it
/// came in), which it holds on to until `BorrowerAdded` is back.
struct AddBorrower {
  ObjectId object;
  Address borrower;
  /// Unique per sender; comes back in the answer.
  std::uint64_t request = 0;
  MOBULA_FIELDS(AddBorrower, object, borrower, request)
};
struct BorrowerAdded {
  std::uint64_t request = 0;
  ObjectId object;
  /// The object was no longer known: the reference dangles (its owner is another incarnation).
  bool gone = false;
  MOBULA_FIELDS(BorrowerAdded, request, object, gone)
};
/// Registrations of one borrower that `sponsor` made on its behalf (for a result it would receive).
struct SponsoredCount {
  Address sponsor;
  std::uint64_t count = 0;
  MOBULA_FIELDS(SponsoredCount, sponsor, count)
};
/// `borrower` holds no reference any more.
struct RemoveBorrower {
  ObjectId object;
  Address borrower;
  /// How many registrations (AddBorrower or `retained`) the borrower had heard of when it let go;
  /// the owner ignores the message when more have come since.
  std::uint64_t registrations = 0;
  /// Those among them that others made.
  std::vector<SponsoredCount> sponsored;
  MOBULA_FIELDS(RemoveBorrower, object, borrower, registrations, sponsored)
};
/// Owner to borrower: `sponsor`, which registered the receiver for a result, is dead. Did the
/// result come? Answered by `BorrowerChecked`, as soon as the receiver knows of the death, too.
struct CheckBorrower {
  ObjectId object;
  Address sponsor;
  MOBULA_FIELDS(CheckBorrower, object, sponsor)
};
/// How many of the dead sponsor's registrations the borrower has heard of and not given back. It
/// will hear of no others: the owner strikes those off.
struct BorrowerChecked {
  ObjectId object;
  Address sponsor;
  std::uint64_t registrations = 0;
  MOBULA_FIELDS(BorrowerChecked, object, sponsor, registrations)
};
/// A raylet tells the owner that its node gained or lost a complete copy.
struct ObjectLocationChanged {
  ObjectId object;
  NodeId node;
  bool added = true;
  MOBULA_FIELDS(ObjectLocationChanged, object, node, added)
};

// Object store of a node.

/// A process asks its daemon for room. Answered when there is room; the process writes there and
/// seals.
struct CreateObject {
  std::uint64_t request = 0;
  ObjectRef object;
  std::uint64_t size = 0;
  MOBULA_FIELDS(CreateObject, request, object, size)
};
struct ObjectCreated {
  std::uint64_t request = 0;
  ObjectId object;
  std::uint64_t offset = 0;
  /// kObjectStoreFull, kOutOfDisk, kOwnerDied, or kInvalid when it exists already.
  ErrorInfo error;
  MOBULA_FIELDS(ObjectCreated, request, object, offset, error)
};
/// The content is complete and will not change. This node holds the primary copy until the owner
/// frees it.
struct SealObject {
  ObjectId object;
  MOBULA_FIELDS(SealObject, object)
};
/// Gets a copy to this node, from any of `locations`, and pins it for the sender. Answered by
/// `ObjectAvailable`, or by `ObjectUnavailable` when every location failed, or (kObjectStoreFull,
/// kOutOfDisk) when there was no room here for too long.
struct FetchObject {
  ObjectRef object;
  std::uint64_t size = 0;
  std::vector<NodeId> locations;
  MOBULA_FIELDS(FetchObject, object, size, locations)
};
/// Pinned for the receiver until it sends `ReleaseObject`.
struct ObjectAvailable {
  ObjectId object;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  MOBULA_FIELDS(ObjectAvailable, object, offset, size)
};
struct ObjectUnavailable {
  ObjectId object;
  std::vector<NodeId> failed_at;
  ErrorInfo error;
  MOBULA_FIELDS(ObjectUnavailable, object, failed_at, error)
};
/// Ends one pin (one `ObjectAvailable`).
struct ReleaseObject {
  ObjectId object;
  MOBULA_FIELDS(ReleaseObject, object)
};
/// Owner to raylet: no reference is left anywhere. The copy goes as soon as nobody has it mapped.
struct FreeObject {
  ObjectId object;
  MOBULA_FIELDS(FreeObject, object)
};

/// To the processes that have mapped objects: the store is full, and nothing else can be done about
/// it than that they let go of what they do not need yet.
struct RoomWanted {
  MOBULA_FIELDS(RoomWanted)
};

/// Raylet to raylet: send these bytes of a sealed object. The bytes come on the chunk stream.
struct RequestChunk {
  ObjectId object;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  MOBULA_FIELDS(RequestChunk, object, offset, length)
};
/// There is no such copy here.
struct ChunkUnavailable {
  ObjectId object;
  MOBULA_FIELDS(ChunkUnavailable, object)
};

// GCS: nodes and jobs.

/// What a raylet holds for an actor: a lease, or a lease request (`worker` is nil then).
struct ActorLease {
  std::uint64_t request = 0;
  ActorId actor;
  WorkerId worker;
  MOBULA_FIELDS(ActorLease, request, actor, worker)
};
/// What a raylet holds of a placement group.
struct HeldBundle {
  PlacementGroupId group;
  std::uint32_t index = 0;
  std::uint64_t attempt = 0;
  bool committed = false;
  MOBULA_FIELDS(HeldBundle, group, index, attempt, committed)
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

// GCS: placement groups.

/// Answered once it is known, which is before it is placed. The answer has an error (kInvalid) when
/// the name is taken.
struct CreatePlacementGroup {
  std::uint64_t request = 0;
  PlacementGroupSpec spec;
  MOBULA_FIELDS(CreatePlacementGroup, request, spec)
};
/// Gives back what it reserves, and ends what runs there.
struct RemovePlacementGroup {
  std::uint64_t request = 0;
  PlacementGroupId group;
  MOBULA_FIELDS(RemovePlacementGroup, request, group)
};
struct GetPlacementGroup {
  std::uint64_t request = 0;
  /// Nil: the living one of this name.
  PlacementGroupId group;
  std::string name;
  std::string ray_namespace;
  /// Answered when it is created or removed, not before.
  bool when_placed = false;
  MOBULA_FIELDS(GetPlacementGroup, request, group, name, ray_namespace, when_placed)
};
/// The answer to the three above.
struct PlacementGroupReply {
  std::uint64_t request = 0;
  bool found = false;
  PlacementGroupView group;
  MOBULA_FIELDS(PlacementGroupReply, request, found, group)
};
struct ListPlacementGroups {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ListPlacementGroups, request)
};
struct ListPlacementGroupsReply {
  std::uint64_t request = 0;
  std::vector<PlacementGroupView> groups;
  MOBULA_FIELDS(ListPlacementGroupsReply, request, groups)
};

struct BundleRequest {
  std::uint32_t index = 0;
  ResourceSet resources;
  MOBULA_FIELDS(BundleRequest, index, resources)
};
/// GCS to raylet, phase one: set the resources of these bundles aside, all of them or none.
struct PrepareBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  std::vector<BundleRequest> bundles;
  MOBULA_FIELDS(PrepareBundles, group, attempt, bundles)
};
struct BundlesPrepared {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  /// False: there is no room, and nothing was set aside.
  bool ok = true;
  MOBULA_FIELDS(BundlesPrepared, group, attempt, ok)
};
/// Phase two: what was prepared in this attempt may be used.
struct CommitBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(CommitBundles, group, attempt)
};
struct BundlesCommitted {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(BundlesCommitted, group, attempt)
};
/// Whatever was reserved in this attempt, or in any when it is 0, is given back; what runs there is
/// ended. Not answered: a raylet that comes back to the GCS says what it holds.
struct ReturnBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(ReturnBundles, group, attempt)
};
/// Raylet to GCS: it has a request for that group, and wants `PlacementGroupUpdate`s, one at once
/// and until the group is removed.
struct LocatePlacementGroup {
  PlacementGroupId group;
  MOBULA_FIELDS(LocatePlacementGroup, group)
};
struct PlacementGroupUpdate {
  PlacementGroupView group;
  MOBULA_FIELDS(PlacementGroupUpdate, group)
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

// The whole protocol.

/// The position of an alternative is its field number in the proto's `oneof`, minus one: add at the
/// end.
using MessageVariant = std::variant<
    RegisterWorker, WorkerRegistered, TaskBlocked, TaskUnblocked, WorkerExiting, WatchWorker,
    WorkerDied, NodeDied, LogLines, RequestLease, LeaseGranted, LeaseSpilled, LeaseRefused,
    LeaseInfeasible, CancelLeaseRequest, ReturnLease, ReclaimLease, KillWorker, PushTask, TaskDone,
    TaskReturned, CancelTask, GetObjectStatus, ObjectStatusReply, AddBorrower, BorrowerAdded,
    RemoveBorrower, ObjectLocationChanged, CreateObject, ObjectCreated, SealObject, FetchObject,
    ObjectAvailable, ObjectUnavailable, ReleaseObject, FreeObject, RequestChunk, ChunkUnavailable,
    RegisterNode, NodeRegistered, NodeReport, ClusterChanged, UnregisterNode, NodeSuspected,
    RegisterJob, JobRegistered, JobFinished, ReportWorkerDied, RegisterActor, ActorRegistered,
    SubscribeActor, ActorUpdate, KillActor, ActorOutOfScope, GetNamedActor, NamedActorReply,
    KvRequest, KvReply, ListNodes, ListNodesReply, ListActors, ListActorsReply, ListJobs,
    ListJobsReply, CheckBorrower, BorrowerChecked, GcsRestarted, WorkerDeathRecorded, RoomWanted,
    ActorKilled, CreatePlacementGroup, RemovePlacementGroup, GetPlacementGroup, PlacementGroupReply,
    ListPlacementGroups, ListPlacementGroupsReply, PrepareBundles, BundlesPrepared, CommitBundles,
    BundlesCommitted, ReturnBundles, LocatePlacementGroup, PlacementGroupUpdate>;

/// A variant of every message. Its special members are compiled once, in messages.cc: compiling
/// them in every file that sends a message took half of the build.
struct Message : MessageVariant {
  using MessageVariant::MessageVariant;
  Message();
  Message(const Message& other);
  Message(Message&& other) noexcept;
  Message& operator=(const Message& other);
  Message& operator=(Message&& other) noexcept;
  ~Message();
  bool operator==(const Message& other) const;
};

struct Envelope {
  Address source;
  Address target;
  Message message;
  MOBULA_FIELDS(Envelope, source, target, message)
};

}  // namespace mobula

template <>
struct std::variant_size<mobula::Message> : std::variant_size<mobula::MessageVariant> {};
template <std::size_t kIndex>
struct std::variant_alternative<kIndex, mobula::Message>
    : std::variant_alternative<kIndex, mobula::MessageVariant> {};
