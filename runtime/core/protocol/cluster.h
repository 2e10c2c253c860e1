// SPDX-License-Identifier: Apache-2.0
/// What nodes and users know about the cluster.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/base/resources.h"
#include "runtime/core/protocol/address.h"
#include "runtime/core/protocol/error.h"
#include "runtime/core/protocol/task_spec.h"

namespace mobula {

/// What a node says of itself once, when it joins.
struct NodeInfo {
  NodeId node;
  /// For people: "n1", "n2" in the simulator, the host name elsewhere.
  std::string name;
  /// Where its daemon listens for other daemons: "host:port"; the name itself in the simulator.
  std::string address;
  ResourceSet total;
  std::map<std::string, std::string> labels;
  bool is_head = false;
  /// Object store name, log folder and the like, for tools.
  std::map<std::string, std::string> details;
  MOBULA_FIELDS(NodeInfo, node, name, address, total, labels, is_head, details)
};

/// Tasks or actors that wait for resources on some node.
struct PendingDemand {
  ResourceSet resources;
  /// Name of the waiting function or class.
  std::string name;
  std::uint32_t count = 0;
  /// No living node could ever grant it.
  bool infeasible = false;
  MOBULA_FIELDS(PendingDemand, resources, name, count, infeasible)
};

/// A node as the GCS sees it.
struct NodeView {
  NodeInfo info;
  bool alive = true;
  /// Grows with each report of this node; older reports are dropped.
  std::uint64_t version = 0;
  ResourceSet available;
  std::vector<PendingDemand> demand;
  std::string death_reason;
  MOBULA_FIELDS(NodeView, info, alive, version, available, demand, death_reason)
};

/// What a driver says of itself; the workers of its job receive it.
struct JobConfig {
  std::string ray_namespace;
  /// Opaque to the runtime (search paths, working folder).
  Bytes language_config;
  /// Lineage that each process of the job keeps at most; 0 for the default (worker::Options),
  /// negative for none: what is lost stays lost.
  std::int64_t lineage_bytes_max = 0;
  MOBULA_FIELDS(JobConfig, ray_namespace, language_config, lineage_bytes_max)
};

struct JobView {
  JobId job;
  Address driver;
  JobConfig config;
  bool finished = false;
  MOBULA_FIELDS(JobView, job, driver, config, finished)
};

enum class ActorState {
  kPending,     ///< Registered; no worker yet.
  kAlive,       ///< Its constructor has returned.
  kRestarting,  ///< Its worker died; another is on its way.
  kDead,        ///< For ever.
};
BOOST_DESCRIBE_ENUM(ActorState, kPending, kAlive, kRestarting, kDead)

/// What callers need to know of an actor.
struct ActorView {
  ActorId actor;
  ActorState state = ActorState::kPending;
  /// Where it runs; meaningful while alive.
  Address worker;
  /// Restarts so far.
  std::uint32_t incarnation = 0;
  std::string class_name;
  std::string name;
  std::string ray_namespace;
  JobId job;
  std::uint32_t pid = 0;
  ErrorInfo death_cause;
  /// The reference that stands for the actor: its owner counts the handles.
  ObjectRef handle;
  Bytes handle_description;
  std::int32_t max_task_retries = 0;
  bool detached = false;
  /// The numbers of those on its node that it holds.
  std::vector<std::uint32_t> gpus = {};
  /// As in ActorOptions.
  bool out_of_order = false;
  MOBULA_FIELDS(ActorView, actor, state, worker, incarnation, class_name, name, ray_namespace, job,
                pid, death_cause, handle, handle_description, max_task_retries, detached, gpus,
                out_of_order)
};

enum class PlacementStrategy {
  kPack,          ///< On as few nodes as possible.
  kSpread,        ///< On as many nodes as possible.
  kStrictPack,    ///< On one node, or not at all.
  kStrictSpread,  ///< Each on a node of its own, or not at all.
};
BOOST_DESCRIBE_ENUM(PlacementStrategy, kPack, kSpread, kStrictPack, kStrictSpread)

/// What was asked for.
struct PlacementGroupSpec {
  PlacementGroupId group;
  /// Empty for one that only its handles know.
  std::string name;
  std::string ray_namespace;
  JobId job;
  /// It outlives its job.
  bool detached = false;
  PlacementStrategy strategy = PlacementStrategy::kPack;
  /// What each bundle reserves.
  std::vector<ResourceSet> bundles;
  MOBULA_FIELDS(PlacementGroupSpec, group, name, ray_namespace, job, detached, strategy, bundles)
};

/// How far the reservation of one bundle has come.
enum class BundlePhase {
  kUnplaced,    ///< No node was found yet, or its node died.
  kPreparing,   ///< A raylet was asked to set the resources aside.
  kPrepared,    ///< It did.
  kCommitting,  ///< All of the group did, and this raylet was told that it holds.
  kCommitted,   ///< Tasks and actors may run in it.
};
BOOST_DESCRIBE_ENUM(BundlePhase, kUnplaced, kPreparing, kPrepared, kCommitting, kCommitted)

struct BundlePlacement {
  BundlePhase phase = BundlePhase::kUnplaced;
  /// Nil while it is unplaced.
  NodeId node;
  /// The attempt to place the group that put it there.
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(BundlePlacement, phase, node, attempt)
};

enum class PlacementGroupState {
  kPending,       ///< Its bundles are being placed for the first time.
  kCreated,       ///< All of them are committed.
  kRescheduling,  ///< All of them were; some were lost with their nodes and are being placed again.
  kRemoved,       ///< For ever.
};
BOOST_DESCRIBE_ENUM(PlacementGroupState, kPending, kCreated, kRescheduling, kRemoved)

struct PlacementGroupView {
  PlacementGroupSpec spec;
  PlacementGroupState state = PlacementGroupState::kPending;
  /// One for each bundle; none once it is removed.
  std::vector<BundlePlacement> bundles;
  /// Attempts to place it, so far.
  std::uint64_t attempts = 0;
  /// Of a group that was never made or is gone: why.
  ErrorInfo error;
  MOBULA_FIELDS(PlacementGroupView, spec, state, bundles, attempts, error)
};

}  // namespace mobula
