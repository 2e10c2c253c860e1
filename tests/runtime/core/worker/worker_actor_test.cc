// SPDX-License-Identifier: Apache-2.0
/// Goal: an actor's calls arrive in order, at most once unless retries are allowed, and end with
/// the actor. Method: one machine as caller; the test plays the GCS and the actor.
#include "tests/runtime/core/worker/harness.h"

namespace mobula::worker {
namespace {

class WorkerActor : public Harness {
 protected:
  const TaskId creation_task = ChildTask(root, 0, 1);
  const ActorId actor = ActorOf(creation_task);
  std::int32_t call_retries = 0;

  TaskSpec Creation(std::vector<ObjectRef> references = {}) const {
    TaskSpec spec = NewTask(1, std::move(references));
    TaskHeader& header = spec.header.Edit();
    header.kind = TaskKind::kActorCreation;
    header.actor = actor;
    header.name = "A.__init__";
    header.actor_options.emplace();
    return spec;
  }
  TaskSpec Call(std::uint64_t counter, std::vector<ObjectRef> references = {}) const {
    TaskSpec spec = NewTask(counter, std::move(references));
    TaskHeader& header = spec.header.Edit();
    header.kind = TaskKind::kActorCall;
    header.actor = actor;
    header.name = "A.f";
    header.max_retries = call_retries;
    return spec;
  }
  ActorView View(ActorState state, std::uint32_t incarnation = 0) const {
    ActorView view;
    view.actor = actor;
    view.state = state;
    view.worker = incarnation == 0 ? remote : worker;
    view.incarnation = incarnation;
    view.class_name = "A";
    if (state == ActorState::kDead)
      view.death_cause = {ErrorKind::kActorDied, "It was killed.", {}, {}, actor, {}};
    return view;
  }
  /// What the last event asked the GCS to kill, without the number of the question.
  KillActor Killed() const {
    KillActor kill = Only<KillActor>();
    EXPECT_NE(std::exchange(kill.request, 0), 0u);
    return kill;
  }
  Effects& Update(const ActorView& view) { return Receive(Address::Gcs(), ActorUpdate{view}); }
  void Create(std::vector<ObjectRef> references = {}) {
    Do(TaskSubmitted{Creation(std::move(references))});
    Receive(Address::Gcs(), ActorRegistered{Only<RegisterActor>().request, {}});
    EXPECT_EQ(Sent<SubscribeActor>().size(), 1u);
  }
  /// An actor of another owner.
  TaskSpec CallAnother(const ObjectRef& handle) {
    Do(ReferenceAdded{handle, {}, false});
    TaskSpec call = Call(2);
    call.header.Edit().actor = ActorOf(handle.id.task);
    Do(TaskSubmitted{call});
    return call;
  }
  std::string MessageOf(ObjectId object) { return GetNow(object).value.Problem().message; }
};

TEST_F(WorkerActor, CallsWaitForTheActorThenCostTwoMessagesEach) {
  Create();
  Do(TaskSubmitted{Call(2)});
  Do(TaskSubmitted{Call(3)});
  EXPECT_EQ(MessagesSent(), 0u);
  Update(View(ActorState::kAlive));
  const auto sent = Sent<PushTask>();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].first, remote);
  EXPECT_EQ(sent[0].second.spec.sequence, 0u);
  EXPECT_EQ(sent[1].second.spec.sequence, 1u);
  Receive(remote, Done(Call(2)));
  EXPECT_EQ(MessagesSent(), 0u);
  Do(TaskSubmitted{Call(4)});
  EXPECT_EQ(MessagesSent(), 1u);
  EXPECT_EQ(GetNow(Call(2).Return(0)).value, Value("value"));
}

TEST_F(WorkerActor, ACallWithoutItsArgumentHoldsBackThoseBehindIt) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{NewTask(9)});
  const auto request = Only<RequestLease>().request;
  Do(TaskSubmitted{Call(2, {{NewTask(9).Return(0), self}})});
  Do(TaskSubmitted{Call(3)});
  EXPECT_TRUE(Sent<PushTask>().empty());
  Receive(daemon, LeaseGranted{request, LeaseId{1, 1}, worker, 1});
  Receive(worker, Done(NewTask(9)));
  EXPECT_EQ(Sent<PushTask>().size(), 2u);
}

// Whatever the first task waits for may be what the second one does.
TEST_F(WorkerActor, ACallDoesNotWaitBehindThatOfAnotherTask) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{NewTask(9)});
  Do(TaskSubmitted{Call(2, {{NewTask(9).Return(0), self}})});
  TaskSpec others = Call(3);
  others.parent = NewTask(9).task;
  Do(TaskSubmitted{others});
  EXPECT_EQ(Only<PushTask>().spec.task, others.task);
  EXPECT_EQ(Only<PushTask>().spec.sequence, 0u);
}

TEST_F(WorkerActor, AnActorThatAllowsItIsCalledOutOfOrder) {
  Create();
  ActorView view = View(ActorState::kAlive);
  view.out_of_order = true;
  Update(view);
  Do(TaskSubmitted{NewTask(9)});
  Do(TaskSubmitted{Call(2, {{NewTask(9).Return(0), self}})});
  Do(TaskSubmitted{Call(3)});
  EXPECT_EQ(Only<PushTask>().spec.task, Call(3).task);
  EXPECT_EQ(machine_.PendingCalls(actor), 2u);
  Receive(remote, Done(Call(3)));
  EXPECT_EQ(machine_.PendingCalls(actor), 1u);
  EXPECT_EQ(machine_.PendingCalls(ActorId{1, 1}), 0u) << "of an actor that is not known";
}

// Its methods are one caller: what they call must arrive in the order of their calls.
TEST_F(WorkerActor, CallsOfAnActorAreInOrderWhicheverMethodMadeThem) {
  TaskSpec creation = NewTask(20);
  TaskHeader& header = creation.header.Edit();
  header.kind = TaskKind::kActorCreation;
  header.actor = ActorOf(creation.task);
  Receive(Address::Gcs(), PushTask{creation});
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{NewTask(9)});
  Do(TaskSubmitted{Call(2, {{NewTask(9).Return(0), self}})});
  TaskSpec other = Call(3);
  other.parent = ChildTask(root, 0, 21);
  Do(TaskSubmitted{other});
  EXPECT_TRUE(Sent<PushTask>().empty());
}

TEST_F(WorkerActor, ACallThatFailsOnItsArgumentFreesThoseBehindIt) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{NewTask(9)});
  Do(TaskSubmitted{Call(2, {{NewTask(9).Return(0), self}})});
  Do(TaskSubmitted{Call(3)});
  Do(CancelRequested{NewTask(9).Return(0), false, true});
  EXPECT_EQ(Only<PushTask>().spec.task, Call(3).task);
  EXPECT_EQ(Only<PushTask>().spec.sequence, 0u);
}

TEST_F(WorkerActor, ALostCallIsNotRepeatedUnlessAllowed) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{Call(2)});
  Update(View(ActorState::kRestarting, 1));
  Do(TaskSubmitted{Call(3)});
  EXPECT_THAT(MessageOf(Call(2).Return(0)), ::testing::HasSubstr("may have run"));
  EXPECT_EQ(ErrorOf(Call(2).Return(0)), ErrorKind::kActorUnavailable) << "it will live again";
  EXPECT_EQ(ErrorOf(Call(3).Return(0)), ErrorKind::kActorUnavailable) << "nor does it wait";
  EXPECT_THAT(MessageOf(Call(3).Return(0)), ::testing::HasSubstr("was not sent"));
  Update(View(ActorState::kAlive, 1));
  Do(TaskSubmitted{Call(4)});
  EXPECT_EQ(Only<PushTask>().spec.task, Call(4).task);
  EXPECT_EQ(Only<PushTask>().spec.sequence, 0u);
}

TEST_F(WorkerActor, WhatWaitsToBeSentFailsWhenTheActorRestartsUnlessItMayBeRepeated) {
  Create();
  Update(View(ActorState::kAlive));
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  Do(TaskSubmitted{Call(2)});
  call_retries = 1;
  Do(TaskSubmitted{Call(3)});
  call_retries = 0;
  Do(TaskSubmitted{Call(4)});
  Update(View(ActorState::kRestarting, 1));
  EXPECT_EQ(ErrorOf(Call(2).Return(0)), ErrorKind::kActorUnavailable);
  Update(View(ActorState::kAlive, 1));
  const auto sent = Sent<PushTask>();
  ASSERT_EQ(sent.size(), 2u) << "one that waits holds back those of its caller behind it";
  EXPECT_EQ(sent[0].second.spec.task, Call(3).task);
}

TEST_F(WorkerActor, LostCallsAreRepeatedInOrderWhereRetriesAreAllowed) {
  call_retries = 1;
  Create();
  Update(View(ActorState::kAlive, 0));
  Do(TaskSubmitted{Call(2)});
  Do(TaskSubmitted{Call(3)});
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  Do(TaskSubmitted{Call(4)});
  EXPECT_EQ(MessagesSent(), 0u);
  Update(View(ActorState::kRestarting, 1));
  EXPECT_EQ(All<TaskRetried>().size(), 2u);
  Update(View(ActorState::kAlive, 1));
  const auto sent = Sent<PushTask>();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].second.spec.task, Call(2).task);
  EXPECT_EQ(sent[0].second.spec.attempt, 1u);
  EXPECT_EQ(sent[2].second.spec.sequence, 2u);
}

TEST_F(WorkerActor, DeathFailsEveryCallWithItsCauseAndReleasesTheCreationsArguments) {
  Do(ObjectPut{Put(0), Value("x"), {}});
  Create({{Put(0), self}});
  Do(ReferenceRemoved{Put(0)});
  Update(View(ActorState::kAlive));
  EXPECT_TRUE(Knows(Put(0)));
  Do(TaskSubmitted{Call(2)});
  Update(View(ActorState::kDead));
  EXPECT_THAT(MessageOf(Call(2).Return(0)), ::testing::HasSubstr("It was killed."));
  EXPECT_FALSE(Knows(Put(0)));
  Do(TaskSubmitted{Call(3)});
  EXPECT_EQ(ErrorOf(Call(3).Return(0)), ErrorKind::kActorDied);
}

TEST_F(WorkerActor, AConstructorThatRaisedIsAmongTheFailures) {
  Create();
  ActorView dead = View(ActorState::kDead);
  dead.death_cause.cause = Bytes("raised");
  Update(dead);
  const std::vector<FailedTask> failed = Failed();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].name, "A.__init__");
  EXPECT_EQ(failed[0].failure.kind, PayloadKind::kException);
  EXPECT_EQ(failed[0].failure.data.View(), "raised");
}

TEST_F(WorkerActor, ADeathAfterTheConstructorIsNoFailureOfIt) {
  Create();
  Update(View(ActorState::kAlive));
  Update(View(ActorState::kDead));
  EXPECT_TRUE(Failed().empty());
}

TEST_F(WorkerActor, CallsMadeAfterAKillWaitForWhatTheGcsSays) {
  Create();
  Update(View(ActorState::kAlive));
  Do(ActorKillRequested{77, actor, true});
  EXPECT_EQ(Sent<KillActor>().size(), 1u);
  const TaskSpec call = Call(2);
  Do(TaskSubmitted{call});
  EXPECT_EQ(Sent<PushTask>().size(), 0u);
  Update(View(ActorState::kDead));
  EXPECT_EQ(GetNow(call.Return(0)).value.Problem().kind, ErrorKind::kActorDied);
}

TEST_F(WorkerActor, AKillBeforeTheRegistrationFollowsIt) {
  Do(TaskSubmitted{Creation()});
  const std::uint64_t request = Only<RegisterActor>().request;
  Do(ActorKillRequested{77, actor, false});
  EXPECT_EQ(Sent<KillActor>().size(), 0u);
  Receive(Address::Gcs(), ActorRegistered{request, {}});
  EXPECT_EQ(Killed(), (KillActor{actor, false}));
}

TEST_F(WorkerActor, EndsWhenTheLastHandleAndTheLastCallAreGone) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{Call(2)});
  Do(ReferenceRemoved{Creation().Return(0)});
  EXPECT_EQ(MessagesSent(), 0u);
  Receive(remote, Done(Call(2)));
  EXPECT_EQ(Only<ActorOutOfScope>().actor, actor);
}

TEST_F(WorkerActor, ADetachedActorOutlivesItsHandles) {
  TaskSpec spec = Creation();
  spec.header.Edit().actor_options->detached = true;
  Do(TaskSubmitted{spec});
  Receive(Address::Gcs(), ActorRegistered{Only<RegisterActor>().request, {}});
  Do(ReferenceRemoved{spec.Return(0)});
  EXPECT_EQ(MessagesSent(), 0u);
}

TEST_F(WorkerActor, ATakenNameFailsTheHandleAndItsCalls) {
  Do(TaskSubmitted{Creation()});
  const auto request = Only<RegisterActor>().request;
  Do(TaskSubmitted{Call(2)});
  Receive(
      Address::Gcs(),
      ActorRegistered{request, {ErrorKind::kInvalid, "The name 'a' is taken.", {}, {}, actor, {}}});
  EXPECT_EQ(ErrorOf(Creation().Return(0)), ErrorKind::kInvalid);
  EXPECT_THAT(MessageOf(Call(2).Return(0)), ::testing::HasSubstr("is taken"));
}

TEST_F(WorkerActor, AnActorWhoseOwnerDiedBeforeRegisteringItIsDead) {
  const ObjectRef handle{{{0x98, 1}, 0}, remote};
  const TaskSpec call = CallAnother(handle);
  EXPECT_EQ(Sent<SubscribeActor>().size(), 1u);
  EXPECT_EQ(Sent<GetObjectStatus>().size(), 1u);
  Receive(remote_daemon, WorkerDied{remote, "killed", false});
  Receive(Address::Gcs(), ListActorsReply{Only<ListActors>().request, {}});
  EXPECT_EQ(ErrorOf(call.Return(0)), ErrorKind::kActorDied);
}

TEST_F(WorkerActor, OneWhoseOwnerHasNoHandleAnyMoreLivesAsLongAsTheGcsSaysSo) {
  const ObjectRef handle{{{0x98, 1}, 0}, remote};
  const TaskSpec call = CallAnother(handle);
  ObjectStatusReply freed{handle.id, {}};
  freed.status.phase = ObjectPhase::kInline;
  freed.status.value = Payload::Error({ErrorKind::kObjectFreed, "freed", handle.id, {}, {}, {}});
  Receive(remote, freed);
  ActorView view = View(ActorState::kAlive);
  view.actor = call.header->actor;
  Update(view);
  EXPECT_EQ(Only<PushTask>().spec.task, call.task);
}

TEST_F(WorkerActor, ResultsOfItsCallsAreMadeAgainOnlyWithTaskRetries) {
  Create();
  Update(View(ActorState::kAlive));
  Do(TaskSubmitted{Call(2)});
  Receive(remote, DoneInStore(Call(2)));
  Receive(worker, GetObjectStatus{Call(2).Return(0), {kOtherNode}});
  EXPECT_EQ(Only<ObjectStatusReply>().status.value.Problem().kind,
            ErrorKind::kReconstructionFailed);

  call_retries = 1;
  Do(TaskSubmitted{Call(3)});
  Receive(remote, DoneInStore(Call(3)));
  Receive(worker, GetObjectStatus{Call(3).Return(0), {kOtherNode}});
  EXPECT_EQ(Only<PushTask>().spec.attempt, 1u);
}

TEST_F(WorkerActor, AResultCannotBeMadeAgainOnceTheLastHandleHasGone) {
  Create();
  Update(View(ActorState::kAlive));
  call_retries = 1;
  Do(TaskSubmitted{Call(2)});
  Receive(remote, DoneInStore(Call(2)));
  Do(ReferenceRemoved{Creation().Return(0)});
  Receive(worker, GetObjectStatus{Call(2).Return(0), {kOtherNode}});
  Update(View(ActorState::kDead));
  EXPECT_EQ(ErrorOf(Call(2).Return(0)), ErrorKind::kActorDied);
}

TEST_F(WorkerActor, RepeatsWhatAGcsThatCameBackMayNotHaveHeard) {
  Create();
  Update(View(ActorState::kAlive));
  Do(GcsRequested{77, ListNodes{}, {}});
  Do(ActorKillRequested{77, actor, true});
  Receive(daemon, GcsRestarted{kOtherNode, "n2", kOtherNode});
  EXPECT_EQ(Sent<SubscribeActor>().size(), 1u);
  EXPECT_EQ(Killed(), (KillActor{actor, true, 0}));
  const std::uint64_t kill = Only<KillActor>().request;
  EXPECT_EQ(Sent<ListNodes>().size(), 1u);
  Receive(Address::Gcs(), ActorKilled{kill});
  Update(View(ActorState::kDead));
  Receive(daemon, GcsRestarted{kOtherNode, "n2", kOtherNode});
  EXPECT_EQ(Sent<SubscribeActor>().size(), 0u);
  EXPECT_EQ(Sent<KillActor>().size(), 0u);
}

TEST_F(WorkerActor, RepeatsThatTheLastHandleIsGone) {
  Create();
  Update(View(ActorState::kAlive));
  Do(ReferenceRemoved{Creation().Return(0)});
  EXPECT_EQ(Sent<ActorOutOfScope>().size(), 1u);
  Receive(daemon, GcsRestarted{kOtherNode, "n2", kOtherNode});
  EXPECT_EQ(Only<ActorOutOfScope>().actor, actor);
}

TEST_F(WorkerActor, AKillWithRestartNamesTheIncarnationAndIsRepeatedForThatOnly) {
  Create();
  Update(View(ActorState::kAlive, 1));
  Do(ActorKillRequested{77, actor, false});
  EXPECT_EQ(Killed(), (KillActor{actor, false, 1}));
  Receive(daemon, GcsRestarted{kOtherNode, "n2", kOtherNode});
  EXPECT_EQ(Killed(), (KillActor{actor, false, 1}));
  Receive(Address::Gcs(), ActorKilled{Only<KillActor>().request});
  Update(View(ActorState::kRestarting, 2));
  Receive(daemon, GcsRestarted{kOtherNode, "n2", kOtherNode});
  EXPECT_EQ(Sent<KillActor>().size(), 0u);
}

TEST_F(WorkerActor, AKillReturnsWhenTheGcsHasNotedIt) {
  Create();
  Do(ActorKillRequested{77, actor, true});
  const std::uint64_t request = Only<KillActor>().request;
  Do(ActorKillRequested{78, actor, true});
  EXPECT_THAT(All<FulfilGcs>(), ::testing::IsEmpty());
  Receive(Address::Gcs(), ActorKilled{request});
  EXPECT_EQ(All<FulfilGcs>().at(0).request, 77u);
  Receive(Address::Gcs(), ActorKilled{request});
  EXPECT_THAT(All<FulfilGcs>(), ::testing::IsEmpty()) << "the second answer";
}

TEST_F(WorkerActor, AKillOfADeadActorReturnsAtOnce) {
  Create();
  Update(View(ActorState::kDead));
  Do(ActorKillRequested{77, actor, true});
  EXPECT_EQ(All<FulfilGcs>().at(0).request, 77u);
}

TEST_F(WorkerActor, AKillThatWaitsForItsIncarnationReturnsWhenTheActorIsDead) {
  Do(ActorKillRequested{77, actor, false});
  Do(ActorKillRequested{78, actor, false});
  Do(RequestAbandoned{78});
  Update(View(ActorState::kDead));
  ASSERT_EQ(All<FulfilGcs>().size(), 1u);
  EXPECT_EQ(All<FulfilGcs>().front().request, 77u);
}

TEST_F(WorkerActor, AKillWithRestartOfAnActorNeverHeardOfWaitsForItsIncarnation) {
  Do(ActorKillRequested{77, actor, false});
  EXPECT_EQ(Sent<KillActor>().size(), 0u);
  EXPECT_EQ(Only<SubscribeActor>().actor, actor);
  Update(View(ActorState::kAlive, 3));
  EXPECT_EQ(Killed(), (KillActor{actor, false, 3}));
}

TEST_F(WorkerActor, LateNewsOfTheSameIncarnationDoNotStopAnActor) {
  Create();
  Update(View(ActorState::kAlive));
  Update(View(ActorState::kPending));
  Do(TaskSubmitted{Call(2)});
  EXPECT_EQ(Sent<PushTask>().size(), 1u);
}

}  // namespace
}  // namespace mobula::worker
