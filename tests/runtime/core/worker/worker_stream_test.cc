// SPDX-License-Identifier: Apache-2.0
// Goal: the items of generators, as their owner and their executor see them: each comes once, in
// order, is there as long as anybody may take it, and is made again when it is lost.
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

class StreamTest : public Harness {
 protected:
  TaskSpec NewGenerator(std::uint64_t counter, StreamOptions options = {}) const {
    TaskSpec spec = NewTask(counter);
    spec.header.Edit().stream = options;
    return spec;
  }

  // The owner's side.

  void Report(const TaskSpec& spec, std::uint32_t index, bool in_store = false) {
    TaskResult item{spec.Return(index), {}, in_store, 1000, {}};
    if (!in_store) item.value = Value(std::to_string(index));
    Receive(worker, StreamItem{spec.task, spec.attempt, item});
  }
  void End(const TaskSpec& spec) { Receive(worker, Done(spec, "end")); }
  StreamStep Step(const TaskSpec& spec) {
    Do(NextRequested{++requests_, spec.task, Duration{}, false});
    const auto answers = All<FulfilStream>();
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? StreamStep::kTimedOut : answers.front().step;
  }
  ObjectId Take(const TaskSpec& spec) {
    Do(NextTaken{spec.task});
    return spec.Return(++taken_);
  }
  void DropAll(const TaskSpec& spec) {
    Do(StreamDropped{spec.task});
    for (std::uint32_t i = 0; i <= taken_; ++i) Do(ReferenceRemoved{spec.Return(i)});
  }
  void ExpectNothingKnown() { EXPECT_TRUE(machine_.References().empty()); }

  // The executor's side: a generator pushed by `owner`.

  TaskSpec Pushed(StreamOptions options = {}) {
    TaskSpec spec = NewGenerator(1, options);
    spec.header.Edit().owner = owner;
    Receive(owner, PushTask{spec});
    EXPECT_EQ(All<RunTask>().size(), 1u);
    return spec;
  }
  /// Returns how it goes on, if that is known at once.
  std::optional<StreamStep> Yield(const TaskSpec& spec, std::uint32_t index,
                                  std::vector<ObjectRef> contained = {}) {
    Do(ItemYielded{++requests_,
                   spec.task,
                   spec.attempt,
                   {spec.Return(index), Value("item"), false, 0, std::move(contained)},
                   true});
    const auto answers = All<FulfilStream>();
    if (answers.empty()) return std::nullopt;
    return answers.front().step;
  }
  void Execute(const TaskSpec& spec) {
    Do(TaskExecuted{spec.task, spec.attempt, Done(spec).results, false, false});
  }

  std::uint32_t taken_ = 0;
};

TEST_F(StreamTest, HandsOutItemsInOrderAsTheyCome) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  EXPECT_EQ(Step(spec), StreamStep::kTimedOut);
  Report(spec, 1);
  Report(spec, 2);
  EXPECT_EQ(Step(spec), StreamStep::kNext);
  EXPECT_EQ(GetNow(Take(spec)).value, Value("1"));
  EXPECT_EQ(GetNow(Take(spec)).value, Value("2"));
  EXPECT_EQ(Step(spec), StreamStep::kTimedOut);
  End(spec);
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
  EXPECT_EQ(GetNow(spec.Return(0)).value, Value("end"));
  DropAll(spec);
  ExpectNothingKnown();
}

TEST_F(StreamTest, WakesWhoWaitsForTheNextItem) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Do(NextRequested{5, spec.task, std::nullopt, false});
  EXPECT_TRUE(All<FulfilStream>().empty());
  Report(spec, 1);
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{5, StreamStep::kNext})});
  Take(spec);
  Do(NextRequested{6, spec.task, Seconds(1), false});
  Do(TimerFired{TimerId{static_cast<std::uint32_t>(1), 6}});
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{6, StreamStep::kTimedOut})});
  Do(NextRequested{7, spec.task, std::nullopt, false});
  Do(RequestAbandoned{7});
  Do(NextRequested{8, spec.task, std::nullopt, false});
  End(spec);
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{8, StreamStep::kEnd})});
}

TEST_F(StreamTest, TheNextItemCanBeWaitedForLikeAnObject) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Do(WaitRequested{5, {spec.Return(1)}, 1, std::nullopt, false, false});
  EXPECT_TRUE(All<FulfilWait>().empty());
  Report(spec, 1);
  EXPECT_EQ(All<FulfilWait>().size(), 1u);
  Take(spec);
  Do(WaitRequested{6, {spec.Return(2)}, 1, std::nullopt, false, false});
  End(spec);
  EXPECT_EQ(All<FulfilWait>().size(), 1u);
  EXPECT_EQ(ErrorOf(spec.Return(2)), ErrorKind::kEndOfStream);
}

TEST_F(StreamTest, AFailureBecomesTheLastItem) {
  TaskSpec generator = NewGenerator(1);
  generator.header.Edit().max_retries = 0;
  const TaskSpec spec = SubmitAndGrant(generator, worker);
  Report(spec, 1);
  Receive(daemon, WorkerDied{worker, "killed", false});
  EXPECT_EQ(GetNow(Take(spec)).value, Value("1"));
  EXPECT_EQ(Step(spec), StreamStep::kNext);
  EXPECT_EQ(ErrorOf(Take(spec)), ErrorKind::kWorkerCrashed);
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kWorkerCrashed);
  DropAll(spec);
  ExpectNothingKnown();
}

TEST_F(StreamTest, AnExceptionComesAsOneMoreItemOfTheAnswer) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Report(spec, 1);
  TaskDone done = Done(spec, "end");
  done.application_error = true;
  done.results.push_back(
      {spec.Return(2), Payload{PayloadKind::kException, Bytes("raised"), {}}, false, 0, {}});
  Receive(worker, done);
  Take(spec);
  EXPECT_EQ(GetNow(Take(spec)).value.kind, PayloadKind::kException);
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
  EXPECT_EQ(Failed().size(), 1u);
}

TEST_F(StreamTest, AnExceptionThatIsRetriedIsNoItem) {
  TaskSpec generator = NewGenerator(1);
  generator.header.Edit().retry_exceptions = true;
  TaskSpec spec = SubmitAndGrant(generator, worker);
  Report(spec, 1);
  TaskDone done = Done(spec, "end");
  done.application_error = true;
  done.results.push_back(
      {spec.Return(2), Payload{PayloadKind::kException, Bytes("raised"), {}}, false, 0, {}});
  Receive(worker, done);
  spec = Only<PushTask>().spec;
  EXPECT_EQ(spec.attempt, 1u);
  Report(spec, 1);
  Report(spec, 2);
  End(spec);
  EXPECT_EQ(GetNow(Take(spec)).value, Value("1"));
  EXPECT_EQ(GetNow(Take(spec)).value, Value("2"));
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
}

TEST_F(StreamTest, WhatTheNextAttemptRepeatsIsNotHandedOutAgain) {
  const TaskSpec first = SubmitAndGrant(NewGenerator(1), worker);
  Report(first, 1);
  Report(first, 2, /*in_store=*/true);
  Take(first);
  Receive(daemon, WorkerDied{worker, "killed", false});
  // It may have sealed what nobody heard of.
  EXPECT_EQ(Only<FreeItems>(), (FreeItems{first.task, 3}));
  const Address next{kNode, WorkerId{0xB0, 2}};
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{++leases_, 9}, next, 1});
  const TaskSpec second = Only<PushTask>().spec;
  EXPECT_EQ(second.attempt, 1u);
  const auto report = [&](std::uint32_t index) {
    Receive(next, StreamItem{second.task, 1, {second.Return(index), Value("again"), false, 0, {}}});
  };
  report(1);
  report(2);
  EXPECT_EQ(Step(second), StreamStep::kNext);
  report(3);
  Receive(next, Done(second));
  Take(second);
  EXPECT_EQ(Step(second), StreamStep::kNext);
  EXPECT_EQ(GetNow(Take(second)).value, Value("again"));
  EXPECT_EQ(Step(second), StreamStep::kEnd);
}

TEST_F(StreamTest, AnotherAttemptsItemsAreDropped) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  TaskSpec other = spec;
  other.attempt = 7;
  Report(other, 1, /*in_store=*/true);
  EXPECT_EQ(Step(spec), StreamStep::kTimedOut);
}

TEST_F(StreamTest, ItemsOutOfTurnOrOfOtherTasksAreDropped) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Report(spec, 2);
  TaskResult other{ObjectId{TaskId{5, 5}, 1}, Value("other"), false, 0, {}};
  Receive(worker, StreamItem{spec.task, 0, other});
  EXPECT_EQ(Step(spec), StreamStep::kTimedOut);
  Report(spec, 1);
  EXPECT_EQ(GetNow(Take(spec)).value, Value("1"));
  EXPECT_EQ(Step(spec), StreamStep::kTimedOut);
}

TEST_F(StreamTest, ALostItemIsMadeAgainByRunningTheGeneratorOnceMore) {
  TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  for (const std::uint32_t i : {1u, 2u, 3u}) Report(spec, i, /*in_store=*/i == 2);
  End(spec);
  for (int i = 0; i < 3; ++i) Take(spec);
  Receive(daemon, ObjectLocationChanged{spec.Return(2), kNode, false});
  Do(GetRequested{5, {spec.Return(2)}, std::nullopt, false});
  spec = Only<PushTask>().spec;
  EXPECT_EQ(spec.attempt, 1u);
  Report(spec, 1);
  EXPECT_TRUE(All<FulfilGet>().empty());
  Report(spec, 2);
  ASSERT_EQ(All<FulfilGet>().size(), 1u);
  EXPECT_EQ(All<FulfilGet>().front().values.front().value, Value("2"));
  Report(spec, 3);
  Report(spec, 4);
  End(spec);
  // What was the end stays the end.
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
}

TEST_F(StreamTest, AnItemLostBehindTheAttemptIsMadeByTheNext) {
  TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Report(spec, 1, /*in_store=*/true);
  Report(spec, 2, /*in_store=*/true);
  Take(spec);
  Receive(daemon, ObjectLocationChanged{spec.Return(1), kNode, false});
  Do(GetRequested{5, {spec.Return(1)}, std::nullopt, false});
  EXPECT_TRUE(Sent<PushTask>().empty());
  End(spec);
  spec = Only<PushTask>().spec;
  Report(spec, 1);
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
}

TEST_F(StreamTest, AnItemThatTheNextRunDoesNotMakeIsAnError) {
  TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Report(spec, 1, /*in_store=*/true);
  End(spec);
  const ObjectId item = Take(spec);
  Receive(daemon, ObjectLocationChanged{item, kNode, false});
  Do(GetRequested{5, {item}, std::nullopt, false});
  spec = Only<PushTask>().spec;
  End(spec);
  ASSERT_EQ(All<FulfilGet>().size(), 1u);
  EXPECT_EQ(All<FulfilGet>().front().values.front().value.Problem().kind,
            ErrorKind::kReconstructionFailed);
}

TEST_F(StreamTest, TheDroppedGeneratorIsStoppedAndItsItemsAreFreed) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  Report(spec, 1, /*in_store=*/true);
  Report(spec, 2);
  Do(StreamDropped{spec.task});
  EXPECT_EQ(Only<StreamProgress>(), (StreamProgress{spec.task, 0, 2, true}));
  EXPECT_EQ(Only<FreeObject>(), FreeObject{spec.Return(1)});
  // One was on its way.
  Report(spec, 3, /*in_store=*/true);
  EXPECT_EQ(Only<FreeObject>(), FreeObject{spec.Return(3)});
  EXPECT_TRUE(Sent<StreamProgress>().empty());
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
  End(spec);
  DropAll(spec);
  ExpectNothingKnown();
}

TEST_F(StreamTest, ADroppedGeneratorRunsOnWhileALostItemOfItIsNeeded) {
  TaskSpec spec = SubmitAndGrant(NewGenerator(1), worker);
  for (const std::uint32_t i : {1u, 2u}) Report(spec, i, /*in_store=*/true);
  End(spec);
  const ObjectId first = Take(spec);
  const ObjectId second = Take(spec);
  Do(StreamDropped{spec.task});
  Do(ReferenceRemoved{first});
  Receive(daemon, ObjectLocationChanged{second, kNode, false});
  Do(GetRequested{5, {second}, std::nullopt, false});
  spec = Only<PushTask>().spec;
  EXPECT_TRUE(Sent<StreamProgress>().empty());
  Report(spec, 1);
  EXPECT_TRUE(Sent<StreamProgress>().empty());
  Report(spec, 2);
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
  EXPECT_TRUE(Only<StreamProgress>().unwanted);
}

TEST_F(StreamTest, TellsTheExecutorWhatWasTaken) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1, {2, false}), worker);
  Report(spec, 1);
  Report(spec, 2);
  EXPECT_TRUE(Sent<StreamProgress>().empty());
  Take(spec);
  EXPECT_EQ(Only<StreamProgress>(), (StreamProgress{spec.task, 0, 1, false}));
  End(spec);
  Take(spec);
  EXPECT_TRUE(Sent<StreamProgress>().empty());
}

TEST_F(StreamTest, ANewAttemptNeedNotWaitForWhatWasTakenBefore) {
  SubmitAndGrant(NewGenerator(1, {2, false}), worker);
  const TaskSpec spec = NewGenerator(1);
  Report(spec, 1);
  Take(spec);
  Receive(daemon, WorkerDied{worker, "killed", false});
  const Address next{kNode, WorkerId{0xB0, 2}};
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{++leases_, 9}, next, 1});
  EXPECT_EQ(Only<StreamProgress>(), (StreamProgress{spec.task, 1, 1, false}));
}

TEST_F(StreamTest, AGatheredStreamKeepsItsItemsForTheValueThatNamesThem) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1, {0, true}), worker);
  Report(spec, 1);
  Report(spec, 2, /*in_store=*/true);
  EXPECT_EQ(View(spec.Return(2)).contained, 0u);
  TaskDone done = Done(spec, "list");
  done.results[0].contained = {{spec.Return(1), self}, {spec.Return(2), self}};
  Receive(worker, done);
  EXPECT_EQ(View(spec.Return(1)).contained, 1u);
  EXPECT_EQ(View(spec.Return(2)).contained, 1u);
  EXPECT_EQ(GetNow(spec.Return(1)).value, Value("1"));
  Do(ReferenceRemoved{spec.Return(0)});
  ExpectNothingKnown();
}

TEST_F(StreamTest, TheValueOfAGatheredStreamMayNameAnItemOfTheSameAnswer) {
  const TaskSpec spec = SubmitAndGrant(NewGenerator(1, {0, true}), worker);
  Report(spec, 1);
  TaskDone done = Done(spec, "list");
  done.application_error = true;
  done.results[0].contained = {{spec.Return(1), self}, {spec.Return(2), self}};
  done.results.push_back(
      {spec.Return(2), Payload{PayloadKind::kException, Bytes("raised"), {}}, false, 0, {}});
  Receive(worker, done);
  EXPECT_EQ(GetNow(spec.Return(2)).value.kind, PayloadKind::kException);
  EXPECT_EQ(GetNow(spec.Return(0)).value, Value("list"));
  Do(ReferenceRemoved{spec.Return(0)});
  ExpectNothingKnown();
}

TEST_F(StreamTest, ACancelledGeneratorThatWaitsIsOver) {
  const TaskSpec spec = NewGenerator(1);
  Do(TaskSubmitted{spec});
  Do(CancelRequested{spec.Return(0), false, true});
  EXPECT_EQ(ErrorOf(Take(spec)), ErrorKind::kTaskCancelled);
  EXPECT_EQ(Step(spec), StreamStep::kEnd);
  DropAll(spec);
  ExpectNothingKnown();
}

TEST_F(StreamTest, TheExecutorSendsEachItemAtOnce) {
  const TaskSpec spec = Pushed();
  EXPECT_EQ(Yield(spec, 1), StreamStep::kNext);
  const StreamItem sent = Only<StreamItem>();
  EXPECT_EQ(sent.item.object, spec.Return(1));
  EXPECT_EQ(Yield(spec, 2), StreamStep::kNext);
  Execute(spec);
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
}

TEST_F(StreamTest, ItemsAndTheAnswerWaitForOwnersOfReferencesInTurn) {
  const TaskSpec spec = Pushed();
  const ObjectRef foreign{ObjectId{TaskId{0x99, 1}, 0}, remote};
  Do(ReferenceAdded{foreign, ObjectId{}, false});
  const auto registered = Only<AddBorrower>().request;
  Receive(remote, BorrowerAdded{registered, foreign.id, false});
  EXPECT_EQ(Yield(spec, 1, {foreign}), StreamStep::kNext);
  const AddBorrower asked = Only<AddBorrower>();
  EXPECT_EQ(asked.borrower, owner);
  EXPECT_TRUE(Sent<StreamItem>().empty());
  EXPECT_EQ(Yield(spec, 2), StreamStep::kNext);
  EXPECT_TRUE(Sent<StreamItem>().empty());
  Execute(spec);
  EXPECT_TRUE(Sent<TaskDone>().empty());
  Receive(remote, BorrowerAdded{asked.request, foreign.id, false});
  ASSERT_EQ(Sent<StreamItem>().size(), 2u);
  EXPECT_EQ(Sent<StreamItem>()[1].second.item.object, spec.Return(2));
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
}

TEST_F(StreamTest, TheDeadOwnerOfAReferenceIsNotWaitedFor) {
  const TaskSpec spec = Pushed();
  const ObjectRef foreign{ObjectId{TaskId{0x99, 1}, 0}, remote};
  Do(ReferenceAdded{foreign, ObjectId{}, false});
  Yield(spec, 1, {foreign});
  EXPECT_TRUE(Sent<StreamItem>().empty());
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  EXPECT_EQ(Sent<StreamItem>().size(), 1u);
}

TEST_F(StreamTest, TheExecutorWaitsForItsConsumerAndLendsItsCpu) {
  const TaskSpec spec = Pushed({2, false});
  EXPECT_EQ(Yield(spec, 1), StreamStep::kNext);
  EXPECT_EQ(Yield(spec, 2), std::nullopt);
  EXPECT_EQ(Sent<TaskBlocked>().size(), 1u);
  Receive(owner, StreamProgress{spec.task, 0, 1, false});
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{requests_, StreamStep::kNext})});
  EXPECT_EQ(Sent<TaskUnblocked>().size(), 1u);
  EXPECT_EQ(Yield(spec, 3), std::nullopt);
  Receive(owner, StreamProgress{spec.task, 0, 1, true});
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{requests_, StreamStep::kEnd})});
}

TEST_F(StreamTest, ACancelledGeneratorDoesNotWaitForItsConsumer) {
  const TaskSpec spec = Pushed({1, false});
  EXPECT_EQ(Yield(spec, 1), std::nullopt);
  Receive(owner, CancelTask{spec.task, 0, false, false});
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{requests_, StreamStep::kCancelled})});
  EXPECT_TRUE(All<InterruptTask>().empty());
}

TEST_F(StreamTest, ARunningGeneratorIsInterruptedAndGetsNoFurther) {
  const TaskSpec spec = Pushed();
  Receive(owner, CancelTask{spec.task, 0, false, false});
  EXPECT_EQ(All<InterruptTask>().size(), 1u);
  EXPECT_EQ(Yield(spec, 1), StreamStep::kCancelled);
}

TEST_F(StreamTest, AnInterruptedWaitForTheConsumerIsGivenUp) {
  const TaskSpec spec = Pushed({1, false});
  EXPECT_EQ(Yield(spec, 1), std::nullopt);
  Do(RequestAbandoned{requests_});
  EXPECT_EQ(Sent<TaskUnblocked>().size(), 1u);
  Execute(spec);
  EXPECT_EQ(Sent<TaskDone>().size(), 1u);
}

TEST_F(StreamTest, AGeneratorOfADeadOwnerEnds) {
  const TaskSpec spec = Pushed({1, false});
  EXPECT_EQ(Yield(spec, 1), std::nullopt);
  EXPECT_EQ(Sent<WatchWorker>().size(), 1u);
  Receive(remote_daemon, WorkerDied{owner, "killed", false});
  EXPECT_EQ(All<FulfilStream>(), std::vector{(FulfilStream{requests_, StreamStep::kEnd})});
  Execute(spec);
}

TEST_F(StreamTest, ProgressOfATaskThatIsNotHereIsIgnored) {
  Receive(owner, StreamProgress{TaskId{1, 2}, 0, 1, true});
  const TaskSpec spec = Pushed({1, false});
  Receive(owner, StreamProgress{spec.task, 3, 1, true});
  Receive(remote, StreamProgress{spec.task, 0, 1, true});
  EXPECT_EQ(Yield(spec, 1), std::nullopt);
  TaskSpec plain = NewTask(2);
  plain.header.Edit().owner = owner;
  Receive(owner, PushTask{plain});
  Receive(owner, StreamProgress{plain.task, 0, 1, true});
}

}  // namespace
}  // namespace mobula::worker
