// SPDX-License-Identifier: Apache-2.0
// Goal: the node joins, reports, learns of others' deaths and of its own, and leaves in order.
// Method: GCS messages and timers in, effects compared.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MembershipTest : public RayletFixture {};

TEST_F(MembershipTest, RegistersUntilTheGcsAnswersThenReports) {
  EXPECT_THAT(Sent<RegisterNode>(Do(NodeStarted{})), SizeIs(1));
  EXPECT_THAT(Sent<RegisterNode>(Fire(TimerKind::kRegisterNode)), SizeIs(1));
  const Effects joined = HearGcs(NodeRegistered{{Told(2, Cpus(1), Cpus(1))}});
  ASSERT_THAT(Of<PeersChanged>(joined), SizeIs(1));
  EXPECT_EQ(Of<PeersChanged>(joined)[0].joined.size(), 1u);
  const auto reports = Sent<NodeReport>(joined);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].second.version, 1u);
  EXPECT_THAT(Fire(TimerKind::kRegisterNode), IsEmpty());
}

TEST_F(MembershipTest, ReportsPeriodicallyWithGrowingVersions) {
  Join();
  now_ = now_ + Milliseconds(500);
  const Effects fired = Fire(TimerKind::kReport);
  ASSERT_THAT(Sent<NodeReport>(fired), SizeIs(1));
  EXPECT_EQ(Sent<NodeReport>(fired)[0].second.version, 2u);
  ASSERT_THAT(Of<StartTimer>(fired), SizeIs(1));
  EXPECT_EQ(Of<StartTimer>(fired)[0].delay, Milliseconds(500));
}

TEST_F(MembershipTest, ReportsChangesAtMostEveryReportDelay) {
  JoinWithDriver();
  now_ = now_ + Milliseconds(5);
  const Effects first = Hear(kDriver, Request(1, Cpus(1)));
  EXPECT_THAT(Sent<NodeReport>(first), IsEmpty());
  Hear(kDriver, Request(2, Cpus(1)));
  Hear(kDriver, Request(3, Cpus(1)));
  now_ = now_ + Milliseconds(15);
  const auto reports = Sent<NodeReport>(Fire(TimerKind::kReportSoon));
  ASSERT_THAT(reports, SizeIs(1));
  const NodeReport& report = reports[0].second;
  EXPECT_EQ(report.available.Get("CPU"), 0);
  EXPECT_THAT(report.demand, ElementsAre(PendingDemand{Cpus(1), "f", 1, false}));
  EXPECT_THAT(Sent<NodeReport>(Fire(TimerKind::kReportSoon)), IsEmpty()) << "nothing changed since";
}

TEST_F(MembershipTest, ReportsInfeasibleDemandAndNoNegativeAmounts) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(2));
  Hear(granted.worker, TaskBlocked{granted.worker.worker});
  Lease(2, Cpus(2));
  Hear(granted.worker, TaskUnblocked{granted.worker.worker});
  Hear(kDriver, Request(3, Cpus(50)));
  now_ = now_ + Milliseconds(500);
  const auto reports = Sent<NodeReport>(Fire(TimerKind::kReport));
  EXPECT_EQ(reports[0].second.available, ResourceSet::Of({{"GPU", 1}, {"custom", 1}}));
  EXPECT_THAT(reports[0].second.demand, ElementsAre(PendingDemand{Cpus(50), "f", 1, true}));
}

TEST_F(MembershipTest, TellsItsProcessesAndTheNodeLayerOfADeadNodeOnce) {
  JoinWithDriver({Told(2, Cpus(1), {})});
  const LeaseGranted granted = Lease(1, Cpus(1));
  const Effects died = HearGcs(ClusterChanged{{Dead(2, "no report for 2 s")}});
  const NodeDied death{Node(2), "no report for 2 s"};
  EXPECT_THAT(
      Sent<NodeDied>(died),
      testing::UnorderedElementsAre(std::pair(kDriver, death), std::pair(granted.worker, death)));
  ASSERT_THAT(Of<PeersChanged>(died), SizeIs(1));
  EXPECT_EQ(Of<PeersChanged>(died)[0].died.size(), 1u);
  EXPECT_THAT(HearGcs(ClusterChanged{{Dead(2)}}), IsEmpty());
}

TEST_F(MembershipTest, ItsOwnDeathEndsEveryProcessAndThenTheNode) {
  JoinWithDriver();
  Lease(1, Cpus(1));
  const Effects fenced = HearGcs(ClusterChanged{{Dead(1, "silent")}});
  EXPECT_THAT(Of<KillProcess>(fenced), SizeIs(2)) << "the worker and the driver";
  ASSERT_FALSE(fenced.empty());
  EXPECT_EQ(fenced.back(), Effect(Fenced{"silent"}));
  EXPECT_THAT(HearGcs(ClusterChanged{{Dead(1)}}), IsEmpty());
  EXPECT_THAT(Fire(TimerKind::kReport), IsEmpty());
}

TEST_F(MembershipTest, LeavesWhenItsLastWorkerIsGone) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  const Effects stopping = Do(StopRequested{"scaled down"});
  EXPECT_THAT(Sent<UnregisterNode>(stopping),
              ElementsAre(std::pair(Address::Gcs(), UnregisterNode{kSelf, "scaled down"})));
  EXPECT_THAT(Of<KillProcess>(stopping),
              ElementsAre(KillProcess{granted.worker.worker, "scaled down"}));
  EXPECT_THAT(Of<Stopped>(stopping), IsEmpty());
  EXPECT_THAT(Of<Fenced>(HearGcs(ClusterChanged{{Dead(1)}})), IsEmpty()) << "as it wished";
  EXPECT_THAT(Of<Stopped>(Do(ProcessExited{granted.worker.worker, "signal 9"})), SizeIs(1));
}

TEST_F(MembershipTest, AnEmptyNodeLeavesAtOnceAndServesNothingMore) {
  Join();
  EXPECT_THAT(Of<Stopped>(Do(StopRequested{"done"})), SizeIs(1));
  EXPECT_THAT(Hear(Remote(7), Request(1, Cpus(1), Remote(7))), IsEmpty());
}

class GcsRestartTest : public RayletFixture {
 protected:
  Effects ComeBack() { return HearGcs(GcsRestarted{Node(2), "n2", Node(2)}); }
  static RequestLease ActorRequest(std::uint64_t request) {
    RequestLease message = Request(request, Cpus(1), Address::Gcs());
    message.actor = ActorId{0, request};
    return message;
  }
};

TEST_F(GcsRestartTest, SaysWhatItHas) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(ActorRequest(7));
  HearGcs(ActorRequest(8));
  const auto sent = Sent<RegisterNode>(ComeBack());
  ASSERT_THAT(sent, SizeIs(1));
  const RegisterNode& message = sent[0].second;
  EXPECT_TRUE(message.returning);
  EXPECT_THAT(message.processes,
              testing::UnorderedElementsAre(kDriver.worker, granted.worker.worker));
  EXPECT_THAT(message.actor_leases, ElementsAre(ActorLease{7, ActorId{0, 7}, granted.worker.worker},
                                                ActorLease{8, ActorId{0, 8}, WorkerId{}}));
  EXPECT_THAT(message.running_jobs, ElementsAre(kJob));
}

TEST_F(GcsRestartTest, SaysItUntilItIsHeardThenReportsAsBefore) {
  Join();
  EXPECT_THAT(Sent<RegisterNode>(ComeBack()), SizeIs(1));
  EXPECT_THAT(Sent<RegisterNode>(ComeBack()), SizeIs(1)) << "it crashed again";
  EXPECT_THAT(Sent<RegisterNode>(Fire(TimerKind::kRegisterNode)), SizeIs(1));
  now_ = now_ + Milliseconds(500);
  EXPECT_THAT(Sent<NodeReport>(Fire(TimerKind::kReport)), IsEmpty());
  const Effects joined = HearGcs(NodeRegistered{});
  EXPECT_THAT(Sent<NodeReport>(joined), SizeIs(1));
  EXPECT_THAT(Of<StartTimer>(joined), SizeIs(1)) << "the timer that ran out was the last";
  EXPECT_THAT(Fire(TimerKind::kRegisterNode), IsEmpty());
}

TEST_F(GcsRestartTest, KeepsOneReportTimer) {
  Join();
  ComeBack();
  EXPECT_THAT(Of<StartTimer>(HearGcs(NodeRegistered{})), IsEmpty());
}

TEST_F(GcsRestartTest, RepeatsTheDeathsThatAreNotRecorded) {
  JoinWithDriver();
  const LeaseGranted first = Lease(1, Cpus(1));
  const LeaseGranted second = Lease(2, Cpus(1));
  Hear(first.worker, WorkerExiting{first.worker.worker, "exit_actor"});
  Do(ProcessExited{first.worker.worker, "closed"});
  Do(ProcessExited{second.worker.worker, "signal 9"});
  HearGcs(WorkerDeathRecorded{second.worker.worker});
  const Effects effects = ComeBack();
  const auto reports = Sent<ReportWorkerDied>(effects);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].second, (ReportWorkerDied{first.worker, "exit_actor", true}));
  const auto& sent = Of<Send>(effects);
  EXPECT_TRUE(std::holds_alternative<ReportWorkerDied>(sent[0].message))
      << "before the registration that lacks the process";
}

TEST_F(GcsRestartTest, TellsItsProcesses) {
  JoinWithDriver();
  const auto told = Sent<GcsRestarted>(ComeBack());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].first, kDriver);
}

TEST_F(GcsRestartTest, AnswersARepeatedLeaseRequestAgain) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(ActorRequest(7));
  ComeBack();
  const auto again = Sent<LeaseGranted>(HearGcs(ActorRequest(7)));
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].second, granted);
}

}  // namespace
}  // namespace mobula::raylet
