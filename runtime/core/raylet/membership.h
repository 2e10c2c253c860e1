// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/raylet/options.h"
#include "runtime/core/raylet/outbox.h"
#include "runtime/core/scheduler/cluster_view.h"

namespace mobula::raylet {

/// What a cluster message changed.
struct ClusterNews {
  /// Nodes that are dead for ever, with the reason.
  std::vector<NodeDied> died;
  /// The GCS declared this very node dead.
  bool fenced = false;
  std::string fence_reason;
};

/// The node's part in the cluster: it registers with the GCS, reports what is free and what waits,
/// and takes in what the GCS says of the others. View: one node's.
///
/// State      | meaning                                   | leaves by
/// new        | NodeStarted has not come                  | Start
/// joining    | RegisterNode is repeated                  | NodeRegistered
/// member     | reports flow                              | Leave; news of its own death; a GCS
/// that
///            |                                           | came back (joining, as a returning
///            member)
/// left       | nothing is said any more                  | -
class Membership {
 public:
  /// `view` must outlive this.
  Membership(const Options& options, scheduler::ClusterView& view);

  void Start(Outbox& out);
  void HandleRegisterTimer(Outbox& out);
  /// What it was told meanwhile is lost.
  void HandleGcsRestarted(Outbox& out);
  /// The registration that is to be sent now, empty when none is. Whoever knows what a returning
  /// member has to say fills it in.
  [[nodiscard]] std::optional<RegisterNode> TakeRegistration() {
    return std::exchange(registration_, std::nullopt);
  }
  /// The answer to RegisterNode, and each later change. Tells the node layer of new and dead peers.
  ClusterNews HandleNodes(const SharedVector<NodeView>& nodes, Outbox& out);
  void HandleRegistered(Instant now, Outbox& out);
  /// The periodic report is due, or a change was held back long enough.
  void HandleReportTimer(TimerKind kind, Instant now, const std::vector<PendingDemand>& demand,
                         Outbox& out);
  /// Reports a change, at most every report_delay. Call after each event.
  void ReportChange(Instant now, const std::vector<PendingDemand>& demand, Outbox& out);
  void Leave(const std::string& reason, Outbox& out);
  /// A change, if there is one, may be reported or timed now.
  [[nodiscard]] bool MayReport() const { return state_ == State::kMember && !soon_armed_; }

 private:
  enum class State { kNew, kJoining, kMember, kLeft };
  void Register();
  void Report(Instant now, const std::vector<PendingDemand>& demand, Outbox& out);
  /// What can be given away: amounts that are lent out count as nothing.
  [[nodiscard]] ResourceSet Free() const;

  NodeInfo info_;
  Duration report_period_;
  Duration report_delay_;
  scheduler::ClusterView& view_;
  State state_ = State::kNew;
  std::uint64_t version_ = 0;
  Instant reported_at_;
  ResourceSet reported_free_;
  std::vector<PendingDemand> reported_demand_;
  bool soon_armed_ = false;
  bool report_armed_ = false;
  bool register_armed_ = false;
  bool was_member_ = false;
  std::string leave_reason_;
  std::optional<RegisterNode> registration_;
};

}  // namespace mobula::raylet
