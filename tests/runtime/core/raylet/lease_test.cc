// SPDX-License-Identifier: Apache-2.0
// Goal: each rule by which leases are granted, sent on, refused, lent out and ended. Method: one
// raylet with 2 CPUs, 1 GPU and 1 "custom", a driver on the same node; requests in, messages and
// free resources compared.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LeaseTest : public RayletFixture {
 protected:
  std::vector<std::uint64_t> Granted(const Effects& effects) {
    std::vector<std::uint64_t> requests;
    for (const auto& [target, message] : Sent<LeaseGranted>(effects)) {
      requests.push_back(message.request);
    }
    return requests;
  }
};

TEST_F(LeaseTest, TakesResourcesThenStartsAProcessThenGrants) {
  JoinWithDriver();
  const Effects asked = Hear(kDriver, Request(1, Cpus(1)));
  const auto started = Of<StartProcess>(asked);
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].job, kJob);
  EXPECT_EQ(started[0].job_config.ray_namespace, "space");
  EXPECT_EQ(FreeCpus(), 1);
  const auto granted = Sent<LeaseGranted>(Register(started[0].worker));
  ASSERT_THAT(granted, SizeIs(1));
  EXPECT_EQ(granted[0].first, kDriver);
  EXPECT_EQ(granted[0].second.worker, (Address{kSelf, started[0].worker}));
  EXPECT_EQ(granted[0].second.pid, 1000u);
}

TEST_F(LeaseTest, ReturnedWorkersServeTheNextRequestOfTheirKind) {
  JoinWithDriver();
  const LeaseGranted first = Lease(1, Cpus(1));
  Return(first);
  EXPECT_EQ(FreeCpus(), 2);
  const LeaseGranted second = Lease(2, Cpus(2));
  EXPECT_EQ(second.worker, first.worker);
  EXPECT_NE(second.lease, first.lease);
}

TEST_F(LeaseTest, ARepeatedRequestGetsTheSameAnswerAndNoSecondWorker) {
  JoinWithDriver();
  Hear(kDriver, Request(1, Cpus(1)));
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(1, Cpus(1)))), IsEmpty());
  const LeaseGranted other = Lease(2, Cpus(1));
  const auto again = Sent<LeaseGranted>(Hear(kDriver, Request(2, Cpus(1))));
  EXPECT_THAT(again, IsEmpty()) << "the first worker to come serves request 1";
  EXPECT_EQ(other.request, 1u);
  const auto repeated = Sent<LeaseGranted>(Hear(kDriver, Request(1, Cpus(1))));
  ASSERT_THAT(repeated, SizeIs(1));
  EXPECT_EQ(repeated[0].second, other);
}

TEST_F(LeaseTest, GrantsFractionsAndCustomResourcesExactly) {
  JoinWithDriver();
  const ResourceSet tenth = ResourceSet::Of({{"CPU", 0.1}, {"custom", 0.5}});
  Lease(1, tenth);
  Lease(2, tenth);
  EXPECT_EQ(raylet_.Available(), ResourceSet::Of({{"CPU", 1.8}, {"GPU", 1}}));
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(3, tenth))), IsEmpty()) << "custom is used up";
}

TEST_F(LeaseTest, ARequestForNothingRunsOnAFullNode) {
  JoinWithDriver();
  Lease(1, Cpus(2));
  Lease(2, {});
  EXPECT_EQ(FreeCpus(), 0);
}

TEST_F(LeaseTest, ServesClassesInTurnAndEachInOrder) {
  JoinWithDriver();
  const ResourceSet all = Cpus(2);
  const ResourceSet all_and_gpu = ResourceSet::Of({{"CPU", 2}, {"GPU", 1}});
  LeaseGranted holder = Lease(1, all);
  for (const std::uint64_t request : {2, 3}) Hear(kDriver, Request(request, all));
  for (const std::uint64_t request : {4, 5}) Hear(kDriver, Request(request, all_and_gpu));
  std::vector<std::uint64_t> order;
  for (int turn = 0; turn < 4; ++turn) {
    const auto granted = Sent<LeaseGranted>(Return(holder));
    ASSERT_THAT(granted, SizeIs(1));
    holder = granted[0].second;
    order.push_back(holder.request);
  }
  EXPECT_THAT(order, ElementsAre(2, 4, 3, 5));
}

// Whoever gives a lease back so that others get on, and asks again at once, must not be first.
TEST_F(LeaseTest, AClassThatComesAgainGoesLast) {
  JoinWithDriver();
  const ResourceSet all = Cpus(2);
  LeaseGranted holder = Lease(1, all);
  Hear(kDriver, Request(2, ResourceSet::Of({{"CPU", 2}, {"GPU", 1}})));
  Hear(kDriver, Request(3, all));
  EXPECT_THAT(Granted(Return(holder)), ElementsAre(2));
}

TEST_F(LeaseTest, CancelledRequestsGiveTheirResourcesBack) {
  JoinWithDriver();
  const auto started = Of<StartProcess>(Hear(kDriver, Request(1, Cpus(2))));
  Hear(kDriver, Request(2, Cpus(2)));
  Hear(kDriver, CancelLeaseRequest{2, kDriver});
  Hear(kDriver, CancelLeaseRequest{1, kDriver});
  EXPECT_EQ(FreeCpus(), 2);
  EXPECT_THAT(Granted(Register(started[0].worker)), IsEmpty());
  EXPECT_EQ(StateOf(started[0].worker), "idle");
  Hear(kDriver, CancelLeaseRequest{1, kDriver});
}

TEST_F(LeaseTest, SendsOnWhatAnotherNodeHasRoomFor) {
  JoinWithDriver({Told(2, Cpus(4), Cpus(1))});
  Lease(1, Cpus(2));
  const auto spilled = Sent<LeaseSpilled>(Hear(kDriver, Request(2, Cpus(1))));
  ASSERT_THAT(spilled, SizeIs(1));
  EXPECT_EQ(spilled[0].second.node, Node(2));
  EXPECT_THAT(Sent<LeaseSpilled>(Hear(kDriver, Request(3, Cpus(1)))), IsEmpty())
      << "the room there is taken by the first";
  const auto later = Sent<LeaseSpilled>(HearGcs(ClusterChanged{{Told(2, Cpus(4), Cpus(1), 2)}}));
  ASSERT_THAT(later, SizeIs(1)) << "queued requests look again when the view changes";
  EXPECT_EQ(later[0].second.request, 3u);
}

TEST_F(LeaseTest, TellsOnceThatNoNodeCouldHoldItAndServesItWhenOneJoins) {
  JoinWithDriver();
  const auto told = Sent<LeaseInfeasible>(Hear(kDriver, Request(1, Cpus(8))));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0].second.message, HasSubstr("f needs {CPU: 8}"));
  EXPECT_THAT(Sent<LeaseInfeasible>(HearGcs(ClusterChanged{{Told(2, Cpus(4), Cpus(4))}})),
              IsEmpty());
  const Effects second = Hear(kDriver, Request(2, Cpus(8)));
  ASSERT_THAT(Sent<LeaseInfeasible>(second), SizeIs(1));
  EXPECT_EQ(Sent<LeaseInfeasible>(second)[0].second.request, 2u);
  const auto spilled = Sent<LeaseSpilled>(HearGcs(ClusterChanged{{Told(3, Cpus(8), Cpus(8))}}));
  EXPECT_THAT(spilled, SizeIs(2));
}

TEST_F(LeaseTest, RefusesHardAffinityToADeadNode) {
  JoinWithDriver({Dead(2)});
  RequestLease request = Request(1, Cpus(1));
  request.strategy = {StrategyKind::kNodeAffinity, Node(2), /*soft=*/false, {}, 0, false};
  const auto refused = Sent<LeaseRefused>(Hear(kDriver, request));
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].second.error.kind, ErrorKind::kTaskUnschedulable);
  EXPECT_THAT(refused[0].second.error.message, HasSubstr("is dead"));
}

TEST_F(LeaseTest, GivesWordOfAnUnknownNodeTimeToArrive) {
  JoinWithDriver();
  RequestLease request = Request(1, Cpus(1));
  request.strategy = {StrategyKind::kNodeAffinity, Node(2), /*soft=*/false, {}, 0, false};
  EXPECT_THAT(Sent<LeaseRefused>(Hear(kDriver, request)), IsEmpty());
  request.request = 2;
  request.strategy.node = Node(3);
  Hear(kDriver, request);
  const auto spilled = Sent<LeaseSpilled>(HearGcs(ClusterChanged{{Told(2, Cpus(1), Cpus(1))}}));
  EXPECT_THAT(spilled, SizeIs(1));
  now_ = now_ + Milliseconds(500);
  const auto refused = Sent<LeaseRefused>(Fire(TimerKind::kReport));
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].second.error.message, HasSubstr("not part of the cluster"));
}

TEST_F(LeaseTest, ABlockedTaskLendsItsCpuButNothingElse) {
  JoinWithDriver();
  const ResourceSet need = ResourceSet::Of({{"CPU", 2}, {"GPU", 1}});
  const LeaseGranted granted = Lease(1, need);
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  EXPECT_EQ(raylet_.Available(), ResourceSet::Of({{"CPU", 2}, {"custom", 1}}));
  const LeaseGranted other = Lease(2, Cpus(1));
  Hear(granted.worker, TaskUnblocked{granted.worker.worker});
  EXPECT_EQ(FreeCpus(), -1) << "it goes on at once; the lent CPU comes back when the other ends";
  Return(other);
  EXPECT_EQ(FreeCpus(), 0);
  Return(granted);
  EXPECT_EQ(FreeCpus(), 2);
}

TEST_F(LeaseTest, AWorkerThatDiesWhileBlockedGivesBackOnlyWhatItHolds) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, ResourceSet::Of({{"CPU", 2}, {"GPU", 1}}));
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  Do(ProcessExited{granted.worker.worker, "killed"});
  EXPECT_EQ(raylet_.Available(), ResourceSet::Of({{"CPU", 2}, {"GPU", 1}, {"custom", 1}}));
  Return(granted);
  EXPECT_EQ(FreeCpus(), 2) << "a late return finds nothing";
}

TEST_F(LeaseTest, TheWorkersOfADeadOwnerAreEndedAndItsRequestsDropped) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  RequestLease remote = Request(1, Cpus(2), Remote(7));
  const Effects asked = Hear(remote.owner, remote);
  ASSERT_THAT(Sent<WatchWorker>(asked), SizeIs(1));
  EXPECT_EQ(Sent<WatchWorker>(asked)[0].first, Address::Daemon(Node(2)));
  const WorkerId worker = Of<StartProcess>(asked)[0].worker;
  Register(worker);
  Hear(remote.owner, Request(2, Cpus(2), Remote(7)));
  Hear(kDriver, Request(3, Cpus(2)));
  const Effects died = Hear(Address::Daemon(Node(2)), WorkerDied{Remote(7), "killed", false});
  ASSERT_THAT(Of<KillProcess>(died), SizeIs(1));
  EXPECT_EQ(Of<KillProcess>(died)[0].worker, worker);
  EXPECT_EQ(FreeCpus(), 0) << "until the process is gone";
  const Effects exited = Do(ProcessExited{worker, "signal 9"});
  EXPECT_THAT(Of<StartProcess>(exited), SizeIs(1)) << "for request 3";
  EXPECT_EQ(FreeCpus(), 0);
}

TEST_F(LeaseTest, OwnersDieWithTheirNode) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  Hear(Remote(7), Request(1, Cpus(2), Remote(7)));
  EXPECT_EQ(FreeCpus(), 0);
  HearGcs(ClusterChanged{{Dead(2)}});
  EXPECT_EQ(FreeCpus(), 2);
  Hear(Remote(8), Request(1, Cpus(2), Remote(8)));
  EXPECT_EQ(FreeCpus(), 2) << "a request that was on its way when the node died";
}

TEST_F(LeaseTest, ReclaimsOneLeaseForEachWaitingRequestOfAnotherKindOnce) {
  JoinWithDriver();
  const LeaseGranted first = Lease(1, Cpus(1));
  const LeaseGranted second = Lease(2, Cpus(1));
  RequestLease other = Request(3, Cpus(1));
  other.runtime_env = "env";
  const auto reclaimed = Sent<ReclaimLease>(Hear(kDriver, other));
  ASSERT_THAT(reclaimed, SizeIs(1));
  EXPECT_EQ(reclaimed[0].second.lease, first.lease) << "the oldest";
  EXPECT_THAT(Sent<ReclaimLease>(Fire(TimerKind::kReport)), IsEmpty());
  now_ = now_ + Milliseconds(500);
  const auto later = Sent<ReclaimLease>(Fire(TimerKind::kReport));
  ASSERT_THAT(later, SizeIs(1)) << "the first may be busy for long";
  EXPECT_EQ(later[0].second.lease, second.lease);
  now_ = now_ + Milliseconds(500);
  EXPECT_THAT(Sent<ReclaimLease>(Fire(TimerKind::kReport)), IsEmpty());
}

TEST_F(LeaseTest, DoesNotReclaimForTheSameWorkOfTheSameOwnerNorFromActorsNorInVain) {
  JoinWithDriver();
  Lease(1, Cpus(1));
  RequestLease actor = Request(1, Cpus(1), Address::Gcs());
  actor.actor = ActorId{0, 3};
  Lease(actor);
  EXPECT_THAT(Sent<ReclaimLease>(Hear(kDriver, Request(2, Cpus(1)))), IsEmpty());
  EXPECT_THAT(Sent<ReclaimLease>(Hear(kDriver, Request(3, Cpus(2)))), IsEmpty())
      << "the actor keeps one of the two";
}

TEST_F(LeaseTest, OwnersThatAlwaysWantMoreEndWithEqualShares) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  const auto of_another = [](std::uint64_t number) {
    RequestLease request = Request(number, Cpus(1), Remote(7));
    request.runtime_env = "env";
    return request;
  };
  const LeaseGranted first = Lease(1, Cpus(1));
  Lease(2, Cpus(1));
  const auto reclaimed = Sent<ReclaimLease>(Hear(Remote(7), of_another(1)));
  ASSERT_THAT(reclaimed, SizeIs(1)) << "one has two, the other none";
  Return(first);
  EXPECT_EQ(FreeCpus(), 0) << "it waits for a worker now";
  EXPECT_THAT(Sent<ReclaimLease>(Hear(Remote(7), of_another(2))), IsEmpty());
  EXPECT_THAT(Sent<ReclaimLease>(Hear(kDriver, Request(3, Cpus(1)))), IsEmpty());
  now_ = now_ + Milliseconds(500);
  EXPECT_THAT(Sent<ReclaimLease>(Fire(TimerKind::kReport)), IsEmpty());
}

TEST_F(LeaseTest, AnActorsLeaseLastsUntilItsWorkerDies) {
  JoinWithDriver();
  RequestLease actor = Request(1, Cpus(1), Address::Gcs());
  actor.actor = ActorId{0, 3};
  const LeaseGranted granted = Lease(actor);
  EXPECT_EQ(StateOf(granted.worker.worker), "actor");
  const Effects killed = HearGcs(KillWorker{granted.worker.worker, "ray.kill"});
  EXPECT_THAT(Of<KillProcess>(killed), ElementsAre(KillProcess{granted.worker.worker, "ray.kill"}));
  const auto reported = Sent<ReportWorkerDied>(Do(ProcessExited{granted.worker.worker, "signal"}));
  ASSERT_THAT(reported, SizeIs(1));
  EXPECT_EQ(reported[0].second, (ReportWorkerDied{granted.worker, "ray.kill", false}));
  EXPECT_EQ(FreeCpus(), 2);
}

TEST_F(LeaseTest, OnlyTheGcsKillsWorkers) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  EXPECT_THAT(Of<KillProcess>(Hear(kDriver, KillWorker{granted.worker.worker, "no"})), IsEmpty());
}

TEST_F(LeaseTest, WarnsWhenAllWhoHaveResourcesWait) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, ResourceSet::Of({{"CPU", 1}, {"custom", 1}}));
  Hear(granted.worker, Request(1, ResourceSet::Of({{"custom", 1}}), granted.worker));
  now_ = now_ + Seconds(20);
  EXPECT_THAT(Sent<DeadlockFound>(Fire(TimerKind::kReport)), IsEmpty()) << "it runs";
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  const auto told = Sent<DeadlockFound>(Fire(TimerKind::kReport));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].first, kDriver);
  EXPECT_THAT(told[0].second.message, HasSubstr("custom"));
  EXPECT_THAT(Sent<DeadlockFound>(Fire(TimerKind::kReport)), IsEmpty()) << "once";
}

TEST_F(LeaseTest, DoesNotWarnOfAWaitWhileOtherNodesAreBusy) {
  JoinWithDriver({Told(2, Cpus(2), Cpus(1))});
  const LeaseGranted granted = Lease(1, ResourceSet::Of({{"CPU", 1}, {"custom", 1}}));
  Hear(granted.worker, Request(1, ResourceSet::Of({{"custom", 1}}), granted.worker));
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  now_ = now_ + Seconds(20);
  EXPECT_THAT(Sent<DeadlockFound>(Fire(TimerKind::kReport)), IsEmpty());
}

}  // namespace
}  // namespace mobula::raylet
