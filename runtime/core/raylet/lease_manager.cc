// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/lease_manager.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::raylet {
namespace {

constexpr std::uint64_t kLeaseSalt = 0x6C65617365;  // "lease"

using scheduler::Decision;

/// Whether the bundle that is asked for, or any, could hold it.
bool CouldHold(const PlacementGroupView& group, const RequestLease& message) {
  for (std::size_t i = 0; i < group.spec.bundles.size(); ++i) {
    if (message.strategy.AllowsBundle(i) && group.spec.bundles[i].Covers(message.resources))
      return true;
  }
  return false;
}

/// For people: which nodes only.
std::string Where(const RequestLease& message) {
  const bool labels = message.strategy.kind == StrategyKind::kNodeLabel;
  return labels ? " among those whose labels its NodeLabelSchedulingStrategy asks for" : "";
}

}  // namespace

LeaseManager::LeaseManager(const Options& options, scheduler::ClusterView& view,
                           scheduler::Scheduler& scheduler, WorkerPool& pool, JobTable& jobs,
                           GpuTable& gpus, BundleTable& bundles, GroupDirectory& groups)
    : tick_period_(options.report_period),
      stuck_patience_(options.stuck_patience),
      bugs_(options.bugs),
      view_(view),
      scheduler_(scheduler),
      pool_(pool),
      jobs_(jobs),
      gpus_(gpus),
      bundles_(bundles),
      groups_(groups) {}

// ---- Requests -----------------------------------------------------------------------------------

void LeaseManager::HandleRequest(Instant now, const RequestLease& message, Outbox& out) {
  const RequestKey key{message.owner.worker, message.request};
  if (queue_.Find(key) != nullptr) {
    queue_.SetBacklog(key, message.backlog);
    return;
  }
  const Lease* lease = leases_.FindByRequest(key);
  if (lease != nullptr && !bugs_.Has(Bug::kGrantsTwice)) {
    out.Send(message.owner, Answer(*lease));
    return;
  }
  queue_.Add(now, message);
  changed_ = true;
}

void LeaseManager::HandleCancel(const CancelLeaseRequest& message) {
  const RequestKey key{message.owner.worker, message.request};
  if (queue_.Find(key) != nullptr) Drop(key);
}

void LeaseManager::Drop(const RequestKey& key) {
  const QueuedRequest& request = *queue_.Find(key);
  if (request.phase == RequestPhase::kWaitingForWorker)
    Release(request.bundle, request.message.resources, request.gpus);
  queue_.Remove(key);
  changed_ = true;
}

void LeaseManager::Release(const std::optional<BundleKey>& bundle, const ResourceSet& resources,
                           const GpuShares& gpus) {
  if (bundle) {
    bundles_.Leave(*bundle, resources, gpus);
  } else {
    view_.ReleaseLocal(resources);
    gpus_.Give(gpus);
  }
}

std::optional<GpuShares> LeaseManager::FindRoom(const ResourceSet& need) const {
  if (!view_.Self().Available().Covers(need)) return std::nullopt;
  return gpus_.Find(need);
}

LeaseGranted LeaseManager::Answer(const Lease& lease) const {
  return {lease.request.request,
          lease.id,
          {view_.Self().node, lease.worker},
          pool_.Find(lease.worker)->pid,
          NumbersOf(lease.gpus)};
}

void LeaseManager::Refuse(const RequestKey& key, ErrorInfo error, Outbox& out) {
  const RequestLease& message = queue_.Find(key)->message;
  error.actor = message.actor;
  out.Send(message.owner, LeaseRefused{message.request, std::move(error)});
  Drop(key);
}

void LeaseManager::Tick(Instant now, Outbox& out) {
  queue_.RetryUnknownNodes();
  view_.AgeDebits();
  changed_ = true;
  if (AllWait()) TellStuck(now, out);
}

bool LeaseManager::AllWait() const {
  const auto& leases = leases_.InOrder();
  if (queue_.Classes().empty() || !queue_.Waiting().empty() || leases.empty()) return false;
  const auto waits = [](const auto& entry) { return entry.second.blocked; };
  return std::ranges::all_of(leases, waits) &&
         std::ranges::all_of(view_.Nodes(), [&](const scheduler::NodeEntry& entry) {
           return entry.node == view_.Self().node || entry.Available() == entry.Total();
         });
}

void LeaseManager::TellStuck(Instant now, Outbox& out) {
  for (auto& [number, requests] : queue_.Classes()) {
    const auto& [sequence, key] = *requests.order.begin();
    const QueuedRequest& head = *queue_.Find(key);
    const JobView* job = jobs_.Find(head.message.job);
    if (requests.infeasible || requests.stuck_told_for == sequence || job == nullptr) continue;
    if (now < head.arrived_at + stuck_patience_) continue;
    requests.stuck_told_for = sequence;
    std::set<std::string> holders;
    for (const auto& [order, lease] : leases_.InOrder()) holders.insert(lease.request.name);
    std::string names;
    for (const std::string& name : holders) names += (names.empty() ? "" : ", ") + name;
    out.Send(
        job->driver,
        DeadlockFound{{},
                      "Deadlock: " + head.message.name + " waits for " +
                          head.message.resources.ToString() + " on node " + view_.Self().Name() +
                          ", and all who have resources there wait in get or wait: " + names +
                          ". Nothing else runs that could give any back; the node needs more, "
                          "or they must ask for less."});
  }
}

void LeaseManager::Schedule(Instant now, Outbox& out) {
  if (!std::exchange(changed_, false)) return;
  // Classes take turns until none of them gets any further.
  queue_.StartRound();
  std::size_t stuck = 0;
  while (stuck < queue_.Classes().size()) {
    stuck = TryHead(now, queue_.NextClass(), out) ? 0 : stuck + 1;
  }
  AssignWorkers(now, out);
  Reclaim(now, out);
  groups_.ForgetRemoved();
  changed_ = false;
}

bool LeaseManager::TryHead(Instant now, RequestClass& requests, Outbox& out) {
  if (requests.key.strategy.kind == StrategyKind::kPlacementGroup)
    return TryHeadInGroup(now, requests, out);
  const ResourceSet& need = requests.key.resources;
  std::optional<GpuShares> gpus = FindRoom(need);
  if (!gpus && requests.decided_at == view_.Version()) return false;
  requests.decided_at = view_.Version();
  const RequestKey key = requests.order.begin()->second;
  const QueuedRequest& request = *queue_.Find(key);
  const RequestLease& message = request.message;
  const Decision decision = scheduler_.Decide(message, view_);
  requests.infeasible = decision.kind == Decision::Kind::kInfeasible;
  requests.node_unknown = decision.kind == Decision::Kind::kUnknownNode;
  switch (decision.kind) {
    case Decision::Kind::kLocal:
      if (!gpus) return false;
      view_.AcquireLocal(need);
      gpus_.Take(*gpus);
      queue_.Acquired(key, std::nullopt, *std::move(gpus));
      return true;
    case Decision::Kind::kSpill:
      view_.Debit(decision.node, need);
      out.Send(message.owner, LeaseSpilled{message.request, decision.node});
      queue_.Remove(key);
      return true;
    case Decision::Kind::kInfeasible:
      TellInfeasible(requests, out);
      return false;
    case Decision::Kind::kUnknownNode:
      // A node that just joined may be known to the owner before it is known here.
      if (now < request.arrived_at + tick_period_) return false;
      RefuseHead(key, decision.reason, out);
      return true;
    case Decision::Kind::kRefuse:
      RefuseHead(key, decision.reason, out);
      return true;
  }
  return false;
}

/// Other living nodes whose bundles could hold it, in the order of their ids from the own one on.
std::vector<NodeId> LeaseManager::GroupNodes(const PlacementGroupView& group,
                                             const RequestLease& message) const {
  const NodeId self = view_.Self().node;
  std::set<NodeId> nodes;
  for (std::size_t i = 0; i < group.bundles.size(); ++i) {
    const BundlePlacement& bundle = group.bundles[i];
    if (!message.strategy.AllowsBundle(i)) continue;
    if (bundle.phase != BundlePhase::kCommitted || bundle.node == self) continue;
    if (!group.spec.bundles[i].Covers(message.resources)) continue;
    if (view_.Find(bundle.node) != nullptr) nodes.insert(bundle.node);
  }
  std::vector<NodeId> order(nodes.upper_bound(self), nodes.end());
  order.insert(order.end(), nodes.begin(), nodes.upper_bound(self));
  return order;
}

/// It goes from bundle to bundle, first at once and then at every tick, until one has room: nobody
/// is told what bundles elsewhere have free.
bool LeaseManager::TryHeadInGroup(Instant now, const RequestClass& requests, Outbox& out) {
  const RequestKey key = requests.order.begin()->second;
  const QueuedRequest& request = *queue_.Find(key);
  const RequestLease& message = request.message;
  const SchedulingStrategy& strategy = message.strategy;
  if (const BundleKey* room = bundles_.FindRoom(strategy, message.resources)) {
    const BundleKey bundle = *room;
    GpuShares gpus = *bundles_.Gpus(bundle).Find(message.resources);
    bundles_.Enter(bundle, message.resources, gpus);
    queue_.Acquired(key, bundle, std::move(gpus));
    return true;
  }
  const PlacementGroupView* group = groups_.FindOrAsk(strategy.group, out);
  if (group == nullptr) return false;
  if (group->state == PlacementGroupState::kRemoved) {
    ErrorInfo error;
    error.kind = message.actor.IsNil() ? ErrorKind::kTaskPlacementGroupRemoved
                                       : ErrorKind::kActorPlacementGroupRemoved;
    error.message = message.name + " cannot run. " + group->error.message;
    Refuse(key, std::move(error), out);
    return true;
  }
  const std::vector<NodeId> nodes = GroupNodes(*group, message);
  const bool is_here = !bundles_.Usable(strategy, message.resources).empty();
  if (nodes.empty()) {
    // What it has was told when it was created, and stays so.
    if (is_here || group->state != PlacementGroupState::kCreated) return false;
    if (!CouldHold(*group, message)) {
      RefuseHead(key,
                 "It needs " + message.resources.ToString() +
                     ", which no bundle of its placement group has.",
                 out);
      return true;
    }
    return false;
  }
  if (is_here && message.spill_count > nodes.size() && now < request.arrived_at + tick_period_)
    return false;
  const NodeId next = nodes[message.spill_count == 0 ? turn_++ % nodes.size() : 0];
  out.Send(message.owner, LeaseSpilled{message.request, next});
  queue_.Remove(key);
  return true;
}

void LeaseManager::RefuseHead(const RequestKey& key, const std::string& reason, Outbox& out) {
  const RequestLease& message = queue_.Find(key)->message;
  ErrorInfo error;
  error.kind =
      message.actor.IsNil() ? ErrorKind::kTaskUnschedulable : ErrorKind::kActorUnschedulable;
  error.message = message.name + " cannot be scheduled. " + reason;
  Refuse(key, std::move(error), out);
}

void LeaseManager::TellInfeasible(RequestClass& requests, Outbox& out) {
  for (auto next = requests.order.upper_bound(requests.told_up_to); next != requests.order.end();
       ++next) {
    const RequestLease& message = queue_.Find(next->second)->message;
    out.Send(message.owner,
             LeaseInfeasible{message.request,
                             message.name + " needs " + message.Needed().ToString() +
                                 ", which no node of the cluster has in total" + Where(message) +
                                 ". It waits until a node that does joins."});
    requests.told_up_to = next->first;
  }
}

// ---- Workers ------------------------------------------------------------------------------------

void LeaseManager::AssignWorkers(Instant now, Outbox& out) {
  std::vector<PoolKey> kinds;
  for (const auto& [kind, waiting] : queue_.Waiting()) kinds.push_back(kind);
  for (const PoolKey& kind : kinds) {
    while (true) {
      const auto waiting = queue_.Waiting().find(kind);
      if (waiting == queue_.Waiting().end()) break;
      const auto worker = pool_.TakeIdle(kind);
      if (!worker) {
        const JobView* job = jobs_.FindOrAsk(kind.job, out);
        if (job != nullptr) {
          pool_.EnsureStarting(now, kind, waiting->second.size(), job->config, out);
        }
        break;
      }
      Grant(waiting->second.begin()->second, *worker, out);
    }
  }
}

void LeaseManager::Grant(const RequestKey& key, WorkerId worker, Outbox& out) {
  const QueuedRequest& request = *queue_.Find(key);
  Lease lease;
  lease.id = LeaseId::Derive(view_.Self().node, kLeaseSalt, next_lease_++);
  lease.worker = worker;
  lease.request = request.message;
  lease.bundle = request.bundle;
  lease.gpus = request.gpus;
  out.Send(request.message.owner, Answer(lease));
  leases_.Add(std::move(lease));
  queue_.Remove(key);
}

void LeaseManager::HandleReturn(Instant now, LeaseId id, Outbox& out) {
  if (leases_.Find(id) == nullptr) return;
  const Lease lease = leases_.Remove(id);
  Release(lease.bundle, lease.Held(), lease.gpus);
  pool_.ReturnToIdle(now, lease.worker, out);
  changed_ = true;
}

void LeaseManager::SetBlocked(WorkerId worker, bool blocked) {
  Lease* lease = leases_.FindByWorker(worker);
  if (lease == nullptr || lease->blocked == blocked) return;
  if (bugs_.Has(Bug::kKeepsCpuWhileBlocked)) return;
  lease->blocked = blocked;
  const ResourceSet cpu = CpuPart(lease->request.resources);
  if (blocked && lease->bundle) {
    bundles_.Lend(*lease->bundle, cpu);
  } else if (blocked) {
    view_.ReleaseLocal(cpu);
  } else if (lease->bundle) {
    bundles_.Resume(*lease->bundle, cpu);
  } else {
    view_.ResumeLocal(cpu);
  }
  if (blocked) changed_ = true;
}

void LeaseManager::HandleOwnerDied(WorkerId owner, Outbox& out) {
  if (bugs_.Has(Bug::kKeepsLeasesOfTheDead)) return;
  for (const RequestKey& key : queue_.OfOwner(owner)) Drop(key);
  for (const LeaseId id : leases_.OfOwner(owner)) {
    Lease& lease = *leases_.Find(id);
    lease.ending = true;
    pool_.Kill(lease.worker, "The process that leased it died.", /*intended=*/false, out);
  }
}

void LeaseManager::HandleReturned(Instant now, const ReturnBundles& message, Outbox& out) {
  changed_ = true;
  const std::vector<BundleKey> in_use = bundles_.Return(message);
  if (in_use.empty()) return;
  const auto is_returned = [&](const std::optional<BundleKey>& bundle) {
    return bundle && std::find(in_use.begin(), in_use.end(), *bundle) != in_use.end();
  };
  for (auto& [number, lease] : leases_.InOrder()) {
    if (!is_returned(lease.bundle)) continue;
    lease.ending = true;
    pool_.Kill(lease.worker, "Its placement group was removed.", /*intended=*/false, out);
  }
  std::vector<RequestLease> waiting;
  for (const auto& [key, request] : queue_.Requests()) {
    if (is_returned(request.bundle)) waiting.push_back(request.message);
  }
  for (const RequestLease& request : waiting) {
    Drop({request.owner.worker, request.request});
    queue_.Add(now, request);
  }
}

void LeaseManager::HandleWorkerDied(const WorkerExit& exit, Outbox& out) {
  changed_ = true;
  if (const Lease* lease = leases_.FindByWorker(exit.worker.id)) {
    const Lease ended = leases_.Remove(lease->id);
    Release(ended.bundle, ended.Held(), ended.gpus);
  }
  if (!exit.gave_up) return;
  const auto waiting = queue_.Waiting().find(exit.worker.key);
  if (waiting == queue_.Waiting().end()) return;
  ErrorInfo error;
  error.kind =
      exit.worker.key.runtime_env.empty() ? ErrorKind::kWorkerCrashed : ErrorKind::kRuntimeEnvSetup;
  error.message = "No worker process could be started on node " + view_.Self().Name() + " in " +
                  std::to_string(WorkerPool::kStartAttempts) +
                  " attempts. The last one: " + exit.reason;
  const auto refused = waiting->second;
  for (const auto& [sequence, key] : refused) Refuse(key, error, out);
}

// ---- Reclaiming ---------------------------------------------------------------------------------

void LeaseManager::Reclaim(Instant now, Outbox& out) {
  for (auto& [number, requests] : queue_.Classes()) {
    const ClassKey& wanted = requests.key;
    const bool in_group = wanted.strategy.kind == StrategyKind::kPlacementGroup;
    const bool fits = in_group ? bundles_.FindRoom(wanted.strategy, wanted.resources) != nullptr
                               : FindRoom(wanted.resources).has_value();
    if (requests.infeasible || fits) continue;
    // Once per head, and again when that was of no use for a while.
    const std::uint64_t head = requests.order.begin()->first;
    if (requests.reclaimed_for == head && now < requests.reclaimed_at + tick_period_) continue;
    requests.reclaimed_for = head;
    requests.reclaimed_at = now;
    if (!in_group) {
      ReclaimFrom(now, std::nullopt, requests, out);
      continue;
    }
    for (const BundleKey& bundle : bundles_.Usable(wanted.strategy, wanted.resources)) {
      if (ReclaimFrom(now, bundle, requests, out)) break;
    }
  }
}

/// Asks for as many leases back, oldest first, as the head of the class needs, and for none when
/// all of them would not be enough. The owner's leases of the same class are left alone: it would
/// use them for this very request. So are those of owners that would have less than this one has
/// now: owners that always have tasks waiting end with equal shares, and keep them.
bool LeaseManager::ReclaimFrom(Instant now, const std::optional<BundleKey>& bundle,
                               const RequestClass& requests, Outbox& out) {
  const WorkerId owner = requests.order.begin()->second.first;
  const ResourceSet& need = requests.key.resources;
  ResourceSet soon = bundle ? bundles_.Available(*bundle) : view_.Self().Available();
  // What each holds for tasks, or will as soon as there is a process, and was not asked for.
  std::map<WorkerId, ResourceSet> shares;
  for (const auto& [pool, waiting] : queue_.Waiting()) {
    for (const auto& [sequence, key] : waiting) {
      const QueuedRequest& request = *queue_.Find(key);
      if (request.bundle == bundle && request.message.actor.IsNil())
        shares[key.first].Add(request.message.resources);
    }
  }
  for (const auto& [number, lease] : leases_.InOrder()) {
    if (lease.bundle != bundle) continue;
    if (lease.request.actor.IsNil() && !lease.ending && !lease.reclaimed)
      shares[lease.request.owner.worker].Add(lease.Held());
    const bool asked = lease.reclaimed && now < lease.reclaimed_at + tick_period_;
    if (lease.ending || asked) soon.Add(lease.Held());
  }
  std::vector<Lease*> chosen;
  for (auto& [number, lease] : leases_.InOrder()) {
    if (soon.Covers(need)) break;
    if (lease.bundle != bundle) continue;
    const WorkerId holder = lease.request.owner.worker;
    const bool own = holder == owner && ClassKey::Of(lease.request) == requests.key;
    if (own || lease.ending || lease.reclaimed || !lease.request.actor.IsNil()) continue;
    const ResourceSet held = lease.Held();
    const bool helps = std::any_of(need.units.begin(), need.units.end(), [&](const auto& wanted) {
      const auto& [kind, units] = wanted;
      const auto left = shares[holder].Units(kind) - held.Units(kind);
      const bool may = holder == owner || left >= shares[owner].Units(kind);
      return may && soon.Units(kind) < units && held.Units(kind) > 0;
    });
    if (!helps) continue;
    chosen.push_back(&lease);
    shares[holder].Subtract(held);
    soon.Add(held);
  }
  if (!soon.Covers(need)) return false;
  for (Lease* lease : chosen) {
    lease->reclaimed = true;
    lease->reclaimed_at = now;
    out.Send(lease->request.owner, ReclaimLease{lease->id});
  }
  return true;
}

// ---- Queries ------------------------------------------------------------------------------------

std::vector<PendingDemand> LeaseManager::Demand() const {
  std::vector<PendingDemand> demand;
  for (const auto& [number, requests] : queue_.Classes()) {
    const RequestLease& head = queue_.Find(requests.order.begin()->second)->message;
    demand.push_back({head.Needed(), head.name, static_cast<std::uint32_t>(requests.order.size()),
                      requests.infeasible});
  }
  return demand;
}

std::vector<ActorLease> LeaseManager::OfActors() const {
  std::vector<ActorLease> held;
  for (const auto& [number, lease] : leases_.InOrder()) {
    if (lease.request.owner.IsGcs())
      held.push_back({lease.request.request, lease.request.actor, lease.worker});
  }
  // The GCS is the owner without a worker's id.
  for (const RequestKey& key : queue_.OfOwner(WorkerId{})) {
    const RequestLease& request = queue_.Find(key)->message;
    held.push_back({request.request, request.actor, WorkerId{}});
  }
  return held;
}

void LeaseManager::CheckInvariants() const {
  queue_.CheckInvariants();
  leases_.CheckInvariants();
  ResourceSet sum = view_.Self().Available();
  sum.Add(bundles_.Reserved());
  GpuShares gpus = gpus_.Free();
  bundles_.AddGpus(gpus);
  BundleTable::Usage usage;
  const auto account = [&](const std::optional<BundleKey>& bundle, const ResourceSet& held,
                           const GpuShares& numbered) {
    std::int64_t count = 0;
    GpuShares& shares = bundle ? usage[*bundle].gpus : gpus;
    for (const auto& [gpu, share] : numbered) {
      shares[gpu] += share;
      count += share;
    }
    CHECK(count == held.Units(ResourceSet::kGpu)) << "holds other GPUs than it says";
    if (!bundle) return sum.Add(held);
    usage[*bundle].resources.Add(held);
    ++usage[*bundle].count;
  };
  for (const auto& [number, lease] : leases_.InOrder()) {
    account(lease.bundle, lease.Held(), lease.gpus);
    const Worker* worker = pool_.Find(lease.worker);
    CHECK(worker != nullptr && worker->state == WorkerState::kLeased) << lease.worker;
  }
  for (const auto& [kind, waiting] : queue_.Waiting()) {
    for (const auto& [sequence, key] : waiting) {
      const QueuedRequest& request = *queue_.Find(key);
      account(request.bundle, request.message.resources, request.gpus);
    }
  }
  bundles_.CheckInvariants(usage);
  CHECK(sum == view_.Self().Total())
      << "resources are " << sum.ToString() << ", should be " << view_.Self().Total().ToString();
  CHECK(gpus == gpus_.All()) << "a GPU was given twice, or lost";
  const auto leased =
      std::count_if(pool_.Workers().begin(), pool_.Workers().end(),
                    [](const auto& entry) { return entry.second.state == WorkerState::kLeased; });
  CHECK(static_cast<std::size_t>(leased) == leases_.InOrder().size());
}

}  // namespace mobula::raylet
