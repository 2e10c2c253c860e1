// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// Who is a member of the cluster, what each has to offer, and who is dead.
///
/// State of a node | meaning                               | leaves by
/// (unknown)       | never registered                      | Register
/// alive           | is heard in time                      | silence, suspicion not cleared,
/// Unregister,
///                 |                                       | another node registers from its
///                 address
/// suspected       | alive, but must be heard by a deadline | a report (alive), or the deadline
/// (dead) dead            | for ever; kept, so that it is told    | -
///
/// Changed views go to every living node, gathered for a moment; a death goes at once. With many
/// nodes they are gathered for longer, because the cost of a broadcast grows with the square of the
/// cluster. With central scheduling the head's raylet alone is told what a node has free, at once.
class NodeTable {
 public:
  explicit NodeTable(Options options) : options_(std::move(options)) {}

  /// Takes over the rows of an earlier life. Nobody is silent for what that did not hear: the
  /// living are given the time of a node that has just been heard.
  void Recover(Instant now, const Rows& rows, Outbox& out);
  void FillIn(Rows& rows) const;

  /// Nodes that this event killed, in the order of their deaths.
  using Deaths = std::vector<NodeId>;

  /// Answers `NodeRegistered`; the same when repeated. An older node at the same address dies: its
  /// daemon was started anew.
  [[nodiscard]] Deaths Register(Instant now, const RegisterNode& message, Outbox& out);
  void Report(Instant now, const NodeReport& message, Outbox& out);
  /// A node that believes to be a member and is not is told so.
  void TurnAway(NodeId node, Outbox& out) const;
  void Hear(Instant now, NodeId node);
  void Suspect(Instant now, const NodeSuspected& message, Outbox& out);
  [[nodiscard]] Deaths Unregister(const UnregisterNode& message, Outbox& out);
  [[nodiscard]] Deaths CheckHealth(Instant now, Outbox& out);
  /// Sends the changed views, unless it must wait.
  void BroadcastDue(bool must_wait, Outbox& out);
  /// Tells a dead node that it is dead.
  void TellOfDeath(NodeId node, Outbox& out) const;

  [[nodiscard]] bool IsAlive(NodeId node) const;
  [[nodiscard]] bool IsDead(NodeId node) const;
  /// Null when unknown.
  [[nodiscard]] const NodeView* Find(NodeId node) const;
  /// For people: its name, or its id when it is unknown.
  [[nodiscard]] std::string NameOf(NodeId node) const;
  [[nodiscard]] SharedVector<NodeView> Views() const;
  [[nodiscard]] const std::set<NodeId>& Living() const { return living_; }
  void CheckInvariants() const;

 private:
  struct Record {
    /// Shared with all who were told; a change makes another.
    std::shared_ptr<const NodeView> view;
    /// The last sign of life.
    Instant heard;
    /// While suspected.
    std::optional<Instant> deadline;
  };

  void Enter(const NodeInfo& info);
  void Die(NodeId node, const std::string& reason, bool tell_it, Outbox& out);
  void Log(const Record& record, Outbox& out) const;
  void Changed(NodeId node, Outbox& out);
  void ArmBroadcast(Outbox& out);
  void ArmCheck(Instant now, Outbox& out);
  void Broadcast(Outbox& out);
  void ForgiveOwnPause(Instant now);
  [[nodiscard]] std::optional<std::string> Fault(Instant now, const Record& record) const;

  Options options_;
  std::map<NodeId, Record> nodes_;
  std::set<NodeId> living_;
  /// Of the living, those that have an address.
  std::map<std::string, NodeId> living_at_;
  /// The living node that calls itself the head; nil while there is none.
  NodeId head_;
  /// Nodes whose view is to be sent out; added by changes, emptied by Broadcast.
  std::set<NodeId> changed_;
  bool broadcast_armed_ = false;
  /// When the health check is due; it runs while a node lives.
  std::optional<Instant> check_at_;
};

}  // namespace mobula::gcs
