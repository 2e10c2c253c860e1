// SPDX-License-Identifier: Apache-2.0
/// Goal: values are found, waited for, recovered and freed by the rules of ownership.
/// Method: one machine; the test plays raylets, owners and borrowers.
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

using ::testing::ElementsAre;
using WorkerObject = Harness;

TEST_F(WorkerObject, AStoredValueIsFetchedOnceAndReleasedAfterItsLastUser) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  const ObjectId object = spec.Return(0);
  Do(GetRequested{1, {object, object}, std::nullopt, true});
  EXPECT_EQ(Only<FetchObject>().locations, std::vector<NodeId>{kOtherNode});
  Receive(daemon, ObjectAvailable{object, 64, 1000});
  ASSERT_EQ(All<FulfilGet>().size(), 1u);
  EXPECT_EQ(All<FulfilGet>().front().values[1].stored,
            (StoredValue{64, 1000, PayloadKind::kValue}));
  EXPECT_TRUE(GetNow(object).stored);
  EXPECT_EQ(MessagesSent(), 0u);
  Do(BufferReleased{object});
  Do(BufferReleased{object});
  EXPECT_EQ(MessagesSent(), 0u);
  Do(BufferReleased{object});
  EXPECT_EQ(Sent<ReleaseObject>().size(), 1u);
}

TEST_F(WorkerObject, APeekSeesInlineValuesThatAreHereAndNothingElse) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Do(ObjectPut{Put(1), Value("y"), {}});
  const auto values = machine_.Peek({Put(1), Put(0), Put(1)});
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), 3u);
  EXPECT_EQ((*values)[0].object, Put(1));
  EXPECT_EQ((*values)[1].value, Value("x"));
  const TaskSpec pending = NewTask(1);
  Do(TaskSubmitted{pending});
  EXPECT_FALSE(machine_.Peek({Put(0), pending.Return(0)}));
  const TaskSpec stored = NewTask(2);
  RunStored(stored, remote);
  EXPECT_FALSE(machine_.Peek({stored.Return(0)}));
  Do(FreeRequested{{Put(0)}});
  EXPECT_FALSE(machine_.Peek({Put(0)}));
  EXPECT_FALSE(machine_.Peek({Put(7)}));
}

TEST_F(WorkerObject, AGetEndsWithTheFirstFailureAndDropsWhatHasCome) {
  const TaskSpec stored = NewTask(1);
  RunStored(stored, remote);
  const TaskSpec failing = NewTask(2);
  Do(TaskSubmitted{failing});
  const TaskSpec pending = NewTask(3);
  Do(TaskSubmitted{pending});
  Do(GetRequested{1, {stored.Return(0), pending.Return(0), failing.Return(0)}, Seconds(5), true});
  Receive(daemon, ObjectAvailable{stored.Return(0), 64, 1000});
  EXPECT_TRUE(All<FulfilGet>().empty());
  TaskDone done = Done(failing);
  done.results[0].value = Payload{PayloadKind::kException, Bytes("raised"), {}};
  Receive(remote, done);
  ASSERT_EQ(All<FulfilGet>().size(), 1u);
  const FulfilGet answer = All<FulfilGet>().front();
  ASSERT_EQ(answer.values.size(), 1u);
  EXPECT_EQ(answer.values[0].object, failing.Return(0));
  EXPECT_EQ(Sent<ReleaseObject>().size(), 1u);
  // Nothing is answered twice.
  Do(TimerFired{TimerId{1, 1}});
  EXPECT_TRUE(All<FulfilGet>().empty());
}

TEST_F(WorkerObject, AFreedObjectIsAnErrorAndItsCopiesGo) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Do(ObjectPut{Put(0), Value("x"), {}});
  Do(FreeRequested{{spec.Return(0), Put(0)}});
  EXPECT_EQ(Sent<FreeObject>().size(), 1u);
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kObjectFreed);
  EXPECT_EQ(ErrorOf(Put(0)), ErrorKind::kObjectFreed);
  EXPECT_FALSE(View(spec.Return(0)).lineage);
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_FALSE(Knows(spec.Return(0)));
}

TEST_F(WorkerObject, WhatIsNotThereOrOfAnotherIsNotFreed) {
  const TaskSpec spec = NewTask(1);
  const TaskSpec pushed = SubmitAndGrant(spec, remote);
  const ObjectRef borrowed{NewTask(7).Return(0), remote};
  Do(ReferenceAdded{borrowed, ObjectId{}, false});
  Do(FreeRequested{{spec.Return(0), borrowed.id, NewTask(9).Return(0)}});
  EXPECT_TRUE(Sent<FreeObject>().empty());
  Receive(remote, Done(pushed, "there"));
  EXPECT_EQ(GetNow(spec.Return(0)).value.kind, PayloadKind::kValue);
}

TEST_F(WorkerObject, AGetTimesOutAndLeavesNothingBehind) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Do(GetRequested{1, {spec.Return(0)}, Milliseconds(5), true});
  EXPECT_EQ(All<StartTimer>().size(), 1u);
  Do(TimerFired{TimerId{1, 1}});
  EXPECT_TRUE(All<FulfilGet>().front().timed_out);
  Receive(daemon, ObjectAvailable{spec.Return(0), 64, 1000});
  EXPECT_EQ(Sent<ReleaseObject>().size(), 1u);
}

TEST_F(WorkerObject, WaitAnswersWithTheReadyOnesInTheOrderAskedFor) {
  Do(TaskSubmitted{NewTask(1)});
  for (std::uint32_t i = 0; i < 3; ++i) Do(ObjectPut{Put(i), Value("x"), {}});
  const ObjectId pending = NewTask(1).Return(0);
  Do(WaitRequested{1, {Put(2), pending, Put(0), Put(1)}, 2, std::nullopt, true, true});
  EXPECT_THAT(All<FulfilWait>().front().ready, ElementsAre(Put(2), Put(0)));
  Do(WaitRequested{2, {pending, Put(1)}, 2, Milliseconds(5), true, true});
  EXPECT_TRUE(All<FulfilWait>().empty());
  Do(TimerFired{TimerId{1, 2}});
  EXPECT_THAT(All<FulfilWait>().front().ready, ElementsAre(Put(1)));
}

TEST_F(WorkerObject, WaitForHereFetchesAndDoesNotKeepThePin) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Do(WaitRequested{1, {spec.Return(0)}, 1, std::nullopt, false, true});
  EXPECT_EQ(All<FulfilWait>().size(), 1u);
  Do(WaitRequested{2, {spec.Return(0)}, 1, std::nullopt, true, true});
  EXPECT_EQ(Sent<FetchObject>().size(), 1u);
  Receive(daemon, ObjectAvailable{spec.Return(0), 64, 1000});
  EXPECT_EQ(All<FulfilWait>().size(), 1u);
  EXPECT_EQ(Sent<ReleaseObject>().size(), 1u);
}

// A program that takes one result after the other asks for all that are left each time.
TEST_F(WorkerObject, AWaitLooksNoFurtherThanItMust) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Do(ObjectPut{Put(0), Value("x"), {}});
  Do(WaitRequested{1, {Put(0), spec.Return(0)}, 1, std::nullopt, true, true});
  EXPECT_THAT(All<FulfilWait>().front().ready, ElementsAre(Put(0)));
  EXPECT_EQ(Sent<FetchObject>().size(), 0u);
}

TEST_F(WorkerObject, TheLastReferenceFreesEveryCopy) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Receive(daemon, ObjectLocationChanged{spec.Return(0), kNode, true});
  Do(ReferenceRemoved{spec.Return(0)});
  const auto freed = Sent<FreeObject>();
  ASSERT_EQ(freed.size(), 2u);
  EXPECT_EQ(freed[0].first, remote_daemon);
  EXPECT_EQ(freed[1].first, daemon);
  EXPECT_FALSE(Knows(spec.Return(0)));
  // A copy that was on its way goes too.
  Receive(daemon, ObjectLocationChanged{spec.Return(0), kNode, true});
  EXPECT_EQ(Sent<FreeObject>().size(), 1u);
}

TEST_F(WorkerObject, AnUnwantedResultIsFreedWhenItComes) {
  const TaskSpec spec = SubmitAndGrant(NewTask(1), remote);
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_EQ(MessagesSent(), 0u);
  Receive(remote, DoneInStore(spec));
  EXPECT_EQ(Sent<FreeObject>().size(), 1u);
  EXPECT_TRUE(machine_.References().empty());
}

TEST_F(WorkerObject, ALostObjectIsMadeAgainOnceHoweverManyWait) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  Do(GetRequested{1, {spec.Return(0)}, std::nullopt, true});
  ASSERT_EQ(All<TaskRetried>().size(), 1u);
  const auto request = Only<RequestLease>().request;
  Do(GetRequested{2, {spec.Return(0)}, std::nullopt, true});
  EXPECT_TRUE(All<TaskRetried>().empty());
  Receive(worker, GetObjectStatus{spec.Return(0), {kOtherNode}});
  EXPECT_TRUE(All<TaskRetried>().empty());
  Receive(daemon, LeaseGranted{request, LeaseId{50, 1}, worker, 1});
  Receive(worker, DoneInStore(Only<PushTask>().spec));
  EXPECT_EQ(Sent<FetchObject>().size(), 1u);
  EXPECT_EQ(Only<ObjectStatusReply>().status.locations, std::vector<NodeId>{kNode});
}

TEST_F(WorkerObject, RecoversLostArgumentsBeforeTheTaskThatNeedsThem) {
  const TaskSpec producer = NewTask(1);
  RunStored(producer, remote);
  const TaskSpec consumer = NewTask(2, {{producer.Return(0), self}});
  Do(TaskSubmitted{consumer});
  Receive(remote, DoneInStore(Only<PushTask>().spec));
  // Only lineage needs the argument now; its copies go.
  Do(ReferenceRemoved{producer.Return(0)});
  EXPECT_EQ(Sent<FreeObject>().size(), 1u);
  EXPECT_TRUE(Knows(producer.Return(0)));
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  Do(GetRequested{1, {consumer.Return(0)}, std::nullopt, true});
  EXPECT_EQ(All<TaskRetried>().size(), 2u);
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, worker, 1});
  EXPECT_EQ(Only<PushTask>().spec.task, producer.task);
  Receive(worker, DoneInStore(Only<PushTask>().spec));
  EXPECT_EQ(Only<PushTask>().spec.task, consumer.task);
  Receive(worker, DoneInStore(Only<PushTask>().spec));
  Receive(daemon, ObjectAvailable{consumer.Return(0), 64, 1000});
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
  // When the consumer's result goes, nothing of the chain stays.
  Do(BufferReleased{consumer.Return(0)});
  Do(ReferenceRemoved{consumer.Return(0)});
  EXPECT_TRUE(machine_.References().empty());
}

TEST_F(WorkerObject, WhatNobodyElseCameToKnowOfIsFreedUnsealed) {
  Do(BufferSealed{Put(0), PayloadKind::kValue, 1000, {}});
  EXPECT_EQ(MessagesSent(), 0u);
  Do(ReferenceRemoved{Put(0)});
  EXPECT_EQ(Sent<FreeObject>().size(), 1u);
  EXPECT_EQ(MessagesSent(), 1u);
}

TEST_F(WorkerObject, IsSealedBeforeSomebodyElseHearsOfIt) {
  for (const std::uint32_t i : {0, 1, 2}) Do(BufferSealed{Put(i), PayloadKind::kValue, 1000, {}});
  // Before anything that speaks of an object.
  const auto sealed_first = [this] {
    for (const Effect& effect : effects_) {
      const auto* send = std::get_if<Send>(&effect);
      if (send == nullptr || std::holds_alternative<WatchWorker>(send->message)) continue;
      const auto* seal = std::get_if<SealObject>(&send->message);
      return seal == nullptr ? ObjectId{} : seal->object;
    }
    return ObjectId{};
  };
  Receive(worker, GetObjectStatus{Put(0), {}});
  EXPECT_EQ(sealed_first(), Put(0));
  EXPECT_EQ(Sent<ObjectStatusReply>().size(), 1u);
  Receive(worker, GetObjectStatus{Put(0), {}});
  EXPECT_TRUE(Sent<SealObject>().empty());
  Do(GetRequested{1, {Put(1)}, std::nullopt, true});
  EXPECT_EQ(sealed_first(), Put(1));
  EXPECT_EQ(Only<FetchObject>().object.id, Put(1));
  const TaskSpec task = NewTask(1, {{Put(2), self}});
  Do(TaskSubmitted{task});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, worker, 1});
  EXPECT_EQ(sealed_first(), Put(2));
  EXPECT_EQ(Only<PushTask>().spec.task, task.task);
}

TEST_F(WorkerObject, AStoreThatWantsRoomIsToldOfAllThatIsWritten) {
  Do(BufferSealed{Put(0), PayloadKind::kValue, 1000, {}});
  Do(BufferSealed{Put(1), PayloadKind::kValue, 1000, {}});
  Receive(daemon, RoomWanted{});
  EXPECT_EQ(Sent<SealObject>().size(), 2u);
  Do(BufferSealed{Put(2), PayloadKind::kValue, 1000, {}});
  EXPECT_EQ(Sent<SealObject>().size(), 1u);
}

// A put object, and the result of a task that may not run again: lineage cannot do without them.
TEST_F(WorkerObject, KeepsALargeArgumentThatCannotBeMadeAgainWhileLineageNeedsIt) {
  Do(BufferSealed{Put(0), PayloadKind::kValue, 1000, {}});
  TaskSpec producer = NewTask(1);
  producer.header.Edit().max_retries = 0;
  // Of another class than the consumer.
  producer.header.Edit().resources = ResourceSet::Of({{"GPU", 1}});
  RunStored(producer, worker);
  const TaskSpec consumer = NewTask(2, {{producer.Return(0), self}, {Put(0), self}});
  RunStored(consumer, remote);
  for (const ObjectId argument : {producer.Return(0), Put(0)}) {
    Do(ReferenceRemoved{argument});
    EXPECT_TRUE(Sent<FreeObject>().empty());
  }
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  Do(GetRequested{1, {consumer.Return(0)}, std::nullopt, true});
  ASSERT_EQ(All<TaskRetried>().size(), 1u);
  EXPECT_EQ(All<TaskRetried>().front().task, consumer.task);
}

TEST_F(WorkerObject, MakingAnArgumentAgainThatWasNotLostIsNoRetry) {
  TaskSpec producer = NewTask(1);
  producer.header.Edit().max_retries = 1;
  RunStored(producer, remote);
  const TaskSpec consumer = NewTask(2, {{producer.Return(0), self}});
  Do(TaskSubmitted{consumer});
  Receive(remote, DoneInStore(Only<PushTask>().spec));
  Do(ReferenceRemoved{producer.Return(0)});
  for (std::uint32_t loss = 1; loss <= 3; ++loss) {
    // Somebody found that the only copy is gone. The argument was freed by its owner before.
    Receive(owner, GetObjectStatus{consumer.Return(0), {kOtherNode}});
    EXPECT_EQ(All<TaskRetried>().size(), 2u);
    EXPECT_EQ(Only<PushTask>().spec.task, producer.task);
    Receive(remote, DoneInStore(Only<PushTask>().spec));
    EXPECT_EQ(Only<PushTask>().spec.attempt, loss);
    Receive(remote, DoneInStore(Only<PushTask>().spec));
    EXPECT_EQ(Only<ObjectStatusReply>().status.phase, ObjectPhase::kStored);
  }
}

/// The result of a task, freed after another task has used it and before that is forgotten.
class WorkerFreedArgument : public Harness {
 protected:
  WorkerFreedArgument() {
    RunStored(producer, remote);
    Do(TaskSubmitted{consumer});
    Receive(remote, DoneInStore(Only<PushTask>().spec));
    Do(FreeRequested{{producer.Return(0)}});
  }
  const TaskSpec producer = NewTask(1);
  const TaskSpec consumer = NewTask(2, {{producer.Return(0), self}});
};

TEST_F(WorkerFreedArgument, IsMadeAgainForATaskThatRunsAgain) {
  Do(GetRequested{1, {producer.Return(0)}, std::nullopt, true});
  EXPECT_EQ(All<FulfilGet>().front().values[0].value.error->kind, ErrorKind::kObjectFreed);
  EXPECT_TRUE(View(producer.Return(0)).lineage);
  Receive(owner, GetObjectStatus{consumer.Return(0), {kOtherNode}});
  EXPECT_EQ(Only<PushTask>().spec.task, producer.task);
  Receive(remote, DoneInStore(Only<PushTask>().spec));
  EXPECT_EQ(Only<PushTask>().spec.task, consumer.task);
  Receive(remote, DoneInStore(Only<PushTask>().spec));
  EXPECT_EQ(Only<ObjectStatusReply>().status.phase, ObjectPhase::kStored);
}

TEST_F(WorkerFreedArgument, LosesItsLineageWithTheLastTaskThatNeedsIt) {
  Do(ReferenceRemoved{producer.Return(0)});
  EXPECT_TRUE(Knows(producer.Return(0)));
  Do(ReferenceRemoved{consumer.Return(0)});
  EXPECT_FALSE(Knows(producer.Return(0)));
  EXPECT_FALSE(Knows(consumer.Return(0)));
}

TEST_F(WorkerObject, KeepsASmallArgumentForAsLongAsLineageNeedsIt) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  const TaskSpec spec = NewTask(1, {{Put(0), self}});
  RunStored(spec, remote);
  Do(ReferenceRemoved{Put(0)});
  EXPECT_TRUE(Knows(Put(0)));
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  Do(GetRequested{1, {spec.Return(0)}, std::nullopt, true});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, worker, 1});
  EXPECT_EQ(Only<PushTask>().spec.arguments[0].value, Value("x"));
  Receive(worker, Done(Only<PushTask>().spec));
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_TRUE(machine_.References().empty());
}

// The id of a `put` names the task that made it; that this process owns that task, too, is chance.
TEST_F(WorkerObject, TheEndOfAPutLeavesTheLineageOfTheTaskThatMadeIt) {
  const TaskSpec producer = NewTask(1);
  RunStored(producer, self);
  const ObjectId put = PutObject(producer.task, 0, 0);
  Do(BufferSealed{put, PayloadKind::kValue, 1000, {}});
  EXPECT_FALSE(View(put).lineage);
  Do(ReferenceRemoved{put});
  EXPECT_FALSE(Knows(put));
  EXPECT_TRUE(View(producer.Return(0)).lineage);
}

TEST_F(WorkerObject, SaysWhyALostObjectCannotBeMadeAgain) {
  Do(BufferRequested{1, {Put(0), self}, 1000});
  Receive(daemon, ObjectCreated{Only<CreateObject>().request, Put(0), 64, {}});
  EXPECT_EQ(All<FulfilCreate>().front().offset, 64u);
  Do(BufferSealed{Put(0), PayloadKind::kValue, 1000, {}});
  Receive(worker, GetObjectStatus{Put(0), {kNode}});
  EXPECT_EQ(Only<ObjectStatusReply>().status.value.Problem().kind, ErrorKind::kObjectLost);

  TaskSpec once = NewTask(1);
  once.header.Edit().max_retries = 0;
  RunStored(once, remote);
  TaskSpec twice = NewTask(2);
  twice.header.Edit().max_retries = 1;
  Do(TaskSubmitted{twice});
  Receive(remote, DoneInStore(Only<PushTask>().spec));
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  EXPECT_EQ(ErrorOf(once.Return(0)), ErrorKind::kReconstructionFailed);
  Do(GetRequested{5, {twice.Return(0)}, std::nullopt, true});
  Receive(daemon, LeaseGranted{Only<RequestLease>().request, LeaseId{50, 1}, worker, 1});
  Receive(worker, DoneInStore(Only<PushTask>().spec));
  Receive(daemon, ObjectUnavailable{twice.Return(0), {kNode}, {}});
  EXPECT_EQ(All<FulfilGet>().front().values[0].value.Problem().kind,
            ErrorKind::kMaxAttemptsExceeded);
}

class WorkerLineage : public Harness {
 protected:
  WorkerLineage() : Harness(Tight()) {}
  static Options Tight() {
    Options options;
    options.lineage_bytes_max = 1;
    return options;
  }
};

TEST_F(WorkerLineage, AnEvictedTaskCannotMakeItsObjectAgain) {
  const TaskSpec spec = NewTask(1);
  RunStored(spec, remote);
  Receive(daemon, NodeDied{kOtherNode, "killed"});
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kLineageEvicted);
}

TEST_F(WorkerObject, ABorrowedValueIsAskedForOnceAndKept) {
  const ObjectRef borrowed{ObjectId{{0x99, 1}, 1}, owner};
  Do(ReferenceAdded{borrowed, {}, false});
  EXPECT_EQ(Sent<AddBorrower>().front().first, owner);
  EXPECT_EQ(Sent<WatchWorker>().front().first, remote_daemon);
  Receive(owner, BorrowerAdded{Only<AddBorrower>().request, borrowed.id, false});
  Do(GetRequested{1, {borrowed.id}, std::nullopt, true});
  EXPECT_EQ(Sent<GetObjectStatus>().size(), 1u);
  ObjectStatus status;
  status.phase = ObjectPhase::kInline;
  status.value = Value("x");
  Receive(owner, ObjectStatusReply{borrowed.id, status});
  EXPECT_EQ(All<FulfilGet>().size(), 1u);
  EXPECT_EQ(GetNow(borrowed.id).value, Value("x"));
  EXPECT_EQ(MessagesSent(), 0u);
}

TEST_F(WorkerObject, ABorrowerThatCannotFetchAsksTheOwnerAgain) {
  const ObjectRef borrowed{ObjectId{{0x99, 1}, 1}, owner};
  Do(ReferenceAdded{borrowed, {}, false});
  Do(GetRequested{1, {borrowed.id}, std::nullopt, true});
  ObjectStatus status;
  status.phase = ObjectPhase::kStored;
  status.size = 1000;
  status.locations = {kOtherNode};
  Receive(owner, ObjectStatusReply{borrowed.id, status});
  EXPECT_EQ(Sent<FetchObject>().size(), 1u);
  Receive(daemon, ObjectUnavailable{borrowed.id, {kOtherNode}, {}});
  EXPECT_EQ(Only<GetObjectStatus>().failed_at, std::vector<NodeId>{kOtherNode});
}

TEST_F(WorkerObject, TheDeathOfItsOwnerEndsEveryWaitForABorrowedObject) {
  const ObjectRef borrowed{ObjectId{{0x99, 1}, 1}, owner};
  Do(ReferenceAdded{borrowed, {}, false});
  Do(GetRequested{1, {borrowed.id}, std::nullopt, true});
  const TaskSpec spec = NewTask(1, {borrowed});
  Do(TaskSubmitted{spec});
  Receive(remote_daemon, WorkerDied{owner, "killed", false});
  EXPECT_EQ(All<FulfilGet>().front().values[0].value.Problem().kind, ErrorKind::kOwnerDied);
  EXPECT_EQ(ErrorOf(spec.Return(0)), ErrorKind::kOwnerDied);
}

Payload Raised() { return {PayloadKind::kException, Bytes("ValueError"), {}}; }

TEST_F(WorkerObject, ADriverIsToldOfAnErrorThatNobodyLooksAt) {
  Receive(daemon, WorkerRegistered{self, {}, {}, self, {}});
  TaskDone done = Done(SubmitAndGrant(NewTask(1), worker));
  done.results[0].value = Raised();
  Receive(worker, done);
  EXPECT_TRUE(All<UnhandledError>().empty());
  Do(ReferenceRemoved{done.results[0].object});
  ASSERT_EQ(All<UnhandledError>().size(), 1u);
  EXPECT_EQ(All<UnhandledError>()[0].value, Raised());
}

TEST_F(WorkerObject, ADriverIsToldOfAnErrorThatComesTooLate) {
  Receive(daemon, WorkerRegistered{self, {}, {}, self, {}});
  TaskDone done = Done(SubmitAndGrant(NewTask(1), worker));
  done.results[0].value = Raised();
  Do(ReferenceRemoved{done.results[0].object});
  Receive(worker, done);
  EXPECT_EQ(All<UnhandledError>().size(), 1u);
}

TEST_F(WorkerObject, AnErrorThatSomebodyGotIsNotTold) {
  Receive(daemon, WorkerRegistered{self, {}, {}, self, {}});
  TaskDone done = Done(SubmitAndGrant(NewTask(1), worker));
  done.results[0].value = Raised();
  Receive(worker, done);
  EXPECT_EQ(GetNow(done.results[0].object).value, Raised());
  Do(ReferenceRemoved{done.results[0].object});
  EXPECT_TRUE(All<UnhandledError>().empty());
}

TEST_F(WorkerObject, OnlyADriverIsToldOfErrors) {
  TaskDone done = Done(SubmitAndGrant(NewTask(1), worker));
  done.results[0].value = Raised();
  Receive(worker, done);
  Do(ReferenceRemoved{done.results[0].object});
  EXPECT_TRUE(All<UnhandledError>().empty());
}

}  // namespace
}  // namespace mobula::worker
