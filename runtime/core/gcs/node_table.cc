// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/node_table.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::gcs {
namespace {

/// Living nodes per broadcast_delay of gathering.
constexpr std::int64_t kNodesPerDelay = 64;

std::string SecondsText(Duration span) {
  std::ostringstream text;
  text << span.Seconds() << " s";
  return text.str();
}

}  // namespace

void NodeTable::Recover(Instant now, const Rows& rows, Outbox& out) {
  for (const auto& [node, row] : rows.nodes) {
    NodeView view;
    view.info = row.info;
    view.alive = row.alive;
    view.death_reason = row.death_reason;
    // Until it reports, as when it joined.
    if (row.alive) view.available = row.info.total;
    Record& record = nodes_[node];
    record.view = std::make_shared<NodeView>(std::move(view));
    record.heard = now;
    out.Announce({row.info, row.alive, row.death_reason});
    if (row.alive) Enter(row.info);
  }
  if (!living_.empty()) ArmCheck(now, out);
}

/// It lives.
void NodeTable::Enter(const NodeInfo& info) {
  living_.insert(info.node);
  if (!info.address.empty()) living_at_[info.address] = info.node;
  if (info.is_head) head_ = info.node;
}

void NodeTable::FillIn(Rows& rows) const {
  for (const auto& [node, record] : nodes_) {
    rows.nodes[node] = {record.view->info, record.view->alive, record.view->death_reason};
  }
}

void NodeTable::Log(const Record& record, Outbox& out) const {
  out.Log(NodeRow{record.view->info, record.view->alive, record.view->death_reason});
}

NodeTable::Deaths NodeTable::Register(Instant now, const RegisterNode& message, Outbox& out) {
  const NodeInfo& info = message.info;
  CHECK(!info.node.IsNil()) << "a node without an id wants to join";
  CHECK(!IsDead(info.node)) << "the dead are turned away before this";
  Deaths deaths;
  const auto other = living_at_.find(info.address);
  if (other != living_at_.end() && other->second != info.node) deaths.push_back(other->second);
  for (const NodeId dead : deaths) Die(dead, "its daemon was started anew", false, out);

  const auto [found, added] = nodes_.try_emplace(info.node);
  Record& record = found->second;
  record.heard = now;
  if (added) {
    NodeView view;
    view.info = info;
    view.available = info.total;
    record.view = std::make_shared<NodeView>(std::move(view));
    Enter(info);
    Log(record, out);
    out.Announce({info, true, ""});
    out.Tell("node " + NameOf(info.node) + " joined with " + info.total.ToString());
    Changed(info.node, out);
  }
  out.Send(Address::Daemon(info.node), NodeRegistered{Views()});
  if (!check_at_) ArmCheck(now, out);
  return deaths;
}

void NodeTable::ArmCheck(Instant now, Outbox& out) {
  check_at_ = now + options_.check_period;
  out.StartTimer(TimerKind::kCheckHealth, options_.check_period);
}

void NodeTable::TurnAway(NodeId node, Outbox& out) const {
  // It has to come back as a new node.
  NodeView view;
  view.info.node = node;
  view.alive = false;
  view.death_reason = "the GCS does not know this node";
  out.Send(Address::Daemon(node), ClusterChanged{{view}});
}

void NodeTable::Report(Instant now, const NodeReport& message, Outbox& out) {
  const auto found = nodes_.find(message.node);
  if (found == nodes_.end()) {
    TurnAway(message.node, out);
    return;
  }
  Record& record = found->second;
  if (!record.view->alive) {
    TellOfDeath(message.node, out);
    return;
  }
  Hear(now, message.node);
  if (message.version <= record.view->version) return;
  NodeView view = *record.view;
  // The first since it joined, or since the GCS came back: until now its resources were guessed,
  // and others may know better and older.
  const bool changed =
      view.version == 0 || view.available != message.available || view.demand != message.demand;
  view.version = message.version;
  view.available = message.available;
  view.demand = message.demand;
  record.view = std::make_shared<NodeView>(std::move(view));
  if (!changed) return;
  if (options_.central_scheduling && !head_.IsNil()) {
    out.Send(Address::Daemon(head_), ClusterChanged{std::vector{record.view}});
  } else {
    Changed(message.node, out);
  }
}

void NodeTable::Hear(Instant now, NodeId node) {
  if (!IsAlive(node)) return;
  Record& record = nodes_.at(node);
  record.heard = now;
  record.deadline.reset();
}

void NodeTable::Suspect(Instant now, const NodeSuspected& message, Outbox& out) {
  if (!IsAlive(message.node)) return;
  Record& record = nodes_.at(message.node);
  if (record.deadline) return;
  record.deadline = now + options_.suspicion_timeout;
  out.Tell("node " + NameOf(message.node) + " is suspected: " + message.reason);
}

NodeTable::Deaths NodeTable::Unregister(const UnregisterNode& message, Outbox& out) {
  if (!IsAlive(message.node)) return {};
  // It knows, and is ending its workers in order.
  Die(message.node, "it left: " + message.reason, false, out);
  return {message.node};
}

std::optional<std::string> NodeTable::Fault(Instant now, const Record& record) const {
  if (now - record.heard >= options_.node_timeout) {
    return "it was silent for " + SecondsText(now - record.heard);
  }
  if (record.deadline && now >= *record.deadline) {
    return "its connections broke and it was not heard within " +
           SecondsText(options_.suspicion_timeout);
  }
  return std::nullopt;
}

/// A check that comes late means that this process stood still; the reports of that time are still
/// on their way, so nobody was silent for it.
void NodeTable::ForgiveOwnPause(Instant now) {
  const Duration late = now - *check_at_;
  if (late < options_.check_period) return;
  for (const NodeId node : living_) {
    Record& record = nodes_.at(node);
    record.heard = std::min(now, record.heard + late);
    if (record.deadline) record.deadline = *record.deadline + late;
  }
}

NodeTable::Deaths NodeTable::CheckHealth(Instant now, Outbox& out) {
  CHECK(check_at_) << "a health check that nobody asked for";
  ForgiveOwnPause(now);
  Deaths deaths;
  std::vector<std::string> reasons;
  for (const NodeId node : living_) {
    if (std::optional<std::string> fault = Fault(now, nodes_.at(node))) {
      deaths.push_back(node);
      reasons.push_back(std::move(*fault));
    }
  }
  for (std::size_t i = 0; i < deaths.size(); ++i) Die(deaths[i], reasons[i], true, out);
  check_at_.reset();
  if (!living_.empty()) ArmCheck(now, out);
  return deaths;
}

void NodeTable::Die(NodeId node, const std::string& reason, bool tell_it, Outbox& out) {
  Record& record = nodes_.at(node);
  CHECK(record.view->alive) << node << " cannot die twice";
  NodeView view = *record.view;
  view.alive = false;
  view.death_reason = reason;
  view.available = ResourceSet();
  view.demand.clear();
  record.view = std::make_shared<NodeView>(std::move(view));
  record.deadline.reset();
  living_.erase(node);
  const auto place = living_at_.find(record.view->info.address);
  if (place != living_at_.end() && place->second == node) living_at_.erase(place);
  if (node == head_) head_ = NodeId{};
  Log(record, out);
  changed_.insert(node);
  if (tell_it) TellOfDeath(node, out);
  Broadcast(out);
  out.Announce({record.view->info, false, reason});
  out.Tell("node " + NameOf(node) + " is dead: " + reason);
}

void NodeTable::Changed(NodeId node, Outbox& out) {
  changed_.insert(node);
  if (!broadcast_armed_) ArmBroadcast(out);
}

void NodeTable::ArmBroadcast(Outbox& out) {
  broadcast_armed_ = true;
  const std::int64_t factor = 1 + static_cast<std::int64_t>(living_.size()) / kNodesPerDelay;
  out.StartTimer(TimerKind::kBroadcast, options_.broadcast_delay * factor);
}

void NodeTable::BroadcastDue(bool must_wait, Outbox& out) {
  broadcast_armed_ = false;
  if (!must_wait) {
    Broadcast(out);
  } else if (!changed_.empty()) {
    ArmBroadcast(out);
  }
}

void NodeTable::Broadcast(Outbox& out) {
  if (changed_.empty()) return;
  std::vector<std::shared_ptr<const NodeView>> views;
  for (const NodeId node : changed_) views.push_back(nodes_.at(node).view);
  const ClusterChanged news{std::move(views)};
  for (const NodeId node : living_) out.Send(Address::Daemon(node), news);
  changed_.clear();
}

void NodeTable::TellOfDeath(NodeId node, Outbox& out) const {
  CHECK(IsDead(node)) << node << " lives";
  out.Send(Address::Daemon(node), ClusterChanged{{*nodes_.at(node).view}});
}

bool NodeTable::IsAlive(NodeId node) const { return living_.contains(node); }

bool NodeTable::IsDead(NodeId node) const {
  const NodeView* view = Find(node);
  return view != nullptr && !view->alive;
}

const NodeView* NodeTable::Find(NodeId node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : found->second.view.get();
}

std::string NodeTable::NameOf(NodeId node) const {
  const NodeView* view = Find(node);
  return view == nullptr || view->info.name.empty() ? node.Short() : view->info.name;
}

SharedVector<NodeView> NodeTable::Views() const {
  std::vector<std::shared_ptr<const NodeView>> views;
  views.reserve(nodes_.size());
  for (const auto& [node, record] : nodes_) views.push_back(record.view);
  return views;
}

void NodeTable::CheckInvariants() const {
  for (const auto& [node, record] : nodes_) {
    CHECK(record.view->info.node == node) << node;
    CHECK(record.view->alive == living_.contains(node)) << node;
    CHECK(record.view->alive || (record.view->available.IsEmpty() && !record.deadline))
        << node << " is dead and offers something";
  }
  CHECK(changed_.empty() || broadcast_armed_) << "changed views will not be sent";
  CHECK(living_.empty() || check_at_) << "nobody looks after the living";
}

}  // namespace mobula::gcs
