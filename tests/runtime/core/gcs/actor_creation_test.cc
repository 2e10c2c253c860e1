// SPDX-License-Identifier: Apache-2.0
// Goal: an actor from its registration until it is alive, and who hears of it.
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ActorCreationTest : public ActorTest {
 protected:
  void Named(TaskSpec& spec, const std::string& name, const std::string& space = "prod") {
    spec.header.Edit().actor_options->name = name;
    spec.header.Edit().actor_options->ray_namespace = space;
  }
  ErrorInfo Answer() const { return SentTo<ActorRegistered>(kDriver).at(0).error; }
};

TEST_F(ActorCreationTest, AsksTheCreatorsRayletForAWorker) {
  const TaskSpec spec = Creation();
  Register(spec);
  EXPECT_TRUE(Answer().Ok());
  const RequestLease lease = LeaseAt(1);
  EXPECT_EQ(lease.owner, Address::Gcs());
  EXPECT_EQ(lease.actor, spec.header->actor);
  EXPECT_EQ(lease.job, job);
  EXPECT_EQ(lease.resources, spec.header->resources);
  EXPECT_EQ(lease.name, "Counter.__init__");
  EXPECT_EQ(View(spec).state, ActorState::kPending);
}

TEST_F(ActorCreationTest, PushesTheConstructorToTheGrantedWorkerAndIsAliveWhenItReturns) {
  const TaskSpec spec = Creation();
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  const auto pushed = SentTo<PushTask>(Worker(1, 5));
  ASSERT_THAT(pushed, SizeIs(1));
  EXPECT_EQ(pushed[0].spec, spec);
  FinishConstructor(spec, Worker(1, 5));
  const ActorView view = View(spec);
  EXPECT_EQ(view.state, ActorState::kAlive);
  EXPECT_EQ(view.worker, Worker(1, 5));
  EXPECT_EQ(view.pid, 4711u);
  EXPECT_EQ(view.handle, (ObjectRef{spec.Return(0), kDriver}));
  EXPECT_THAT(events.back(), HasSubstr("is alive on node n1"));
}

TEST_F(ActorCreationTest, RegistersARepeatedRequestOnce) {
  const TaskSpec spec = Creation();
  Register(spec);
  Register(spec);
  EXPECT_TRUE(Answer().Ok());
  EXPECT_EQ(CountSent<RequestLease>(), 0u);
  EXPECT_THAT(gcs.Actors(), SizeIs(1));
}

TEST_F(ActorCreationTest, FollowsARayletThatSendsTheRequestOn) {
  const TaskSpec spec = Creation();
  Register(spec);
  const RequestLease first = LeaseAt(1);
  Say(Daemon(1), LeaseSpilled{first.request, NodeNumber(2)});
  const RequestLease second = LeaseAt(2);
  EXPECT_NE(second.request, first.request);
  EXPECT_EQ(second.spill_count, 1u);
  Grant(second.request, Worker(2, 5));
  EXPECT_THAT(SentTo<PushTask>(Worker(2, 5)), SizeIs(1));
}

TEST_F(ActorCreationTest, AsksAnewWhenSentOnToADeadNode) {
  const TaskSpec spec = Creation();
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  DieNode(2);
  Say(Daemon(1), LeaseSpilled{request, NodeNumber(2)});
  EXPECT_EQ(LeaseAt(1).spill_count, 0u);
}

TEST_F(ActorCreationTest, AsksElsewhereWhenTheNodeAskedDies) {
  TaskSpec spec = Creation();
  spec.header.Edit().strategy = {StrategyKind::kNodeAffinity, NodeNumber(2), true, {}, 0, false};
  Register(spec);
  LeaseAt(2);
  DieNode(2);
  LeaseAt(1);
}

TEST_F(ActorCreationTest, DiesWhenItInsistsOnANodeThatIsGone) {
  TaskSpec spec = Creation();
  spec.header.Edit().strategy = {StrategyKind::kNodeAffinity, NodeNumber(2), false, {}, 0, false};
  Register(spec);
  LeaseAt(2);
  DieNode(2);
  EXPECT_EQ(Cause(spec).kind, ErrorKind::kActorUnschedulable);
  EXPECT_THAT(Cause(spec).message, HasSubstr("must run on node n2, which is dead"));
}

TEST_F(ActorCreationTest, SpreadsOverAllNodesInTurn) {
  for (std::uint64_t i = 1; i <= 3; ++i) {
    TaskSpec spec = Creation(i);
    spec.header.Edit().strategy.kind = StrategyKind::kSpread;
    Register(spec);
    EXPECT_EQ(LeaseAt(i).strategy.kind, StrategyKind::kDefault);
  }
}

TEST_F(ActorCreationTest, LooksForANodeThatCanHoldIt) {
  Join(4, 16);
  TaskSpec spec = Creation();
  spec.header.Edit().resources = ResourceSet::Of({{"CPU", 10}});
  Register(spec);
  LeaseAt(4);
}

TEST_F(ActorCreationTest, TellsItsOwnerWhyItIsPendingWhenNobodyCanHoldIt) {
  TaskSpec spec = Creation();
  spec.header.Edit().resources = ResourceSet::Of({{"GPU", 1}});
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  Say(Daemon(1), LeaseInfeasible{request, "no node has a GPU"});
  const auto updates = SentTo<ActorUpdate>(kDriver);
  ASSERT_THAT(updates, SizeIs(1));
  EXPECT_EQ(updates[0].actor.state, ActorState::kPending);
  EXPECT_EQ(updates[0].actor.death_cause.kind, ErrorKind::kActorUnschedulable);
  EXPECT_EQ(updates[0].actor.death_cause.message, "no node has a GPU");
  Grant(request, Worker(1, 5));
  EXPECT_TRUE(View(spec).death_cause.Ok());
}

TEST_F(ActorCreationTest, WaitsForANodeWhenNoneLives) {
  TaskSpec spec = Creation();
  spec.header.Edit().actor_options->detached = true;
  Register(spec);
  for (std::uint64_t node = 1; node <= 3; ++node) DieNode(node);
  EXPECT_EQ(View(spec).state, ActorState::kPending);
  Join(8);
  LeaseAt(8);
}

TEST_F(ActorCreationTest, DiesWhenTheRayletRefuses) {
  const TaskSpec spec = Creation();
  Register(spec);
  ErrorInfo error;
  error.kind = ErrorKind::kRuntimeEnvSetup;
  error.message = "no such package";
  Say(Daemon(1), LeaseRefused{LeaseAt(1).request, error});
  EXPECT_EQ(Cause(spec).kind, ErrorKind::kRuntimeEnvSetup);
  EXPECT_EQ(Cause(spec).actor, spec.header->actor);
}

TEST_F(ActorCreationTest, DiesWithTheExceptionOfItsConstructor) {
  const TaskSpec spec = Creation();
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  const Payload exception{PayloadKind::kException, Bytes("pickled"), {}};
  Say(Worker(1, 5),
      TaskDone{spec.task, 0, {{spec.Return(0), exception, false, 0, {}}}, true, {}, {}});
  EXPECT_EQ(Cause(spec).kind, ErrorKind::kActorDied);
  EXPECT_EQ(Cause(spec).cause, Bytes("pickled"));
  EXPECT_THAT(SentTo<KillWorker>(Daemon(1)), SizeIs(1));
}

TEST_F(ActorCreationTest, DiesOfAnArgumentThatCouldNotBeHad) {
  const TaskSpec spec = Creation();
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  ErrorInfo lost;
  lost.kind = ErrorKind::kObjectLost;
  lost.message = "the object is lost";
  Say(Worker(1, 5),
      TaskDone{
          spec.task, 0, {{spec.Return(0), Payload::Error(lost), false, 0, {}}}, false, {}, {}});
  EXPECT_THAT(Cause(spec).message, HasSubstr("the object is lost"));
}

TEST_F(ActorCreationTest, AsksForAnotherWorkerWhenTheFirstGivesTheConstructorBack) {
  const TaskSpec spec = Creation();
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  Say(Worker(1, 5), TaskReturned{spec.task, 0});
  EXPECT_THAT(SentTo<KillWorker>(Daemon(1)), SizeIs(1));
  LeaseAt(1);
  EXPECT_EQ(View(spec).incarnation, 0u);
  EXPECT_EQ(View(spec).state, ActorState::kPending);
}

TEST_F(ActorCreationTest, IgnoresAnAnswerOfAnotherIncarnation) {
  TaskSpec spec = Creation();
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  FinishConstructor(spec, Worker(1, 5), 3);
  EXPECT_EQ(View(spec).state, ActorState::kPending);
}

TEST_F(ActorCreationTest, RefusesANameThatIsTakenInItsNamespace) {
  TaskSpec first = Creation(1);
  TaskSpec second = Creation(2);
  TaskSpec third = Creation(3);
  Named(first, "shared");
  Named(second, "shared");
  Named(third, "shared", "test");
  Register(first);
  Register(second);
  EXPECT_EQ(Answer().kind, ErrorKind::kInvalid);
  EXPECT_THAT(Answer().message, HasSubstr("\"shared\" is taken in namespace \"prod\""));
  EXPECT_THAT(gcs.Actors(), SizeIs(1));
  Register(third);
  EXPECT_TRUE(Answer().Ok());
}

TEST_F(ActorCreationTest, RefusesARepeatedRequestAgainEvenIfTheNameIsFreeByThen) {
  TaskSpec first = Creation(1);
  TaskSpec second = Creation(2);
  Named(first, "shared");
  Named(second, "shared");
  Register(first);
  Register(second);
  Say(kDriver, KillActor{first.header->actor, true});
  Register(second);
  EXPECT_EQ(Answer().kind, ErrorKind::kInvalid);
  TaskSpec third = Creation(3);
  Named(third, "shared");
  Register(third);
  EXPECT_TRUE(Answer().Ok());
}

TEST_F(ActorCreationTest, FindsActorsByName) {
  TaskSpec spec = Creation();
  Named(spec, "shared");
  Register(spec);
  Say(Worker(2, 1), GetNamedActor{7, "shared", "prod"});
  const auto found = SentTo<NamedActorReply>(Worker(2, 1));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].found);
  EXPECT_EQ(found[0].request, 7u);
  EXPECT_EQ(found[0].actor, View(spec));
  Say(Worker(2, 1), GetNamedActor{8, "shared", "test"});
  EXPECT_FALSE(SentTo<NamedActorReply>(Worker(2, 1))[0].found);
}

TEST_F(ActorCreationTest, TellsSubscribersNowAndAtEachChange) {
  const TaskSpec spec = Creation();
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  Say(Worker(3, 1), SubscribeActor{spec.header->actor});
  ASSERT_THAT(SentTo<ActorUpdate>(Worker(3, 1)), SizeIs(1));
  Grant(request, Worker(1, 5));
  FinishConstructor(spec, Worker(1, 5));
  const auto updates = SentTo<ActorUpdate>(Worker(3, 1));
  ASSERT_THAT(updates, SizeIs(1));
  EXPECT_EQ(updates[0].actor.state, ActorState::kAlive);
}

TEST_F(ActorCreationTest, RemembersWhoAskedForAnActorBeforeItWasRegistered) {
  const TaskSpec spec = Creation();
  Say(Worker(3, 1), SubscribeActor{spec.header->actor});
  EXPECT_THAT(sent, IsEmpty());
  Register(spec);
  EXPECT_THAT(SentTo<ActorUpdate>(Worker(3, 1)), SizeIs(1));
}

TEST_F(ActorCreationTest, DropsSubscribersThatDie) {
  const TaskSpec spec = Creation(1);
  const TaskSpec later = Creation(2);
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  Say(Worker(3, 1), SubscribeActor{spec.header->actor});
  Say(Worker(3, 1), SubscribeActor{later.header->actor});
  Say(Worker(2, 1), SubscribeActor{spec.header->actor});
  Die(Worker(3, 1));
  DieNode(2);
  Grant(request, Worker(1, 5));
  FinishConstructor(spec, Worker(1, 5));
  EXPECT_EQ(CountSent<ActorUpdate>(), 0u);
  Register(later);
  EXPECT_EQ(CountSent<ActorUpdate>(), 0u);
}

TEST_F(ActorCreationTest, RefusesActorsOfAFinishedJob) {
  Say(Daemon(1), JobFinished{job});
  Register(Creation());
  EXPECT_EQ(Answer().kind, ErrorKind::kActorDied);
  EXPECT_THAT(Answer().message, HasSubstr("has finished"));
}

TEST_F(ActorCreationTest, ListsActors) {
  const TaskSpec spec = Creation();
  Register(spec);
  Say(kDriver, ListActors{3});
  EXPECT_THAT(SentTo<ListActorsReply>(kDriver)[0].actors, ElementsAre(View(spec)));
}

}  // namespace
}  // namespace mobula::gcs
