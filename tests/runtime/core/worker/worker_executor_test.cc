// SPDX-License-Identifier: Apache-2.0
/// Goal: pushed tasks run in order, with their arguments here, and never hold up what could run
/// elsewhere. Method: one machine as worker; the test plays callers and the raylet.
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

class WorkerExecutor : public Harness {
 protected:
  TaskSpec Pushed(std::uint64_t counter) const {
    TaskSpec spec;
    spec.task = ChildTask(TaskId{0x55, 1}, 0, counter);
    TaskHeader& header = spec.header.Edit();
    header.owner = remote;
    header.name = "g";
    return spec;
  }
  TaskSpec Call(std::uint64_t sequence) const {
    TaskSpec spec = Pushed(100 + sequence);
    spec.header.Edit().kind = TaskKind::kActorCall;
    spec.sequence = sequence;
    return spec;
  }
  TaskExecuted Executed(const TaskSpec& spec) const {
    return {spec.task, spec.attempt, {{spec.Return(0), Value("r"), false, 0, {}}}, false, false};
  }
  TaskSpec WithStored(TaskSpec spec, ObjectId object) const {
    TaskArgument& argument = spec.arguments.emplace_back();
    argument.reference = ObjectRef{object, owner};
    argument.stored = StoredHint{1000, {kOtherNode}};
    return spec;
  }
  const ObjectId stored{{0x99, 1}, 1};
};

TEST_F(WorkerExecutor, RunsOneTaskAtATimeAndMeasuresIt) {
  Receive(remote, PushTask{Pushed(1)});
  EXPECT_EQ(All<RunTask>().size(), 1u);
  Receive(remote, PushTask{Pushed(2)});
  EXPECT_TRUE(effects_.empty());
  Pass(Milliseconds(3));
  Do(Executed(Pushed(1)));
  EXPECT_EQ(Only<TaskDone>().run_time, Milliseconds(3));
  EXPECT_EQ(All<RunTask>().front().spec.task, Pushed(2).task);
}

TEST_F(WorkerExecutor, ATaskIsToldItsGpus) {
  Receive(remote, PushTask{Pushed(1), {1, 3}});
  ASSERT_EQ(All<RunTask>().size(), 1u);
  EXPECT_EQ(All<RunTask>().front().gpus, (std::vector<std::uint32_t>{1, 3}));
}

TEST_F(WorkerExecutor, FetchesStoredArgumentsBeforeTheStart) {
  Receive(remote, PushTask{WithStored(Pushed(1), stored)});
  EXPECT_TRUE(All<RunTask>().empty());
  EXPECT_EQ(Only<FetchObject>().size, 1000u);
  Receive(daemon, ObjectAvailable{stored, 64, 1000});
  ASSERT_EQ(All<RunTask>().size(), 1u);
  EXPECT_TRUE(All<RunTask>().front().arguments[0].stored);
  Do(BufferReleased{stored});
  EXPECT_EQ(Sent<ReleaseObject>().size(), 1u);
  Do(Executed(Pushed(1)));
  EXPECT_TRUE(machine_.References().empty());
}

TEST_F(WorkerExecutor, LendsItsCpuWhileAnArgumentIsMadeAgain) {
  Receive(remote, PushTask{WithStored(Pushed(1), stored)});
  Receive(remote, PushTask{Pushed(2)});
  Receive(daemon, ObjectUnavailable{stored, {kOtherNode}, {}});
  EXPECT_EQ(Sent<GetObjectStatus>().front().first, owner);
  EXPECT_EQ(Sent<TaskBlocked>().size(), 1u);
  EXPECT_EQ(Only<TaskReturned>().task, Pushed(2).task);
  ObjectStatus status;
  status.phase = ObjectPhase::kInline;
  status.value = Value("x");
  Receive(owner, ObjectStatusReply{stored, status});
  EXPECT_EQ(Sent<TaskUnblocked>().size(), 1u);
  EXPECT_EQ(All<RunTask>().front().arguments[0].value, Value("x"));
}

TEST_F(WorkerExecutor, ATaskThatStallsForLongIsGivenBack) {
  TaskSpec creation = WithStored(Pushed(1), stored);
  creation.header.Edit().kind = TaskKind::kActorCreation;
  for (const TaskSpec& spec : {WithStored(Pushed(2), stored), creation}) {
    Receive(remote, PushTask{spec});
    Receive(daemon, ObjectUnavailable{stored, {kOtherNode}, {}});
    EXPECT_EQ(Sent<TaskBlocked>().size(), 1u);
    const auto timers = All<StartTimer>();
    ASSERT_EQ(timers.size(), 1u);
    Pass(timers[0].delay);
    Do(TimerFired{timers[0].timer});
    EXPECT_EQ(Only<TaskReturned>(), (TaskReturned{spec.task, spec.attempt}));
    EXPECT_EQ(Sent<TaskUnblocked>().size(), 1u);
    EXPECT_TRUE(machine_.References().empty());
  }
}

TEST_F(WorkerExecutor, ATaskMayStallOnceTheOneBeforeItIsDone) {
  Receive(remote, PushTask{Pushed(1)});
  Receive(remote, PushTask{WithStored(Pushed(2), stored)});
  Receive(daemon, ObjectUnavailable{stored, {kOtherNode}, {}});
  EXPECT_TRUE(Sent<TaskBlocked>().empty()) << "the CPU is in use";
  Do(Executed(Pushed(1)));
  EXPECT_EQ(Sent<TaskBlocked>().size(), 1u);
}

TEST_F(WorkerExecutor, AnArgumentThatFailedIsTheAnswer) {
  Receive(remote, PushTask{WithStored(Pushed(1), stored)});
  Receive(remote_daemon, WorkerDied{owner, "killed", false});
  EXPECT_TRUE(All<RunTask>().empty());
  EXPECT_EQ(Only<TaskDone>().results[0].value.Problem().kind, ErrorKind::kOwnerDied);
}

TEST_F(WorkerExecutor, ABlockedTaskLendsItsCpuAndGivesTheQueueBack) {
  Receive(remote, PushTask{Pushed(1)});
  Receive(remote, PushTask{Pushed(2)});
  Do(TaskSubmitted{NewTask(1)});
  const auto request = Only<RequestLease>().request;
  Do(GetRequested{1, {NewTask(1).Return(0)}, std::nullopt, true});
  EXPECT_EQ(Sent<TaskBlocked>().size(), 1u);
  EXPECT_EQ(Only<TaskReturned>().task, Pushed(2).task);
  Receive(remote, PushTask{Pushed(3)});
  EXPECT_EQ(Only<TaskReturned>().task, Pushed(3).task);
  Receive(daemon, LeaseGranted{request, LeaseId{1, 1}, worker, 1});
  Receive(worker, Done(NewTask(1)));
  EXPECT_EQ(Sent<TaskUnblocked>().size(), 1u);
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
}

TEST_F(WorkerExecutor, ADriversGetBlocksNobody) {
  Do(TaskSubmitted{NewTask(1)});
  Do(GetRequested{1, {NewTask(1).Return(0)}, std::nullopt, true});
  EXPECT_EQ(MessagesSent(), 0u);
}

TEST_F(WorkerExecutor, SealsLargeResultsBeforeItAnswers) {
  Receive(remote, PushTask{Pushed(1)});
  Do(BufferRequested{1, {Pushed(1).Return(0), remote}, 1000});
  EXPECT_EQ(Only<CreateObject>().object.owner, remote);
  Receive(daemon, ObjectCreated{Only<CreateObject>().request, Pushed(1).Return(0), 64, {}});
  TaskExecuted executed = Executed(Pushed(1));
  executed.results[0].in_store = true;
  executed.results[0].size = 1000;
  Do(executed);
  ASSERT_EQ(MessagesSent(), 2u);
  EXPECT_TRUE(std::holds_alternative<SealObject>(std::get<Send>(effects_[0]).message));
  EXPECT_TRUE(std::holds_alternative<TaskDone>(std::get<Send>(effects_[1]).message));
}

TEST_F(WorkerExecutor, LeavesAfterItsAnswerWhenToldTo) {
  Receive(remote, PushTask{Pushed(1)});
  Receive(remote, PushTask{Pushed(2)});
  TaskExecuted executed = Executed(Pushed(1));
  executed.exit_after = true;
  Do(executed);
  EXPECT_EQ(Only<TaskReturned>().task, Pushed(2).task);
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
  EXPECT_EQ(Sent<WorkerExiting>().size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ExitProcess>(effects_.back()));
}

TEST_F(WorkerExecutor, LeavesWhenItIsToldToAfterWhatItRuns) {
  Receive(remote, PushTask{Pushed(1)});
  Receive(daemon, KillWorker{self.worker, "out of scope", /*in_order=*/true});
  EXPECT_TRUE(All<ExitProcess>().empty());
  Do(Executed(Pushed(1)));
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
  ASSERT_EQ(All<ExitProcess>().size(), 1u);
  EXPECT_EQ(All<ExitProcess>()[0].reason, "out of scope");
  EXPECT_FALSE(All<ExitProcess>()[0].at_once);
}

TEST_F(WorkerExecutor, ACancelledTaskIsAnsweredOrInterruptedOrEnded) {
  Receive(remote, PushTask{Pushed(1)});
  Receive(remote, PushTask{Pushed(2)});
  Receive(remote, CancelTask{Pushed(2).task, 0, false, true});
  EXPECT_EQ(Only<TaskDone>().results[0].value.Problem().kind, ErrorKind::kTaskCancelled);
  Do(TaskSubmitted{[&] {
    TaskSpec child = NewTask(1);
    child.parent = Pushed(1).task;
    return child;
  }()});
  Receive(remote, CancelTask{Pushed(1).task, 0, false, true});
  EXPECT_EQ(All<InterruptTask>().size(), 1u);
  EXPECT_EQ(ErrorOf(NewTask(1).Return(0)), ErrorKind::kTaskCancelled);
  Receive(remote, CancelTask{Pushed(1).task, 0, true, false});
  EXPECT_EQ(All<ExitProcess>().size(), 1u);
}

TEST_F(WorkerExecutor, AnActorTakesEachCallersCallsInOrder) {
  Receive(remote, PushTask{Call(1)});
  EXPECT_TRUE(All<RunTask>().empty());
  Receive(remote, PushTask{WithStored(Call(0), stored)});
  EXPECT_TRUE(All<RunTask>().empty());
  Receive(worker, PushTask{[&] {
            TaskSpec other = Call(0);
            other.task = TaskId{0x44, 1};
            return other;
          }()});
  // Another caller does not wait for this one's arguments.
  EXPECT_EQ(All<RunTask>().size(), 1u);
  Receive(daemon, ObjectAvailable{stored, 64, 1000});
  Do(TaskExecuted{TaskId{0x44, 1}, 0, {}, false, false});
  EXPECT_EQ(All<RunTask>().front().spec.task, Call(0).task);
  Do(BufferReleased{stored});
  Do(Executed(Call(0)));
  EXPECT_EQ(All<RunTask>().front().spec.task, Call(1).task);
}

TEST_F(WorkerExecutor, ACallThatIsMadeAgainPassesOneThatWaitsForWhatIsLost) {
  TaskSpec again = Call(2);
  again.attempt = 1;
  Receive(remote, PushTask{WithStored(Call(0), stored)});
  Receive(remote, PushTask{Call(1)});
  Receive(remote, PushTask{again});
  EXPECT_TRUE(All<RunTask>().empty()) << "perhaps it can be fetched";
  Receive(daemon, ObjectUnavailable{stored, {kOtherNode}, {}});
  EXPECT_EQ(All<RunTask>().at(0).spec.task, again.task) << "the second call waits for its turn";
  Do(Executed(again));
  EXPECT_TRUE(All<RunTask>().empty());
  ObjectStatus status;
  status.phase = ObjectPhase::kInline;
  status.value = Value("x");
  Receive(owner, ObjectStatusReply{stored, status});
  EXPECT_EQ(All<RunTask>().at(0).spec.task, Call(0).task);
  Do(Executed(Call(0)));
  EXPECT_EQ(All<RunTask>().at(0).spec.task, Call(1).task);
  Do(Executed(Call(1)));
  Receive(remote, PushTask{Call(3)});
  EXPECT_EQ(All<RunTask>().at(0).spec.task, Call(3).task) << "its number was used";
}

TEST_F(WorkerExecutor, ACancelledCallDoesNotHoldUpTheNext) {
  Receive(remote, PushTask{Call(0)});
  Receive(remote, PushTask{Call(1)});
  Receive(remote, PushTask{Call(2)});
  Receive(remote, CancelTask{Call(1).task, 0, false, false});
  Do(Executed(Call(0)));
  EXPECT_EQ(All<RunTask>().front().spec.task, Call(2).task);
}

TEST_F(WorkerExecutor, AConcurrentActorOverlapsItsCalls) {
  TaskSpec creation = Pushed(1);
  TaskHeader& header = creation.header.Edit();
  header.kind = TaskKind::kActorCreation;
  header.actor_options.emplace().max_concurrency = 2;
  Receive(Address::Gcs(), PushTask{creation});
  Do(TaskExecuted{creation.task, 0, {}, false, false});
  EXPECT_EQ(Sent<TaskDone>().front().first, Address::Gcs());
  for (std::uint64_t i = 0; i < 2; ++i) {
    Receive(remote, PushTask{Call(i)});
    EXPECT_EQ(All<RunTask>().size(), 1u);
  }
  Receive(remote, PushTask{Call(2)});
  EXPECT_TRUE(All<RunTask>().empty());
  Do(Executed(Call(1)));
  EXPECT_EQ(All<RunTask>().size(), 1u);
}

TEST_F(WorkerExecutor, ACreationThatTheGcsPushesAgainRunsOnceAndIsAnsweredAgain) {
  TaskSpec creation = Pushed(1);
  TaskHeader& header = creation.header.Edit();
  header.kind = TaskKind::kActorCreation;
  header.actor_options.emplace();
  Receive(Address::Gcs(), PushTask{creation});
  EXPECT_EQ(All<RunTask>().size(), 1u);
  Receive(Address::Gcs(), PushTask{creation});
  EXPECT_TRUE(effects_.empty());
  Do(Executed(creation));
  const TaskDone done = Only<TaskDone>();
  Receive(remote, PushTask{Call(0)});
  Receive(Address::Gcs(), PushTask{creation});
  EXPECT_TRUE(All<RunTask>().empty());
  EXPECT_EQ(Only<TaskDone>(), done);
}

}  // namespace
}  // namespace mobula::worker
