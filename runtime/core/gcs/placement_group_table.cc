// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/placement_group_table.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "runtime/base/check.h"

namespace mobula::gcs {
namespace {

using Placements = std::vector<BundlePlacement>;

bool IsRemoved(const PlacementGroupView& view) {
  return view.state == PlacementGroupState::kRemoved;
}

template <class Matches>
bool AnyOf(const PlacementGroupView& view, Matches matches) {
  return std::any_of(view.bundles.begin(), view.bundles.end(), matches);
}

auto IsIn(BundlePhase phase) {
  return [phase](const BundlePlacement& bundle) { return bundle.phase == phase; };
}

/// Part of an attempt that may still be given up.
bool IsUndecided(const BundlePlacement& bundle) {
  return bundle.phase == BundlePhase::kPreparing || bundle.phase == BundlePhase::kPrepared;
}

/// "placement group "name" (0123...)".
std::string Describe(const PlacementGroupSpec& spec) {
  std::string text = "placement group ";
  if (!spec.name.empty()) text += "\"" + spec.name + "\" ";
  return text + "(" + spec.group.Hex() + ")";
}

ErrorInfo RemovedBecause(const PlacementGroupSpec& spec, const std::string& why) {
  ErrorInfo error;
  error.kind = ErrorKind::kTaskPlacementGroupRemoved;
  error.message = "The " + Describe(spec) + " was removed: " + why + ".";
  return error;
}

}  // namespace

// ---- The table
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::Recover(const Rows& rows) {
  for (const auto& [group, view] : rows.groups) Add(view);
  touched_.clear();
}

void PlacementGroupTable::FillIn(Rows& rows) const {
  for (const auto& [group, record] : groups_) rows.groups[group] = record.view;
}

void PlacementGroupTable::LogChanges(Outbox& out) {
  for (const PlacementGroupId group : std::exchange(touched_, {}))
    out.Log(PlacementGroupRow{groups_.at(group).view});
}

PlacementGroupTable::Record& PlacementGroupTable::Add(PlacementGroupView view) {
  const PlacementGroupId group = view.spec.group;
  const auto [added, is_new] = groups_.emplace(group, Record{std::move(view), next_number_++});
  CHECK(is_new) << group << " is made twice";
  const Record& record = added->second;
  if (IsRemoved(record.view)) {
    tombstones_.emplace(record.number, group);
    return added->second;
  }
  const PlacementGroupSpec& spec = record.view.spec;
  if (!spec.name.empty()) names_.emplace(std::pair(spec.ray_namespace, spec.name), group);
  if (AnyOf(record.view, IsIn(BundlePhase::kUnplaced))) unplaced_.emplace(record.number, group);
  return added->second;
}

const PlacementGroupView* PlacementGroupTable::Find(PlacementGroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second.view;
}

std::vector<PlacementGroupView> PlacementGroupTable::Views() const {
  std::vector<PlacementGroupView> views;
  for (const auto& [group, record] : groups_) views.push_back(record.view);
  return views;
}

// ---- Requests
// ---------------------------------------------------------------------------------------------

ErrorInfo PlacementGroupTable::Refusal(const PlacementGroupSpec& spec) const {
  const auto rival = names_.find({spec.ray_namespace, spec.name});
  if (!spec.name.empty() && rival != names_.end()) {
    ErrorInfo error;
    error.kind = ErrorKind::kInvalid;
    error.message = "The placement group name \"" + spec.name + "\" is taken in namespace \"" +
                    spec.ray_namespace + "\" by the one with id " + rival->second.Hex() +
                    ". Use another name, or get_placement_group to share that one.";
    return error;
  }
  if (jobs_.IsFinished(spec.job) && !spec.detached)
    return RemovedBecause(spec, "its job " + spec.job.Short() + " has finished");
  return {};
}

void PlacementGroupTable::Create(const Address& source, const CreatePlacementGroup& message,
                                 Outbox& out) {
  const PlacementGroupSpec& spec = message.spec;
  CHECK(!spec.group.IsNil() && !spec.bundles.empty()) << ToString(spec);
  if (!groups_.contains(spec.group)) {
    PlacementGroupView view;
    view.spec = spec;
    view.error = Refusal(spec);
    const bool refused = !view.error.Ok();
    if (refused) view.state = PlacementGroupState::kRemoved;
    // A repeated request must not succeed behind its sender's back: one that was refused is kept.
    if (!refused) view.bundles.resize(spec.bundles.size());
    Record& record = Add(std::move(view));
    Touch(record);
    if (refused) {
      Publish(record, out);
      ForgetOldest(out);
    } else {
      Place(record, Offers(), out);
    }
  }
  out.Send(source, PlacementGroupReply{message.request, true, groups_.at(spec.group).view});
}

void PlacementGroupTable::Remove(const Address& source, const RemovePlacementGroup& message,
                                 Outbox& out) {
  PlacementGroupReply reply{message.request, false, {}};
  const auto found = groups_.find(message.group);
  if (found != groups_.end()) {
    Record& record = found->second;
    if (!IsRemoved(record.view)) {
      End(record, RemovedBecause(record.view.spec, "remove_placement_group was called"), out);
    }
    reply.found = true;
    reply.group = record.view;
  }
  out.Send(source, std::move(reply));
}

void PlacementGroupTable::Get(const Address& source, const GetPlacementGroup& message,
                              Outbox& out) {
  PlacementGroupId group = message.group;
  if (group.IsNil()) {
    const auto named = names_.find({message.ray_namespace, message.name});
    if (named != names_.end()) group = named->second;
  }
  const PlacementGroupView* view = Find(group);
  const bool settled = view != nullptr && (view->state == PlacementGroupState::kCreated ||
                                           view->state == PlacementGroupState::kRemoved);
  if (message.when_placed && !settled && !group.IsNil()) {
    waiters_[group].emplace(source, message.request);
    return;
  }
  PlacementGroupReply reply{message.request, view != nullptr, {}};
  if (view != nullptr) reply.group = *view;
  out.Send(source, std::move(reply));
}

void PlacementGroupTable::Locate(NodeId raylet, const LocatePlacementGroup& message, Outbox& out) {
  const PlacementGroupView* view = Find(message.group);
  if (view == nullptr || !IsRemoved(*view)) subscribers_[message.group].insert(raylet);
  if (view != nullptr) out.Send(Address::Daemon(raylet), PlacementGroupUpdate{*view});
}

/// Tells those who wait for it, and raylets with requests for it, how it is now.
void PlacementGroupTable::Publish(const Record& record, Outbox& out) {
  const PlacementGroupId group = record.view.spec.group;
  const bool removed = IsRemoved(record.view);
  if (removed || record.view.state == PlacementGroupState::kCreated) {
    settled_.push_back(group);
    const auto waiting = waiters_.extract(group);
    if (!waiting.empty()) {
      for (const auto& [source, request] : waiting.mapped())
        out.Send(source, PlacementGroupReply{request, true, record.view});
    }
  }
  const auto subscribers = subscribers_.find(group);
  if (subscribers == subscribers_.end()) return;
  for (const NodeId raylet : subscribers->second)
    out.Send(Address::Daemon(raylet), PlacementGroupUpdate{record.view});
  if (removed) subscribers_.erase(subscribers);
}

// ---- Placing: phase one
// ---------------------------------------------------------------------------------------------

std::vector<Offer> PlacementGroupTable::Offers() const {
  std::vector<Offer> offers;
  for (const NodeId node : nodes_.Living()) {
    Offer offer{node, nodes_.Find(node)->available};
    const auto promised = promised_.find(node);
    if (promised != promised_.end())
      offer.available.Subtract(promised->second, /*allow_negative=*/true);
    offers.push_back(std::move(offer));
  }
  return offers;
}

bool PlacementGroupTable::Place(Record& record, const std::vector<Offer>& offers, Outbox& out) {
  PlacementGroupView& view = record.view;
  BundleDemand demand{view.spec.strategy, {}, {}};
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < view.bundles.size(); ++i) {
    if (view.bundles[i].phase == BundlePhase::kUnplaced) {
      positions.push_back(i);
      demand.bundles.push_back(view.spec.bundles[i]);
    } else {
      demand.used.insert(view.bundles[i].node);
    }
  }
  const auto places = PlaceBundles(demand, offers);
  if (!places) return false;
  Touch(record);
  unplaced_.erase(record.number);
  const std::uint64_t attempt = ++view.attempts;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    view.bundles[positions[i]] = {BundlePhase::kPreparing, (*places)[i], attempt};
    promised_[(*places)[i]].Add(demand.bundles[i]);
  }
  for (const NodeId node : std::set<NodeId>(places->begin(), places->end()))
    SendPrepare(record, node, attempt, out);
  return true;
}

void PlacementGroupTable::SendPrepare(const Record& record, NodeId node, std::uint64_t attempt,
                                      Outbox& out) const {
  const PlacementGroupView& view = record.view;
  PrepareBundles prepare{view.spec.group, attempt, {}};
  for (std::size_t i = 0; i < view.bundles.size(); ++i) {
    if (view.bundles[i].node == node && view.bundles[i].attempt == attempt)
      prepare.bundles.push_back({static_cast<std::uint32_t>(i), view.spec.bundles[i]});
  }
  out.Send(Address::Daemon(node), std::move(prepare));
}

void PlacementGroupTable::Unplace(Record& record, BundlePlacement& bundle) {
  bundle = BundlePlacement{};
  unplaced_.emplace(record.number, record.view.spec.group);
  Touch(record);
}

/// The attempt that is under way will not succeed. Who has refused it may have been asked again
/// since, and have room by then: it is told, too.
void PlacementGroupTable::AbortUndecided(Record& record, Outbox& out) {
  std::set<std::pair<NodeId, std::uint64_t>> reserved;
  for (BundlePlacement& bundle : record.view.bundles) {
    if (!IsUndecided(bundle)) continue;
    reserved.emplace(bundle.node, bundle.attempt);
    Unplace(record, bundle);
  }
  for (const auto& [node, attempt] : reserved) {
    if (nodes_.IsAlive(node))
      out.Send(Address::Daemon(node), ReturnBundles{record.view.spec.group, attempt});
  }
}

template <class Answer>
PlacementGroupTable::Record* PlacementGroupTable::Heard(NodeId raylet, const Answer& message,
                                                        BundlePhase from, BundlePhase to) {
  const auto found = groups_.find(message.group);
  if (found == groups_.end()) return nullptr;
  Record& record = found->second;
  bool expected = false;
  for (BundlePlacement& bundle : record.view.bundles) {
    if (bundle.phase != from || bundle.node != raylet || bundle.attempt != message.attempt)
      continue;
    bundle.phase = to;
    expected = true;
  }
  if (!expected) return nullptr;
  Touch(record);
  return &record;
}

void PlacementGroupTable::Prepared(NodeId raylet, const BundlesPrepared& message, Outbox& out) {
  const BundlePhase next = message.ok ? BundlePhase::kPrepared : BundlePhase::kPreparing;
  Record* const record = Heard(raylet, message, BundlePhase::kPreparing, next);
  if (record == nullptr) return;
  if (message.ok) return Advance(*record, out);
  AbortUndecided(*record, out);
  ArmRetry(out);
}

// ---- Phase two
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::Advance(Record& record, Outbox& out) {
  PlacementGroupView& view = record.view;
  CHECK(!IsRemoved(view)) << view.spec.group << " cannot come back";
  if (AnyOf(view, IsIn(BundlePhase::kUnplaced)) || AnyOf(view, IsIn(BundlePhase::kPreparing)))
    return;
  if (AnyOf(view, IsIn(BundlePhase::kPrepared))) {
    std::set<std::pair<NodeId, std::uint64_t>> prepared;
    for (BundlePlacement& bundle : view.bundles) {
      if (bundle.phase != BundlePhase::kPrepared) continue;
      bundle.phase = BundlePhase::kCommitting;
      prepared.emplace(bundle.node, bundle.attempt);
    }
    Touch(record);
    for (const auto& [node, attempt] : prepared)
      out.Send(Address::Daemon(node), CommitBundles{view.spec.group, attempt});
    return;
  }
  if (AnyOf(view, IsIn(BundlePhase::kCommitting))) return;
  if (view.state == PlacementGroupState::kCreated) return;
  view.state = PlacementGroupState::kCreated;
  Touch(record);
  Publish(record, out);
}

void PlacementGroupTable::Committed(NodeId raylet, const BundlesCommitted& message, Outbox& out) {
  if (Record* const record =
          Heard(raylet, message, BundlePhase::kCommitting, BundlePhase::kCommitted))
    Advance(*record, out);
}

// ---- Room
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::ArmRetry(Outbox& out) {
  if (unplaced_.empty() || std::exchange(retry_armed_, true)) return;
  out.StartTimer(TimerKind::kPlaceGroups, retry_delay_);
}

void PlacementGroupTable::NodeReported(NodeId node, Outbox& out) {
  promised_.erase(node);
  ArmRetry(out);
}

void PlacementGroupTable::RetryDue(Outbox& out) {
  retry_armed_ = false;
  std::vector<Offer> offers = Offers();
  for (auto next = unplaced_.begin(); next != unplaced_.end();) {
    // It leaves when it finds room.
    const auto waiting = next++;
    if (Place(groups_.at(waiting->second), offers, out)) offers = Offers();
  }
}

// ---- Ends
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::End(Record& record, ErrorInfo why, Outbox& out) {
  PlacementGroupView& view = record.view;
  CHECK(!IsRemoved(view)) << view.spec.group << " cannot end twice";
  std::set<NodeId> nodes;
  for (const BundlePlacement& bundle : view.bundles) nodes.insert(bundle.node);
  for (const NodeId node : nodes) {
    if (nodes_.IsAlive(node)) out.Send(Address::Daemon(node), ReturnBundles{view.spec.group, 0});
  }
  view.bundles.clear();
  view.state = PlacementGroupState::kRemoved;
  view.error = std::move(why);
  unplaced_.erase(record.number);
  if (!view.spec.name.empty()) names_.erase({view.spec.ray_namespace, view.spec.name});
  record.number = next_number_++;
  tombstones_.emplace(record.number, view.spec.group);
  Touch(record);
  Publish(record, out);
  ForgetOldest(out);
}

void PlacementGroupTable::ForgetOldest(Outbox& out) {
  if (tombstones_.size() <= kTombstones) return;
  const PlacementGroupId oldest = tombstones_.begin()->second;
  tombstones_.erase(tombstones_.begin());
  groups_.erase(oldest);
  touched_.erase(oldest);
  out.Log(PlacementGroupForgotten{oldest});
}

void PlacementGroupTable::JobFinished(JobId job, Outbox& out) {
  // What an end forgets is another one, that had ended before.
  for (auto& [group, record] : groups_) {
    const PlacementGroupSpec& spec = record.view.spec;
    if (spec.job != job || spec.detached || IsRemoved(record.view)) continue;
    End(record,
        RemovedBecause(spec, "its job " + job.Short() +
                                 " finished; with lifetime=\"detached\" it would live on"),
        out);
  }
}

template <class Gone>
void PlacementGroupTable::DropWaiters(Gone gone) {
  for (auto& [group, waiting] : waiters_)
    std::erase_if(waiting, [&](const Waiter& waiter) { return gone(waiter.first); });
  std::erase_if(waiters_, [](const auto& entry) { return entry.second.empty(); });
}

void PlacementGroupTable::WorkerDied(WorkerId worker) {
  DropWaiters([=](const Address& address) { return address.worker == worker; });
}

void PlacementGroupTable::NodeDied(NodeId node, Outbox& out) {
  promised_.erase(node);
  DropWaiters([=](const Address& address) { return address.node == node; });
  for (auto& [group, raylets] : subscribers_) raylets.erase(node);
  std::erase_if(subscribers_, [](const auto& entry) { return entry.second.empty(); });
  for (auto& [group, record] : groups_) {
    PlacementGroupView& view = record.view;
    const auto is_there = [=](const BundlePlacement& bundle) { return bundle.node == node; };
    if (!AnyOf(view, is_there)) continue;
    // Whatever is under way was chosen for a group that had what it has lost now.
    AbortUndecided(record, out);
    for (BundlePlacement& bundle : view.bundles) {
      if (is_there(bundle)) Unplace(record, bundle);
    }
    if (view.state != PlacementGroupState::kCreated) continue;
    view.state = PlacementGroupState::kRescheduling;
    Publish(record, out);
  }
  ArmRetry(out);
}

// ---- Reconciliation
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::Reconcile(const RegisterNode& message, Outbox& out) {
  const NodeId node = message.info.node;
  std::map<std::tuple<PlacementGroupId, std::uint32_t, std::uint64_t>, bool> held;
  std::set<std::pair<PlacementGroupId, std::uint64_t>> unwanted;
  for (const HeldBundle& bundle : message.bundles) {
    held[{bundle.group, bundle.index, bundle.attempt}] = bundle.committed;
    const PlacementGroupView* view = Find(bundle.group);
    const bool wanted = view != nullptr && bundle.index < view->bundles.size() &&
                        view->bundles[bundle.index].node == node &&
                        view->bundles[bundle.index].attempt == bundle.attempt;
    if (!wanted) unwanted.emplace(bundle.group, bundle.attempt);
  }
  for (const auto& [group, attempt] : unwanted)
    out.Send(Address::Daemon(node), ReturnBundles{group, attempt});
  for (auto& [group, record] : groups_) {
    std::set<std::uint64_t> prepare;
    std::set<std::uint64_t> commit;
    bool changed = false;
    PlacementGroupView& view = record.view;
    for (std::size_t i = 0; i < view.bundles.size(); ++i) {
      BundlePlacement& bundle = view.bundles[i];
      if (bundle.node != node) continue;
      const auto found = held.find({group, static_cast<std::uint32_t>(i), bundle.attempt});
      const bool is_held = found != held.end();
      const bool is_committed = is_held && found->second;
      if (bundle.phase == BundlePhase::kPreparing) {
        // The answer may be lost, or the question.
        if (!is_held) prepare.insert(bundle.attempt);
        if (is_held) bundle.phase = BundlePhase::kPrepared;
        changed = changed || is_held;
      } else if (!is_held) {
        // It was sure to be there; whatever became of it, it is not.
        Unplace(record, bundle);
        changed = true;
      } else if (bundle.phase == BundlePhase::kCommitting) {
        if (!is_committed) commit.insert(bundle.attempt);
        if (is_committed) bundle.phase = BundlePhase::kCommitted;
        changed = changed || is_committed;
      }
    }
    for (const std::uint64_t attempt : prepare) SendPrepare(record, node, attempt, out);
    for (const std::uint64_t attempt : commit)
      out.Send(Address::Daemon(node), CommitBundles{group, attempt});
    if (!changed) continue;
    Touch(record);
    if (AnyOf(view, IsIn(BundlePhase::kUnplaced))) {
      AbortUndecided(record, out);
      if (view.state == PlacementGroupState::kCreated) {
        view.state = PlacementGroupState::kRescheduling;
        Publish(record, out);
      }
    }
    Advance(record, out);
  }
  ArmRetry(out);
}

// ---- Invariants
// ---------------------------------------------------------------------------------------------

void PlacementGroupTable::CheckInvariants() const {
  std::size_t named = 0;
  std::size_t removed = 0;
  std::size_t waiting = 0;
  for (const auto& [group, record] : groups_) {
    const PlacementGroupView& view = record.view;
    CHECK(view.spec.group == group);
    if (IsRemoved(view)) {
      ++removed;
      CHECK(view.bundles.empty() && tombstones_.at(record.number) == group) << group;
      CHECK(!subscribers_.contains(group) && !waiters_.contains(group))
          << group << " is waited for";
      continue;
    }
    CHECK(view.bundles.size() == view.spec.bundles.size()) << group;
    named += view.spec.name.empty() ? 0 : 1;
    std::optional<std::uint64_t> undecided;
    for (const BundlePlacement& bundle : view.bundles) {
      const bool unplaced = bundle.phase == BundlePhase::kUnplaced;
      CHECK(unplaced == bundle.node.IsNil() && unplaced == (bundle.attempt == 0)) << group;
      CHECK(unplaced || nodes_.IsAlive(bundle.node)) << group << " has a bundle on a dead node";
      CHECK(bundle.attempt <= view.attempts) << group;
      CHECK(!IsUndecided(bundle) || undecided.value_or(bundle.attempt) == bundle.attempt)
          << group << " has two attempts under way";
      if (IsUndecided(bundle)) undecided = bundle.attempt;
    }
    for (const BundlePlacement& bundle : view.bundles) {
      CHECK(bundle.attempt != undecided || IsUndecided(bundle))
          << group << ": attempt " << *undecided << " is decided in part";
    }
    const bool lacks = AnyOf(view, IsIn(BundlePhase::kUnplaced));
    CHECK(!lacks || !undecided) << group << " is being placed in part";
    CHECK(lacks == unplaced_.contains(record.number)) << group << " must wait for room";
    waiting += lacks ? 1 : 0;
    const bool whole =
        std::all_of(view.bundles.begin(), view.bundles.end(), IsIn(BundlePhase::kCommitted));
    CHECK(whole == (view.state == PlacementGroupState::kCreated)) << group;
  }
  CHECK(named == names_.size() && removed == tombstones_.size() && waiting == unplaced_.size());
  CHECK(removed <= kTombstones);
}

}  // namespace mobula::gcs
