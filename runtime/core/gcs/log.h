// SPDX-License-Identifier: Apache-2.0
/// What the GCS writes to its log: rows of its tables. Not logged, because it comes back by itself:
/// what nodes have free and what waits there (their reports), who subscribed (processes ask again).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula::gcs {

/// Written first when a GCS comes back: which node holds it, and how often it has come back.
struct GcsRow {
  NodeId node;
  std::uint64_t incarnation = 0;
  MOBULA_FIELDS(GcsRow, node, incarnation)
};
struct NodeRow {
  NodeInfo info;
  bool alive = true;
  std::string death_reason;
  MOBULA_FIELDS(NodeRow, info, alive, death_reason)
};
/// With the question it is the answer to, so that a repeated one gets the same job.
struct JobRow {
  JobView view;
  Address source;
  std::uint64_t request = 0;
  MOBULA_FIELDS(JobRow, view, source, request)
};
/// What an actor's constructor needs, once; void when the actor's row says that it is dead.
struct CreationRow {
  TaskSpec creation;
  MOBULA_FIELDS(CreationRow, creation)
};
struct ActorRow {
  ActorView view;
  /// As in ActorRecord.
  std::uint64_t lease_request = 0;
  NodeId lease_node;
  std::uint32_t spill_count = 0;
  Address worker;
  MOBULA_FIELDS(ActorRow, view, lease_request, lease_node, spill_count, worker)
};
/// The registration of an actor was refused.
struct RefusalRow {
  ActorId actor;
  Address owner;
  ErrorInfo error;
  MOBULA_FIELDS(RefusalRow, actor, owner, error)
};
struct KvRow {
  std::string space;
  std::string key;
  Bytes value;
  MOBULA_FIELDS(KvRow, space, key, value)
};
struct KvDeleted {
  std::string space;
  std::string key;
  MOBULA_FIELDS(KvDeleted, space, key)
};
/// What a put or delete was answered.
struct KvAnswerRow {
  Address source;
  std::uint64_t request = 0;
  bool found = false;
  MOBULA_FIELDS(KvAnswerRow, source, request, found)
};
/// A process, or a whole node when `worker` is nil, will repeat no question any more: its refusals
/// and answers are dropped.
struct AskerGone {
  Address asker;
  MOBULA_FIELDS(AskerGone, asker)
};

struct PlacementGroupRow {
  PlacementGroupView view;
  MOBULA_FIELDS(PlacementGroupRow, view)
};
/// It was removed long ago, and nobody is told of it any more.
struct PlacementGroupForgotten {
  PlacementGroupId group;
  MOBULA_FIELDS(PlacementGroupForgotten, group)
};

using LogRecord =
    std::variant<GcsRow, NodeRow, JobRow, CreationRow, ActorRow, RefusalRow, KvRow, KvDeleted,
                 KvAnswerRow, AskerGone, PlacementGroupRow, PlacementGroupForgotten>;
using LogRecords = std::vector<LogRecord>;

/// Puts and deletes of one source whose answers are kept: requests are numbered upwards and few are
/// under way at once, so older ones are not asked for any more.
inline constexpr std::size_t kKvAnswersKept = 64;

/// The tables as the log has them: what its records, applied in order, come to. From this a GCS
/// comes back, and a log is rewritten as its shortest equal (`Records`).
struct Rows {
  std::optional<GcsRow> gcs;
  std::map<NodeId, NodeRow> nodes;
  std::map<JobId, JobRow> jobs;
  /// Of living actors.
  std::map<ActorId, TaskSpec> creations;
  std::map<ActorId, ActorRow> actors;
  std::map<ActorId, RefusalRow> refusals;
  /// By space, then key.
  std::map<std::string, std::map<std::string, Bytes>> keys;
  std::map<Address, std::map<std::uint64_t, bool>> answers;
  std::map<PlacementGroupId, PlacementGroupView> groups;
  bool operator==(const Rows&) const = default;

  void Apply(const LogRecord& record);
  [[nodiscard]] LogRecords Records() const;
};

}  // namespace mobula::gcs
