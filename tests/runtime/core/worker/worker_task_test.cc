// SPDX-License-Identifier: Apache-2.0
/// Goal: submitted tasks run where they can, as often as they may, and cost what the design says.
/// Method: one machine; the test plays raylets and workers.
#include "runtime/core/worker/context.h"
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

using WorkerTask = Harness;

TEST_F(WorkerTask, WarmPathsCostExactlyTheirMessages) {
  const TaskSpec first = SubmitAndGrant(NewTask(1), worker);
  Receive(worker, Done(first));
  const TaskSpec second = NewTask(2);
  Do(TaskSubmitted{second});
  EXPECT_EQ(MessagesSent(), 1u);
  EXPECT_EQ(Sent<PushTask>().size(), 1u);
  Receive(worker, Done(second));
  EXPECT_EQ(MessagesSent(), 0u);
  EXPECT_EQ(GetNow(second.Return(0)).value, Value("value"));
  EXPECT_EQ(MessagesSent(), 0u);
  Do(ObjectPut{Put(0), Value("x"), {}});
  EXPECT_EQ(MessagesSent(), 0u);
  GetNow(Put(0));
  EXPECT_EQ(MessagesSent(), 0u);
}

TEST_F(WorkerTask, WaitsForItsArgumentsAndInlinesSmallOnes) {
  const TaskSpec producer = NewTask(1);
  SubmitAndGrant(producer, worker);
  TaskSpec consumer = NewTask(2, {{producer.Return(0), self}});
  consumer.header.Edit().function.name = "g";
  Do(TaskSubmitted{consumer});
  EXPECT_EQ(MessagesSent(), 0u);
  Receive(worker, Done(producer, "small"));
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, remote, 1});
  const TaskSpec pushed = Only<PushTask>().spec;
  EXPECT_FALSE(pushed.arguments[0].IsReference());
  EXPECT_EQ(pushed.arguments[0].value, Value("small"));
}

TEST_F(WorkerTask, TellsTheExecutorWhereStoredArgumentsAre) {
  const TaskSpec producer = NewTask(1);
  RunStored(producer, remote);
  Do(TaskSubmitted{NewTask(2, {{producer.Return(0), self}})});
  const TaskSpec pushed = Only<PushTask>().spec;
  EXPECT_TRUE(pushed.arguments[0].IsReference());
  EXPECT_EQ(pushed.arguments[0].stored->size, 1000u);
  EXPECT_THAT(pushed.arguments[0].stored->locations, ::testing::ElementsAre(kOtherNode));
}

TEST_F(WorkerTask, AFailedArgumentFailsTheTaskWithoutRunningIt) {
  const Payload raised{PayloadKind::kException, Bytes("boom"), {}};
  Do(ObjectPut{Put(0), raised, {}});
  const TaskSpec spec = NewTask(1, {{Put(0), self}});
  Do(TaskSubmitted{spec});
  EXPECT_EQ(MessagesSent(), 0u);
  EXPECT_EQ(GetNow(spec.Return(0)).value, raised);
  EXPECT_TRUE(machine_.PendingTasks().empty());
}

TEST_F(WorkerTask, PipelinesAsManyAsFitInTheSpanOnceMeasured) {
  SubmitAndGrant(NewTask(1), worker);
  for (std::uint64_t i = 2; i <= 40; ++i) Do(TaskSubmitted{NewTask(i)});
  TaskDone done = Done(NewTask(1));
  done.run_time = Microseconds(100);
  Receive(worker, done);
  EXPECT_EQ(Sent<PushTask>().size(), 10u);
}

TEST_F(WorkerTask, NeverAsksForMoreLeasesThanItHasTasks) {
  for (std::uint64_t i = 1; i <= 3; ++i) {
    Do(TaskSubmitted{NewTask(i)});
    EXPECT_EQ(Sent<RequestLease>().size(), 1u);
  }
  Do(CancelRequested{NewTask(3).Return(0), false, true});
  EXPECT_EQ(Sent<CancelLeaseRequest>().size(), 1u);
  EXPECT_EQ(ErrorOf(NewTask(3).Return(0)), ErrorKind::kTaskCancelled);
}

TEST_F(WorkerTask, FollowsASpilledRequestAndReturnsASurplusGrant) {
  Do(TaskSubmitted{NewTask(1)});
  const auto request = Only<RequestLease>().request;
  Receive(daemon, LeaseSpilled{request, kOtherNode});
  EXPECT_EQ(Sent<RequestLease>().front().first, remote_daemon);
  EXPECT_EQ(Only<RequestLease>().spill_count, 1u);
  Do(CancelRequested{NewTask(1).Return(0), false, true});
  EXPECT_EQ(Sent<CancelLeaseRequest>().front().first, remote_daemon);
  Receive(remote_daemon, LeaseGranted{request, LeaseId{1, 1}, remote, 1});
  EXPECT_EQ(Sent<ReturnLease>().front().first, remote_daemon);
}

TEST_F(WorkerTask, KeepsAnIdleLeaseForTheLingerThenReturnsIt) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  // One timer per lease; it was started when the lease was last idle.
  const TimerId timer{2, 1};
  Pass(options_.lease_linger / 2);
  Receive(worker, Done(spec));
  Pass(options_.lease_linger / 2);
  Do(TimerFired{timer});
  ASSERT_EQ(All<StartTimer>().size(), 1u);
  EXPECT_EQ(All<StartTimer>().front().delay, options_.lease_linger / 2);
  Pass(options_.lease_linger / 2);
  Do(TimerFired{All<StartTimer>().front().timer});
  EXPECT_EQ(Sent<ReturnLease>().size(), 1u);
}

TEST_F(WorkerTask, ReturnsAReclaimedLeaseWhenItIsDrainedAndAsksAgain) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  Receive(daemon, ReclaimLease{LeaseId{1, 9}});
  EXPECT_EQ(MessagesSent(), 0u);
  Do(TaskSubmitted{NewTask(2)});
  EXPECT_EQ(Sent<PushTask>().size(), 0u);
  Receive(worker, Done(spec));
  EXPECT_EQ(Sent<ReturnLease>().size(), 1u);
  EXPECT_EQ(Sent<PushTask>().size(), 0u);
}

TEST_F(WorkerTask, WarnsOnceOfAnInfeasibleClass) {
  Do(TaskSubmitted{NewTask(1)});
  const auto request = Only<RequestLease>().request;
  Receive(daemon, LeaseInfeasible{request, "no node has 100 CPUs"});
  EXPECT_EQ(All<Warn>().size(), 1u);
  Receive(daemon, LeaseInfeasible{request, "no node has 100 CPUs"});
  EXPECT_EQ(All<Warn>().size(), 0u);
}

TEST_F(WorkerTask, ARefusalFailsTheWholeClass) {
  Do(TaskSubmitted{NewTask(1)});
  const auto request = Only<RequestLease>().request;
  Receive(daemon,
          LeaseRefused{request, {ErrorKind::kTaskUnschedulable, "node is gone", {}, {}, {}, {}}});
  EXPECT_EQ(ErrorOf(NewTask(1).Return(0)), ErrorKind::kTaskUnschedulable);
}

TEST_F(WorkerTask, RetriesACrashedTaskUntilItsRetriesAreUsedUp) {
  TaskSpec spec = NewTask(1);
  spec.header.Edit().max_retries = 1;
  SubmitAndGrant(spec, worker);
  Receive(daemon, WorkerDied{worker, "killed", false});
  ASSERT_EQ(All<TaskRetried>().size(), 1u);
  EXPECT_EQ(All<TaskRetried>().front().attempt, 1u);
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, remote, 1});
  EXPECT_EQ(Only<PushTask>().spec.attempt, 1u);
  // The late answer of the first attempt counts for nothing.
  Receive(worker, Done(spec, "stale"));
  EXPECT_EQ(View(spec.Return(0)).status.phase, ObjectPhase::kPending);
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kWorkerCrashed);
}

TEST_F(WorkerTask, AnEndForWantOfMemoryCostsNoRetry) {
  TaskSpec spec = NewTask(1);
  spec.header.Edit().max_retries = 1;
  SubmitAndGrant(spec, worker);
  Receive(daemon, WorkerDied{worker, "no memory", false, true});
  EXPECT_EQ(All<TaskRetried>().size(), 1u);
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, remote, 1});
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  EXPECT_EQ(All<TaskRetried>().size(), 1u) << "the one retry was still there";
  EXPECT_EQ(View(spec.Return(0)).status.phase, ObjectPhase::kPending);
}

TEST_F(WorkerTask, IsRunAgainForWantOfMemoryWhenItsRetriesAreUsedUp) {
  TaskSpec spec = NewTask(1);
  spec.header.Edit().max_retries = 1;
  SubmitAndGrant(spec, worker);
  Receive(daemon, WorkerDied{worker, "killed", false});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, remote, 1});
  Receive(remote_daemon, WorkerDied{remote, "no memory", false, true});
  EXPECT_EQ(All<TaskRetried>().size(), 1u);
  const Address third{kOtherNode, WorkerId{0xC1, 1}};
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{51, 1}, third, 1});
  Receive(remote_daemon, WorkerDied{third, "killed", false});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kWorkerCrashed);
}

TEST_F(WorkerTask, SaysThatTheMemoryRanOutWhenItMayNotBeRunAgain) {
  TaskSpec spec = NewTask(1);
  spec.header.Edit().max_retries = 0;
  SubmitAndGrant(spec, worker);
  Receive(daemon, WorkerDied{worker, "no memory", false, true});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kOutOfMemory);
}

TEST_F(WorkerTask, SaysThatTheNodeDied) {
  TaskSpec spec = NewTask(1);
  spec.header.Edit().max_retries = 0;
  SubmitAndGrant(spec, remote);
  Receive(daemon, NodeDied{kOtherNode, "no heartbeat"});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kNodeDied);
}

TEST_F(WorkerTask, AnOrderlyExitCostsUnstartedTasksNoAttempt) {
  SubmitAndGrant(NewTask(1), worker);
  Receive(daemon, WorkerDied{worker, "max_calls", true});
  EXPECT_TRUE(All<TaskRetried>().empty());
  EXPECT_EQ(Sent<RequestLease>().size(), 1u);
}

TEST_F(WorkerTask, RetriesExceptionsOnlyWhenToldTo) {
  TaskSpec spec = NewTask(1);
  TaskHeader& header = spec.header.Edit();
  header.retry_exceptions = true;
  header.max_retries = 1;
  SubmitAndGrant(spec, worker);
  TaskDone raised = Done(spec);
  raised.application_error = true;
  raised.results[0].value.kind = PayloadKind::kException;
  Receive(worker, raised);
  EXPECT_EQ(Only<PushTask>().spec.attempt, 1u);
  EXPECT_TRUE(Failed().empty()) << "it is tried again";
  raised.attempt = 1;
  Receive(worker, raised);
  EXPECT_EQ(GetNow(spec.Return(0)).value.kind, PayloadKind::kException);
  ASSERT_EQ(Failed().size(), 1u);
  EXPECT_EQ(Failed()[0].attempt, 1u);
}

TEST_F(WorkerTask, AReturnedTaskWaitsForAnotherWorker) {
  SubmitAndGrant(NewTask(1), worker);
  // One request is under way for each of the last sixteen.
  for (std::uint64_t i = 2; i <= 19; ++i) Do(TaskSubmitted{NewTask(i)});
  TaskDone done = Done(NewTask(1));
  done.run_time = Microseconds(1);
  Receive(worker, done);
  ASSERT_EQ(Sent<PushTask>().size(), 2u);
  Receive(worker, TaskReturned{NewTask(3).task, 0});
  // The blocked worker takes nothing before it has answered.
  EXPECT_EQ(Sent<PushTask>().size(), 0u);
  Receive(worker, Done(NewTask(2)));
  EXPECT_EQ(Only<PushTask>().spec.task, NewTask(3).task);
  EXPECT_EQ(Only<PushTask>().spec.attempt, 0u);
}

TEST_F(WorkerTask, CancelsAPushedTaskAtItsWorker) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), worker);
  Do(CancelRequested{spec.Return(0), true, false});
  EXPECT_EQ(Only<CancelTask>(), (CancelTask{spec.task, 0, true, false}));
  Receive(daemon, WorkerDied{worker, "cancelled by force", false});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kTaskCancelled);
}

TEST_F(WorkerTask, RepeatsAQuestionToTheGcsUntilItIsAnswered) {
  Do(GcsRequested{5, KvRequest{0, KvOperation::kGet, "functions", "key", {}, true}, {}});
  const auto number = Only<KvRequest>().request;
  Do(TimerFired{TimerId{0, number}});
  EXPECT_EQ(Only<KvRequest>().request, number);
  Receive(Address::Gcs(), KvReply{number, true, Bytes("v"), {}});
  EXPECT_EQ(All<FulfilGcs>().front().request, 5u);
  Receive(Address::Gcs(), KvReply{number, true, Bytes("v"), {}});
  EXPECT_TRUE(effects_.empty());
}

TEST_F(WorkerTask, GivesAQuestionBackWhenItsTimeIsOver) {
  Do(GcsRequested{5, GetPlacementGroup{0, {1, 1}, "", "", true}, Seconds(1)});
  const auto number = Only<GetPlacementGroup>().request;
  Do(TimerFired{TimerId{static_cast<std::uint32_t>(TimerKind::kRequestTimeout), 5}});
  ASSERT_EQ(All<FulfilGcs>().size(), 1u);
  EXPECT_TRUE(All<FulfilGcs>().front().timed_out);
  Receive(Address::Gcs(), PlacementGroupReply{number, true, {}});
  EXPECT_TRUE(effects_.empty()) << "too late";
}

TEST_F(WorkerTask, WhatIsToBeDoneIsAskedForThoughNobodyWaits) {
  Do(GcsRequested{5, RemovePlacementGroup{0, {1, 1}}, {}});
  const auto number = Only<RemovePlacementGroup>().request;
  Do(RequestAbandoned{5});
  Do(TimerFired{TimerId{0, number}});
  EXPECT_EQ(Only<RemovePlacementGroup>().request, number);
  Receive(Address::Gcs(), PlacementGroupReply{number, true, {}});
  EXPECT_TRUE(All<FulfilGcs>().empty());
}

TEST_F(WorkerTask, EachTaskOfALeaseIsToldItsGpus) {
  Do(TaskSubmitted{NewTask(1)});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{1, 9}, worker, 1, {2}});
  EXPECT_EQ(Only<PushTask>().gpus, std::vector<std::uint32_t>{2});
  Do(TaskSubmitted{NewTask(2)});
  Receive(worker, Done(NewTask(1)));
  EXPECT_EQ(Only<PushTask>().gpus, std::vector<std::uint32_t>{2});
}

}  // namespace
}  // namespace mobula::worker
