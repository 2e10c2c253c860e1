// SPDX-License-Identifier: Apache-2.0
// Goal: processes are started when needed, retried when they fail, kept for reuse and ended when
// not needed; drivers get their job, watchers hear of deaths. Method: events in, effects compared.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class WorkerPoolTest : public RayletFixture {
 protected:
  /// The wait between two starts, as `effects` ask for it; zero when they do not.
  static Duration BackoffIn(const Effects& effects) {
    for (const StartTimer& timer : Of<StartTimer>(effects)) {
      if (timer.timer.kind == static_cast<std::uint32_t>(TimerKind::kStartBackoff)) {
        return timer.delay;
      }
    }
    return Duration{};
  }
  Effects PassBackoff(Duration span) {
    now_ = now_ + span;
    return Fire(TimerKind::kStartBackoff);
  }
};

TEST_F(WorkerPoolTest, BoundsHowManyProcessesStartAtOnce) {
  JoinWithDriver();
  std::vector<StartProcess> started;
  for (std::uint64_t request = 1; request <= 10; ++request) {
    for (const auto& start : Of<StartProcess>(Hear(kDriver, Request(request, {})))) {
      started.push_back(start);
    }
  }
  EXPECT_THAT(started, SizeIs(4)) << "two per CPU";
  EXPECT_THAT(Of<StartProcess>(Register(started[0].worker)), SizeIs(1));
}

TEST_F(WorkerPoolTest, RetriesAFailedStartThenRefusesWithTheReason) {
  JoinWithDriver();
  RequestLease request = Request(1, Cpus(1));
  request.runtime_env = "env";
  auto started = Of<StartProcess>(Hear(kDriver, request));
  for (int attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_THAT(started, SizeIs(1));
    const Effects failed = Do(ProcessExited{started[0].worker, "no such module"});
    EXPECT_THAT(Of<StartProcess>(failed), IsEmpty()) << "not at once";
    EXPECT_EQ(BackoffIn(failed), Milliseconds(250) * attempt);
    EXPECT_THAT(Of<StartProcess>(Fire(TimerKind::kReport)), IsEmpty()) << "nor before its time";
    started = Of<StartProcess>(PassBackoff(BackoffIn(failed)));
  }
  ASSERT_THAT(started, SizeIs(1));
  const Effects last = Do(ProcessExited{started[0].worker, "no such module"});
  EXPECT_THAT(Of<StartProcess>(last), IsEmpty());
  const auto refused = Sent<LeaseRefused>(last);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].second.error.kind, ErrorKind::kRuntimeEnvSetup);
  EXPECT_THAT(refused[0].second.error.message, HasSubstr("no such module"));
  EXPECT_THAT(Sent<ReportWorkerDied>(last), IsEmpty()) << "nobody knew of it";
  EXPECT_EQ(FreeCpus(), 2);
}

TEST_F(WorkerPoolTest, StartsThatFailTogetherCountAsOneAttempt) {
  JoinWithDriver();
  auto started = Of<StartProcess>(Hear(kDriver, Request(1, Cpus(0))));
  for (std::uint64_t request = 2; request <= 4; ++request) {
    const auto more = Of<StartProcess>(Hear(kDriver, Request(request, Cpus(0))));
    started.insert(started.end(), more.begin(), more.end());
  }
  ASSERT_THAT(started, SizeIs(4));
  std::size_t again = 0;
  for (const StartProcess& process : started) {
    const Effects effects = Do(ProcessExited{process.worker, "the zygote was killed"});
    EXPECT_THAT(Sent<LeaseRefused>(effects), IsEmpty());
    again += Of<StartProcess>(effects).size();
  }
  EXPECT_EQ(again, 0u);
  EXPECT_THAT(Of<StartProcess>(PassBackoff(Milliseconds(250))), SizeIs(4));
}

TEST_F(WorkerPoolTest, KillsAProcessThatDoesNotRegisterInTime) {
  JoinWithDriver();
  const auto started = Of<StartProcess>(Hear(kDriver, Request(1, Cpus(1))));
  const auto killed = Of<KillProcess>(Fire(TimerKind::kStartTimeout, 1));
  ASSERT_THAT(killed, SizeIs(1));
  EXPECT_EQ(killed[0].worker, started[0].worker);
  EXPECT_THAT(Of<KillProcess>(Register(started[0].worker)), SizeIs(1)) << "too late";
  Do(ProcessExited{started[0].worker, "signal 9"});
  EXPECT_THAT(Of<StartProcess>(PassBackoff(Milliseconds(250))), SizeIs(1));
}

TEST_F(WorkerPoolTest, AProcessThatMakesItsEnvironmentFirstMayTakeItsTime) {
  JoinWithDriver();
  RequestLease request = Request(1, Cpus(1));
  request.runtime_env = "env";
  const Effects effects = Hear(kDriver, request);
  ASSERT_THAT(Of<StartProcess>(effects), SizeIs(1));
  for (const StartTimer& timer : Of<StartTimer>(effects))
    EXPECT_NE(timer.timer.kind, static_cast<std::uint32_t>(TimerKind::kStartTimeout));
}

TEST_F(WorkerPoolTest, AStartTimeoutOfARegisteredWorkerMeansNothing) {
  JoinWithDriver();
  Lease(1, Cpus(1));
  EXPECT_THAT(Of<KillProcess>(Fire(TimerKind::kStartTimeout, 1)), IsEmpty());
}

TEST_F(WorkerPoolTest, EndsUnknownWorkersThatRegister) {
  Join();
  EXPECT_THAT(Of<KillProcess>(Register(WorkerId{0, 999})), SizeIs(1));
  EXPECT_FALSE(raylet_.IsRegistered(WorkerId{0, 999}));
}

TEST_F(WorkerPoolTest, KeepsOneUnusedWorkerPerCpuAndEndsTheRestLater) {
  JoinWithDriver();
  std::vector<WorkerId> started;
  for (std::uint64_t request = 1; request <= 3; ++request) {
    for (const auto& start : Of<StartProcess>(Hear(kDriver, Request(request, {})))) {
      started.push_back(start.worker);
    }
  }
  ASSERT_THAT(started, SizeIs(3));
  for (std::uint64_t request = 1; request <= 3; ++request) {
    Hear(kDriver, CancelLeaseRequest{request, kDriver});
  }
  Register(started[0]);
  now_ = now_ + Milliseconds(1);
  Register(started[1]);
  const auto timers = Of<StartTimer>(Register(started[2]));
  ASSERT_THAT(timers, SizeIs(1));
  EXPECT_EQ(timers[0].delay, Seconds(1));
  now_ = now_ + Seconds(1);
  const auto killed = Of<KillProcess>(Fire(TimerKind::kIdleWorkers));
  ASSERT_THAT(killed, SizeIs(1));
  EXPECT_EQ(killed[0].worker, started[0]) << "the one idle for longest";
}

TEST_F(WorkerPoolTest, KeepsWorkersThatMayOwnObjects) {
  JoinWithDriver();
  std::vector<LeaseGranted> granted;
  for (std::uint64_t request = 1; request <= 3; ++request) granted.push_back(Lease(request, {}));
  for (const LeaseGranted& lease : granted) EXPECT_THAT(Of<StartTimer>(Return(lease)), IsEmpty());
}

TEST_F(WorkerPoolTest, GivesAnActorANewProcess) {
  JoinWithDriver();
  const LeaseGranted task = Lease(1, {});
  Return(task);
  RequestLease request = Request(2, {});
  request.actor = ActorId{0, 5};
  EXPECT_NE(Lease(request).worker, task.worker);
}

TEST_F(WorkerPoolTest, RegistersADriversJobUntilTheGcsAnswers) {
  Join();
  RegisterWorker message;
  message.worker = kDriver.worker;
  message.is_driver = true;
  const auto asked = Sent<RegisterJob>(Hear(kDriver, message));
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_TRUE(raylet_.IsRegistered(kDriver.worker));
  EXPECT_EQ(Sent<RegisterJob>(Fire(TimerKind::kJobs)), asked);
  const auto answered = Sent<WorkerRegistered>(HearGcs(JobRegistered{1, kJob, kDriver}));
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_EQ(answered[0].second.job, kJob);
  EXPECT_EQ(answered[0].second.driver, kDriver);
  EXPECT_THAT(Sent<WorkerRegistered>(HearGcs(JobRegistered{1, kJob, kDriver})), IsEmpty());
  EXPECT_THAT(Of<StartTimer>(Fire(TimerKind::kJobs)), IsEmpty()) << "nothing is asked any more";
}

TEST_F(WorkerPoolTest, ADriversExitFinishesItsJobHereAndAtTheGcs) {
  JoinWithDriver();
  const LeaseGranted leased = Lease(1, Cpus(1));
  const LeaseGranted idle = Lease(2, Cpus(1));
  Return(idle);
  const Effects exited = Do(ProcessExited{kDriver.worker, "exit code 0"});
  EXPECT_THAT(Sent<JobFinished>(exited), ElementsAre(std::pair(Address::Gcs(), JobFinished{kJob})));
  std::vector<WorkerId> killed;
  for (const KillProcess& kill : Of<KillProcess>(exited)) killed.push_back(kill.worker);
  EXPECT_THAT(killed, testing::UnorderedElementsAre(leased.worker.worker, idle.worker.worker));
}

TEST_F(WorkerPoolTest, AJobThatIsNamedAfterItsDriverDiedIsFinishedAtOnce) {
  Join();
  RegisterWorker message;
  message.worker = kDriver.worker;
  message.is_driver = true;
  Hear(kDriver, message);
  EXPECT_THAT(Sent<JobFinished>(Do(ProcessExited{kDriver.worker, "signal 9"})), IsEmpty());
  EXPECT_THAT(Sent<JobFinished>(HearGcs(JobRegistered{1, kJob, kDriver})), SizeIs(1));
}

TEST_F(WorkerPoolTest, ActorsOutliveTheirJobUntilTheGcsSaysOtherwise) {
  JoinWithDriver();
  RequestLease request = Request(1, Cpus(1), Address::Gcs());
  request.actor = ActorId{0, 3};
  const LeaseGranted actor = Lease(request);
  Do(ProcessExited{kDriver.worker, "exit code 0"});
  EXPECT_EQ(StateOf(actor.worker.worker), "actor");
  const LeaseGranted nested = Lease(Request(1, Cpus(1), actor.worker));
  const Effects returned = Return(nested, actor.worker);
  ASSERT_THAT(Of<KillProcess>(returned), SizeIs(1)) << "it is not kept idle";
  EXPECT_EQ(Of<KillProcess>(returned)[0].worker, nested.worker.worker);
}

TEST_F(WorkerPoolTest, AsksTheGcsForAJobWhoseDriverLivesElsewhere) {
  Join({Told(2, Cpus(1), {})});
  const Effects asked = Hear(Remote(7), Request(1, Cpus(1), Remote(7)));
  EXPECT_THAT(Sent<ListJobs>(asked), SizeIs(1));
  EXPECT_THAT(Of<StartProcess>(asked), IsEmpty());
  EXPECT_THAT(Sent<ListJobs>(Fire(TimerKind::kJobs)), SizeIs(1)) << "until it is known";
  JobView job;
  job.job = kJob;
  job.driver = Remote(7);
  const auto started = Of<StartProcess>(HearGcs(ListJobsReply{1, {job}}));
  ASSERT_THAT(started, SizeIs(1));
  const auto answered = Sent<WorkerRegistered>(Register(started[0].worker));
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_EQ(answered[0].second.driver, Remote(7));
}

TEST_F(WorkerPoolTest, EndsTheWorkersOfAJobThatWasOverBeforeItsNodeJoined) {
  Join({Told(2, Cpus(1), {})});
  Hear(Remote(7), Request(1, Cpus(1), Remote(7)));
  JobView job;
  job.job = kJob;
  job.driver = Remote(7);
  job.finished = true;
  const auto started = Of<StartProcess>(HearGcs(ListJobsReply{1, {job}}));
  ASSERT_THAT(started, SizeIs(1)) << "a detached actor of it may ask";
  const auto granted = Sent<LeaseGranted>(Register(started[0].worker));
  ASSERT_THAT(granted, SizeIs(1));
  const Effects returned = Hear(Remote(7), ReturnLease{granted[0].second.lease});
  EXPECT_THAT(Of<KillProcess>(returned), SizeIs(1)) << "it is not kept idle";
}

TEST_F(WorkerPoolTest, TellsWatchersOfADeathAndAtOnceWhenItIsPast) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  const WorkerId worker = granted.worker.worker;
  EXPECT_THAT(Sent<WorkerDied>(Hear(kDriver, WatchWorker{worker})), IsEmpty());
  Hear(Remote(7), WatchWorker{worker});
  const Effects exited = Do(ProcessExited{worker, "signal 11"});
  const WorkerDied death{granted.worker, "signal 11", false};
  EXPECT_THAT(Sent<WorkerDied>(exited), testing::UnorderedElementsAre(std::pair(kDriver, death),
                                                                      std::pair(Remote(7), death)));
  EXPECT_THAT(Sent<ReportWorkerDied>(exited), SizeIs(1));
  EXPECT_THAT(Sent<WorkerDied>(Hear(Remote(7), WatchWorker{worker})), SizeIs(1));
}

TEST_F(WorkerPoolTest, AnAnnouncedExitIsIntendedAndTheWorkerIsNotReused) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  Hear(granted.worker, WorkerExiting{granted.worker.worker, "max_calls"});
  Return(granted);
  EXPECT_THAT(Of<StartProcess>(Hear(kDriver, Request(2, Cpus(1)))), SizeIs(1));
  const auto reported = Sent<ReportWorkerDied>(Do(ProcessExited{granted.worker.worker, "closed"}));
  ASSERT_THAT(reported, SizeIs(1));
  EXPECT_EQ(reported[0].second, (ReportWorkerDied{granted.worker, "max_calls", true}));
}

TEST_F(WorkerPoolTest, PassesOnThatAWorkerIsToLeaveAndWaitsForIt) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  const KillWorker leave{granted.worker.worker, "out of scope", /*in_order=*/true};
  const Effects told = HearGcs(leave);
  EXPECT_THAT(Sent<KillWorker>(told), testing::ElementsAre(std::pair(granted.worker, leave)));
  EXPECT_THAT(Of<KillProcess>(told), IsEmpty());
  EXPECT_THAT(HearGcs(leave), IsEmpty()) << "it is told once";
  const auto reported = Sent<ReportWorkerDied>(Do(ProcessExited{granted.worker.worker, "closed"}));
  ASSERT_THAT(reported, SizeIs(1));
  EXPECT_EQ(reported[0].second, (ReportWorkerDied{granted.worker, "out of scope", true}));
}

TEST_F(WorkerPoolTest, KillsAWorkerThatDoesNotLeaveInTime) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  const Effects told = HearGcs(KillWorker{granted.worker.worker, "out of scope", true});
  const auto timers = Of<StartTimer>(told);
  ASSERT_THAT(timers, SizeIs(1));
  EXPECT_THAT(Of<KillProcess>(Do(TimerFired{timers[0].timer})), SizeIs(1));
  Do(ProcessExited{granted.worker.worker, "signal 9"});
  EXPECT_THAT(Of<KillProcess>(Do(TimerFired{timers[0].timer})), IsEmpty());
}

TEST_F(WorkerPoolTest, IgnoresWhatADeadProcessWroteLast) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  Do(ProcessExited{granted.worker.worker, "signal 9"});
  EXPECT_THAT(Hear(granted.worker, Request(1, Cpus(1), granted.worker)), IsEmpty());
}

TEST_F(WorkerPoolTest, SendsOutputToTheDriverUnderTheNameOfWhatRuns) {
  JoinWithDriver();
  const LeaseGranted granted = Lease(1, Cpus(1));
  const auto logs = Sent<LogLines>(Do(ProcessOutput{granted.worker.worker, true, {"a", "b"}}));
  ASSERT_THAT(logs, SizeIs(1));
  EXPECT_EQ(logs[0].first, kDriver);
  EXPECT_EQ(logs[0].second, (LogLines{granted.worker.worker, 1000, "f", "n1", true, {"a", "b"}}));
}

}  // namespace
}  // namespace mobula::raylet
