// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/resources.h"
#include "runtime/core/protocol/address.h"
#include "runtime/core/protocol/error.h"

namespace mobula {

enum class Language { kPython, kCpp };
BOOST_DESCRIBE_ENUM(Language, kPython, kCpp)

enum class TaskKind { kNormal, kActorCreation, kActorCall };
BOOST_DESCRIBE_ENUM(TaskKind, kNormal, kActorCreation, kActorCall)

/// What to run. The code itself lies in the GCS key-value store under `id` (Python) or in the
/// library that the workers load, under `name` (C++). For actor calls `name` is the method.
struct FunctionRef {
  Language language = Language::kPython;
  FunctionId id;
  std::string name;
  MOBULA_FIELDS(FunctionRef, language, id, name)
};

/// Where a stored object lies, as its owner or borrower last knew.
struct StoredHint {
  std::uint64_t size = 0;
  /// With a copy.
  std::vector<NodeId> locations;
  MOBULA_FIELDS(StoredHint, size, locations)
};

/// One argument slot: a reference whose value the executor receives, or an inline value. How slots
/// map to positions and keywords is the language layer's business.
struct TaskArgument {
  /// Nothing for an inline argument.
  Boxed<ObjectRef> reference;
  Payload value;
  /// References inside the inline value: kept alive with the task, delivered as references.
  std::vector<ObjectRef> contained;
  /// Of a reference to a stored object, filled in when the task is pushed (`value.kind` tells a
  /// value from an exception).
  Boxed<StoredHint> stored;
  MOBULA_FIELDS(TaskArgument, reference, value, contained, stored)

  [[nodiscard]] bool IsReference() const { return reference.has_value(); }
};

enum class StrategyKind {
  kDefault,         ///< Pack on the local node up to half full, then spread (Ray's hybrid policy).
  kSpread,          ///< Over all nodes in turn.
  kNodeAffinity,    ///< On `node`; when `soft`, elsewhere if it is gone.
  kPlacementGroup,  ///< In a bundle of `group`: its resources come out of that.
  kNodeLabel,       ///< On a node whose labels keep the rules of `labels`.
};
BOOST_DESCRIBE_ENUM(StrategyKind, kDefault, kSpread, kNodeAffinity, kPlacementGroup, kNodeLabel)

enum class LabelOperator {
  kIn,     ///< The node has the label, with one of the values.
  kNotIn,  ///< It has not, or with another value.
  kExists,
  kDoesNotExist,
};
BOOST_DESCRIBE_ENUM(LabelOperator, kIn, kNotIn, kExists, kDoesNotExist)

/// What is asked of one label of a node.
struct LabelRule {
  std::string key;
  LabelOperator operation = LabelOperator::kExists;
  std::vector<std::string> values;
  /// Only where there is a choice.
  bool soft = false;
  MOBULA_FIELDS(LabelRule, key, operation, values, soft)
  auto operator<=>(const LabelRule&) const = default;
};

struct SchedulingStrategy {
  StrategyKind kind = StrategyKind::kDefault;
  NodeId node;
  bool soft = false;
  PlacementGroupId group;
  /// The number of the bundle in its group, from 1; 0 for any that has room.
  std::uint32_t bundle = 0;
  /// What runs under this strategy hands it on to what it submits. The language layer's business.
  bool captures_children = false;
  /// All of them are kept.
  std::vector<LabelRule> labels = {};
  MOBULA_FIELDS(SchedulingStrategy, kind, node, soft, group, bundle, captures_children, labels)
  auto operator<=>(const SchedulingStrategy&) const = default;

  /// Whether it may be the bundle at this position of its group.
  [[nodiscard]] bool AllowsBundle(std::size_t index) const {
    return bundle == 0 || bundle == index + 1;
  }
};

/// Options of an actor, in its creation task only.
struct ActorOptions {
  /// -1 for without end.
  std::int32_t max_restarts = 0;
  std::int32_t max_task_retries = 0;
  std::uint32_t max_concurrency = 1;
  /// Empty for an anonymous actor.
  std::string name;
  std::string ray_namespace;
  bool detached = false;
  /// An asyncio actor: calls may be started while others wait; the language layer interleaves them.
  bool is_async = false;
  /// What other processes need to make a handle (method names and options); the language layer's.
  Bytes handle_description;
  /// What its node must have, where that is more than the actor takes (an actor without num_cpus
  /// goes where there is a CPU, and leaves it to others); empty where the two are the same.
  ResourceSet placement_resources;
  /// A call that waits for its arguments holds back none behind it.
  bool out_of_order = false;
  MOBULA_FIELDS(ActorOptions, max_restarts, max_task_retries, max_concurrency, name, ray_namespace,
                detached, is_async, handle_description, placement_resources, out_of_order)
};

/// Of a generator: a task whose return 0 says how it ended, and whose items are returns 1, 2, ...,
/// as many as it makes.
struct StreamOptions {
  /// Items made and not taken with which it waits for its consumer; 0 for no limit.
  std::uint32_t limit = 0;
  /// Nobody takes the items one by one: the value of return 0 holds a reference to each.
  bool gathered = false;
  MOBULA_FIELDS(StreamOptions, limit, gathered)
};

/// What all tasks have in common that one process submits of one function with the same options.
struct TaskHeader {
  TaskKind kind = TaskKind::kNormal;
  JobId job;
  Address owner;
  FunctionRef function;
  /// Shown to people: function name, or Class.method.
  std::string name;
  std::uint32_t num_returns = 1;
  ResourceSet resources;
  SchedulingStrategy strategy;
  /// System failures; -1 for without end.
  std::int32_t max_retries = 3;
  /// Whether application exceptions count as failures to retry.
  bool retry_exceptions = false;
  /// Which environment the worker needs, by content hash; empty for the job's own.
  std::string runtime_env;
  /// The actor made or called; nil for a normal task.
  ActorId actor;
  /// Creation tasks only.
  Boxed<ActorOptions> actor_options;
  /// Opaque to the runtime; the language layer's own per-task options.
  Bytes language_options;
  /// Generators only; they have num_returns 1.
  Boxed<StreamOptions> stream;
  MOBULA_FIELDS(TaskHeader, kind, job, owner, function, name, num_returns, resources, strategy,
                max_retries, retry_exceptions, runtime_env, actor, actor_options, language_options,
                stream)
};

/// Everything needed to run a task once more. Kept by its owner as lineage.
struct TaskSpec {
  TaskId task;
  /// Counts executions from 0. An answer for another attempt than the current one is dropped.
  std::uint32_t attempt = 0;
  /// The task that submitted it.
  TaskId parent;
  Shared<TaskHeader> header;
  SharedArray<TaskArgument> arguments;
  /// Position among the calls of its caller to the actor, from 0, of the actor incarnation it was
  /// sent to.
  std::uint64_t sequence = 0;
  MOBULA_FIELDS(TaskSpec, task, attempt, parent, header, arguments, sequence)

  [[nodiscard]] ObjectId Return(std::uint32_t index) const { return ObjectId{task, index}; }
};

/// One result as the executor reports it. Inline when `in_store` is false.
struct TaskResult {
  ObjectId object;
  Payload value;
  bool in_store = false;
  std::uint64_t size = 0;
  /// References inside the value. The caller is registered as a borrower of each before the report
  /// is sent.
  std::vector<ObjectRef> contained;
  MOBULA_FIELDS(TaskResult, object, value, in_store, size, contained)
};

}  // namespace mobula
