// SPDX-License-Identifier: Apache-2.0
// Goal: under any order of grants, deaths, kills and restarts, no worker is used twice or left
// behind, and what may live comes to life. Method: a model of the raylets' workers driven from a
// seed.
#include <set>

#include "runtime/base/rng.h"
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

class ActorRandomTest : public ActorTest {
 protected:
  struct Lease {
    std::uint64_t node = 0;
    RequestLease request;
  };

  /// Plays the raylets: notes requests, cancellations and kills, and which workers run
  /// constructors.
  void TakeIn() {
    for (const Send& send : sent) {
      const std::uint64_t node = send.target.node.high;
      if (const auto* request = std::get_if<RequestLease>(&send.message))
        leases.push_back({node, *request});
      if (const auto* cancel = std::get_if<CancelLeaseRequest>(&send.message)) {
        // Half of the cancellations cross with the grant.
        if (rng.Below(2) == 0) {
          std::erase_if(leases,
                        [&](const Lease& l) { return l.request.request == cancel->request; });
        }
      }
      if (const auto* kill = std::get_if<KillWorker>(&send.message)) {
        EXPECT_EQ(running.erase({send.target.node, kill->worker}), 1u)
            << "killed twice, or never granted";
        constructors.erase({send.target.node, kill->worker});
      }
      if (const auto* push = std::get_if<PushTask>(&send.message)) {
        EXPECT_TRUE(running.contains(send.target));
        EXPECT_TRUE(constructors.emplace(send.target, push->spec).second)
            << "one worker, two actors";
      }
    }
    sent.clear();
  }
  void Act(const Address& source, Message message) {
    Say(source, std::move(message));
    TakeIn();
  }
  void GrantOne() {
    if (leases.empty()) return;
    const std::size_t chosen = rng.Below(leases.size());
    const Lease lease = leases[chosen];
    leases.erase(leases.begin() + static_cast<std::ptrdiff_t>(chosen));
    if (rng.Below(4) == 0) {
      Act(Daemon(lease.node), LeaseSpilled{lease.request.request, NodeNumber(1 + rng.Below(3))});
      return;
    }
    const Address worker = Worker(lease.node, ++workers);
    running.insert(worker);
    Act(Daemon(lease.node), LeaseGranted{lease.request.request, LeaseId{workers, 0}, worker, 1});
  }
  void FinishOne() {
    if (constructors.empty()) return;
    const auto [worker, spec] = *constructors.begin();
    constructors.erase(constructors.begin());
    Act(worker,
        TaskDone{spec.task, spec.attempt, {{spec.Return(0), {}, false, 0, {}}}, false, {}, {}});
  }
  void KillOneProcess() {
    if (running.empty()) return;
    auto victim = running.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(rng.Below(running.size())));
    const Address worker = *victim;
    running.erase(victim);
    constructors.erase(worker);
    Act(Address::Daemon(worker.node), ReportWorkerDied{worker, "crash", rng.Below(5) == 0});
  }
  /// Each round has actors of its own: the dead do not come back.
  TaskSpec OneOfEight() { return Creation(8 * round + 1 + rng.Below(8)); }
  void Step() {
    const ActorId actor = OneOfEight().header->actor;
    switch (rng.Below(10)) {
      case 0: {
        TaskSpec spec = OneOfEight();
        spec.header.Edit().actor_options->max_restarts =
            static_cast<std::int32_t>(rng.Below(4)) - 1;
        spec.header.Edit().actor_options->name = rng.Below(2) == 0 ? "shared" : "";
        spec.header.Edit().strategy.kind =
            rng.Below(2) == 0 ? StrategyKind::kSpread : StrategyKind::kDefault;
        Act(kDriver, RegisterActor{++requests, spec});
        return;
      }
      case 1:
        return Act(kDriver, KillActor{actor, rng.Below(3) == 0, IncarnationOf(actor)});
      case 2:
        return Act(kDriver, SubscribeActor{actor});
      case 3:
        return KillOneProcess();
      case 4:
        if (rng.Below(10) == 0) Act(kDriver, ActorOutOfScope{actor});
        return;
      default:
        return rng.Below(2) == 0 ? GrantOne() : FinishOne();
    }
  }
  std::uint32_t IncarnationOf(ActorId actor) const {
    for (const ActorView& view : gcs.Actors()) {
      if (view.actor == actor) return view.incarnation;
    }
    return 0;
  }
  void Settle() {
    for (int i = 0; i < 1000 && (!leases.empty() || !constructors.empty()); ++i) {
      GrantOne();
      FinishOne();
    }
  }

  Rng rng{1};
  std::uint64_t round = 0;
  std::vector<Lease> leases;
  std::set<Address> running;
  std::map<Address, TaskSpec> constructors;
  std::uint64_t workers = 100;
};

TEST_F(ActorRandomTest, LeavesNoWorkerBehindAndBringsToLifeWhatMayLive) {
  sent.clear();
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rng = Rng(seed);
    round = seed;
    for (int i = 0; i < 300; ++i) Step();
    Settle();
    std::set<Address> used;
    for (const ActorView& view : gcs.Actors()) {
      ASSERT_TRUE(view.state == ActorState::kAlive || view.state == ActorState::kDead)
          << ToString(view);
      if (view.state == ActorState::kAlive) used.insert(view.worker);
    }
    ASSERT_EQ(used, running);
    if (HasFailure()) return;
  }
  Say(Daemon(1), JobFinished{job});
  TakeIn();
  EXPECT_TRUE(running.empty());
}

}  // namespace
}  // namespace mobula::gcs
