// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/membership.h"

namespace mobula::raylet {
namespace {

constexpr Duration kRegisterRepeat = Milliseconds(500);

}  // namespace

Membership::Membership(const Options& options, scheduler::ClusterView& view)
    : info_(options.info),
      report_period_(options.report_period),
      report_delay_(options.scheduling.IsCentral() ? Duration{} : options.report_delay),
      view_(view) {}

void Membership::Start(Outbox& out) {
  if (state_ != State::kNew) return;
  state_ = State::kJoining;
  HandleRegisterTimer(out);
}

void Membership::HandleRegisterTimer(Outbox& out) {
  register_armed_ = false;
  if (state_ != State::kJoining) return;
  Register();
  register_armed_ = true;
  out.StartTimer(TimerKind::kRegisterNode, 0, kRegisterRepeat);
}

void Membership::Register() {
  registration_.emplace();
  registration_->info = info_;
  registration_->returning = was_member_;
}

void Membership::HandleGcsRestarted(Outbox& out) {
  if (state_ == State::kLeft && was_member_) out.SendGcs(UnregisterNode{info_.node, leave_reason_});
  if (state_ == State::kNew || state_ == State::kLeft) return;
  state_ = State::kJoining;
  if (register_armed_) {
    Register();
  } else {
    HandleRegisterTimer(out);
  }
}

void Membership::HandleRegistered(Instant now, Outbox& out) {
  if (state_ != State::kJoining) return;
  state_ = State::kMember;
  was_member_ = true;
  Report(now, reported_demand_, out);
  if (std::exchange(report_armed_, true)) return;
  out.StartTimer(TimerKind::kReport, 0, report_period_);
}

ClusterNews Membership::HandleNodes(const SharedVector<NodeView>& nodes, Outbox& out) {
  ClusterNews news;
  std::vector<std::shared_ptr<const NodeInfo>> joined;
  std::vector<std::shared_ptr<const NodeInfo>> died;
  for (const auto& [position, change] : view_.Apply(nodes)) {
    const NodeView& node = nodes[position];
    if (change == scheduler::ViewChange::kSelf) {
      if (node.alive) continue;
      news.fenced = true;
      news.fence_reason = node.death_reason;
      continue;
    }
    const bool is_dead = change == scheduler::ViewChange::kDied;
    (is_dead ? died : joined).emplace_back(nodes.Share(position), &node.info);
    if (is_dead) news.died.push_back({node.info.node, node.death_reason});
  }
  if (!joined.empty() || !died.empty()) out.Emit(PeersChanged{std::move(joined), std::move(died)});
  return news;
}

ResourceSet Membership::Free() const {
  ResourceSet free = view_.Self().Available();
  std::erase_if(free.units, [](const auto& entry) { return entry.second < 0; });
  return free;
}

void Membership::Report(Instant now, const std::vector<PendingDemand>& demand, Outbox& out) {
  reported_at_ = now;
  reported_free_ = Free();
  reported_demand_ = demand;
  out.SendGcs(NodeReport{info_.node, ++version_, reported_free_, reported_demand_});
}

void Membership::HandleReportTimer(TimerKind kind, Instant now,
                                   const std::vector<PendingDemand>& demand, Outbox& out) {
  (kind == TimerKind::kReportSoon ? soon_armed_ : report_armed_) = false;
  if (state_ != State::kMember) return;
  if (kind == TimerKind::kReport) {
    Report(now, demand, out);
    report_armed_ = true;
    out.StartTimer(TimerKind::kReport, 0, report_period_);
  } else {
    ReportChange(now, demand, out);
  }
}

void Membership::ReportChange(Instant now, const std::vector<PendingDemand>& demand, Outbox& out) {
  if (!MayReport()) return;
  if (reported_demand_ == demand && reported_free_ == Free()) return;
  const Instant allowed_at = reported_at_ + report_delay_;
  if (allowed_at <= now) return Report(now, demand, out);
  soon_armed_ = true;
  out.StartTimer(TimerKind::kReportSoon, 0, allowed_at - now);
}

void Membership::Leave(const std::string& reason, Outbox& out) {
  if (state_ == State::kLeft) return;
  if (state_ != State::kNew) out.SendGcs(UnregisterNode{info_.node, reason});
  state_ = State::kLeft;
  leave_reason_ = reason;
}

}  // namespace mobula::raylet
