// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
#include "runtime/core/gcs/log.h"
#include "runtime/core/protocol/effects.h"

namespace mobula::gcs {

struct Options {
  /// A node that has not been heard of for this long is declared dead.
  Duration node_timeout = Milliseconds(1800);
  /// How often silence is looked for, and changed node views are sent out.
  Duration check_period = Milliseconds(200);
  Duration broadcast_delay = Milliseconds(20);
  /// The head's raylet alone schedules: it is told of every report at once, and nobody else is.
  bool central_scheduling = false;
  /// A suspected node must be heard of within this.
  Duration suspicion_timeout = Milliseconds(800);
  /// The node whose daemon holds the GCS, and where that listens.
  NodeId node;
  std::string address;
  /// Whether there is a log to write to (WriteLog); without one a restart begins with nothing.
  bool keeps_log = false;
  /// For tests of the tests.
  Bugs bugs;
};

/// Tell tools and the trace: an actor started, restarted or ended; a node joined or died.
struct ClusterEvent {
  std::string text;
  MOBULA_FIELDS(ClusterEvent, text)
};

/// A node joined, or is dead for ever. For the node layer around the GCS, which keeps its links by
/// this.
struct MembershipChanged {
  NodeInfo info;
  bool alive = true;
  std::string reason;
  MOBULA_FIELDS(MembershipChanged, info, alive, reason)
};

/// Something of this node arrived where the GCS is, even if it cannot be read yet because something
/// before it is lost: the node lives and can be heard.
struct NodeHeard {
  NodeId node;
  MOBULA_FIELDS(NodeHeard, node)
};

/// The first event of a GCS with a log: what that holds, in order. Nothing when it is new.
struct Recovered {
  LogRecords records;
  MOBULA_FIELDS(Recovered, records)
};
/// The records of the WriteLog of this number are on disk, and will be there after any crash.
struct LogSynced {
  std::uint64_t sequence = 0;
  MOBULA_FIELDS(LogSynced, sequence)
};
/// They are not, or not for sure. They will be written again.
struct LogFailed {
  std::uint64_t sequence = 0;
  std::string reason;
  MOBULA_FIELDS(LogFailed, sequence, reason)
};

/// Append to the log, all of it or nothing. Answered by LogSynced or LogFailed; the next one comes
/// after that. After LogFailed the same comes again.
struct WriteLog {
  std::uint64_t sequence = 0;
  LogRecords records;
  MOBULA_FIELDS(WriteLog, sequence, records)
};

using Event = std::variant<MessageReceived, TimerFired, NodeHeard, Recovered, LogSynced, LogFailed>;
using Effect = std::variant<Send, StartTimer, ClusterEvent, MembershipChanged, WriteLog>;
using Effects = std::vector<Effect>;

/// The global control store: membership and health, jobs, actor directory and lifecycle, key-value
/// store. The only authority that declares a node dead, and that is for ever. View: the cluster's.
/// Pure. Ray counterpart: GCS (OSDI'18, section 4.2).
///
/// A message from a node that is dead changes nothing: it is answered with the news of that death
/// (`ClusterChanged`), so that a node which was declared dead wrongly stops its work and comes back
/// anew. The parts: NodeTable, JobTable, PlacementGroupTable, ActorTable, KvStore; each keeps plain
/// tables. The Journal holds back what follows from a change until the change is logged.
class Gcs {
 public:
  explicit Gcs(Options options);
  ~Gcs();
  Gcs(const Gcs&) = delete;
  Gcs& operator=(const Gcs&) = delete;

  /// The only mutator. Appends to `out`, which the caller clears.
  void Handle(Instant now, const Event& event, Effects& out);
  void CheckInvariants() const;

  [[nodiscard]] SharedVector<NodeView> Nodes() const;
  [[nodiscard]] std::vector<ActorView> Actors() const;
  [[nodiscard]] std::vector<JobView> Jobs() const;
  [[nodiscard]] std::vector<PlacementGroupView> PlacementGroups() const;
  /// As long as this does not grow, no view changes.
  [[nodiscard]] std::uint64_t EventsHandled() const { return events_handled_; }
  /// The tables as the log will have them when all that was written is synced.
  [[nodiscard]] Rows LoggedRows() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::uint64_t events_handled_ = 0;
};

}  // namespace mobula::gcs
