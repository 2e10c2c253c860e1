// SPDX-License-Identifier: Apache-2.0
/// Every message of the protocol: their variant, and the envelope; the structs lie in the headers
/// below. A message travels between two addresses exactly once and in order for as long as both
/// nodes live: on one node through a socket, across nodes through the Link machine
/// (runtime/core/link), which numbers, repeats and de-duplicates frames. Beyond that, requests to
/// the GCS carry a `request` number, are repeated until answered, and are answered again when
/// repeated, because the GCS may restart. A message for a worker that no longer exists is answered
/// with `WorkerDied`.
///
/// runtime/wire/mobula.proto states the same structs as Protocol Buffers; a test keeps the two
/// equal.
#pragma once

#include <variant>

#include "runtime/core/protocol/gcs_messages.h"
#include "runtime/core/protocol/object_messages.h"
#include "runtime/core/protocol/placement_group_messages.h"
#include "runtime/core/protocol/process_messages.h"
#include "runtime/core/protocol/stream_messages.h"

namespace mobula {

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
    BundlesCommitted, ReturnBundles, LocatePlacementGroup, PlacementGroupUpdate, TraceWait,
    DeadlockFound, StreamItem, StreamProgress, FreeItems>;

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
