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
  EXPECT_THAT(Of<PeerChanged>(joined), SizeIs(1));
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
  ASSERT_THAT(Of<PeerChanged>(died), SizeIs(1));
  EXPECT_FALSE(Of<PeerChanged>(died)[0].alive);
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

}  // namespace
}  // namespace mobula::raylet
