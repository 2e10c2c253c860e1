// SPDX-License-Identifier: Apache-2.0
// Goal: every way in which an actor restarts or ends, and that no worker is left behind.
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ActorDeathTest : public ActorTest {
 protected:
  TaskSpec Restartable(std::int32_t max_restarts, std::uint64_t number = 1) const {
    TaskSpec spec = Creation(number);
    spec.header.Edit().actor_options->max_restarts = max_restarts;
    return spec;
  }
  std::vector<KillWorker> KilledAt(std::uint64_t node) const {
    return SentTo<KillWorker>(Daemon(node));
  }
};

TEST_F(ActorDeathTest, RestartsElsewhereAfterItsWorkerDied) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(1, 5));
  Say(Worker(2, 1), SubscribeActor{spec.header->actor});
  Die(Worker(1, 5));
  EXPECT_EQ(View(spec).state, ActorState::kRestarting);
  EXPECT_EQ(View(spec).incarnation, 1u);
  EXPECT_EQ(SentTo<ActorUpdate>(Worker(2, 1)).at(0).actor.state, ActorState::kRestarting);
  Grant(LeaseAt(1).request, Worker(3, 6));
  EXPECT_EQ(SentTo<PushTask>(Worker(3, 6)).at(0).spec.attempt, 1u);
  FinishConstructor(spec, Worker(3, 6), 1);
  EXPECT_EQ(View(spec).state, ActorState::kAlive);
  EXPECT_EQ(View(spec).worker, Worker(3, 6));
}

TEST_F(ActorDeathTest, DiesWhenNoRestartIsLeft) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(1, 5));
  Die(Worker(1, 5));
  Grant(LeaseAt(1).request, Worker(1, 6));
  FinishConstructor(spec, Worker(1, 6), 1);
  Die(Worker(1, 6));
  EXPECT_EQ(Cause(spec).kind, ErrorKind::kActorDied);
  EXPECT_THAT(Cause(spec).message, HasSubstr("exit code 9"));
  EXPECT_THAT(Cause(spec).message, HasSubstr("max_restarts of 1"));
  EXPECT_EQ(CountSent<RequestLease>(), 0u);
}

TEST_F(ActorDeathTest, SaysThatRestartsWouldHaveHelped) {
  const TaskSpec spec = Creation();
  Create(spec, Worker(1, 5));
  Die(Worker(1, 5));
  EXPECT_THAT(Cause(spec).message, HasSubstr("max_restarts > 0"));
}

TEST_F(ActorDeathTest, RestartsWithoutEndWhenAllowed) {
  const TaskSpec spec = Restartable(-1);
  Create(spec, Worker(1, 5));
  for (std::uint32_t i = 1; i <= 20; ++i) {
    Die(Worker(1, 4 + i));
    Grant(LeaseAt(1).request, Worker(1, 5 + i));
    FinishConstructor(spec, Worker(1, 5 + i), i);
    ASSERT_EQ(View(spec).state, ActorState::kAlive);
  }
  EXPECT_EQ(View(spec).incarnation, 20u);
}

TEST_F(ActorDeathTest, CountsADeathDuringTheConstructor) {
  const TaskSpec spec = Restartable(1);
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  Die(Worker(1, 5));
  EXPECT_EQ(View(spec).incarnation, 1u);
  Grant(LeaseAt(1).request, Worker(1, 6));
  Die(Worker(1, 6));
  EXPECT_EQ(View(spec).state, ActorState::kDead);
}

TEST_F(ActorDeathTest, TakesAPushThatBouncedForADeath) {
  const TaskSpec spec = Restartable(1);
  Register(spec);
  Grant(LeaseAt(1).request, Worker(1, 5));
  Say(Daemon(1), WorkerDied{Worker(1, 5), "the process has ended", false});
  EXPECT_EQ(View(spec).incarnation, 1u);
  Die(Worker(1, 5));
  EXPECT_EQ(View(spec).incarnation, 1u) << "one death, told twice";
}

TEST_F(ActorDeathTest, DoesNotRestartAfterAnExitOnPurpose) {
  const TaskSpec spec = Restartable(5);
  Create(spec, Worker(1, 5));
  Die(Worker(1, 5), true);
  EXPECT_THAT(Cause(spec).message, HasSubstr("on purpose"));
}

TEST_F(ActorDeathTest, RestartsWhenItsNodeDies) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(2, 5));
  DieNode(2);
  EXPECT_EQ(View(spec).state, ActorState::kRestarting);
  LeaseAt(1);
  EXPECT_THAT(KilledAt(2), IsEmpty());
}

TEST_F(ActorDeathTest, DiesWithItsNodeNamingTheReason) {
  const TaskSpec spec = Creation();
  Create(spec, Worker(2, 5));
  DieNode(2);
  EXPECT_THAT(Cause(spec).message, HasSubstr("node n2 died: it left: unplugged"));
}

TEST_F(ActorDeathTest, KillEndsTheWorkerAndFreesTheName) {
  TaskSpec spec = Restartable(5);
  spec.header.Edit().actor_options->name = "shared";
  Create(spec, Worker(2, 5));
  Say(Worker(3, 1), KillActor{spec.header->actor, true});
  EXPECT_EQ(View(spec).state, ActorState::kDead);
  ASSERT_THAT(KilledAt(2), SizeIs(1));
  EXPECT_EQ(KilledAt(2)[0].worker, Worker(2, 5).worker);
  TaskSpec heir = Creation(2);
  heir.header.Edit().actor_options->name = "shared";
  Register(heir);
  EXPECT_TRUE(SentTo<ActorRegistered>(kDriver)[0].error.Ok());
  Die(Worker(2, 5));
  EXPECT_EQ(View(heir).state, ActorState::kPending);
}

TEST_F(ActorDeathTest, KillWithRestartMakesANewIncarnationAtOnce) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(2, 5));
  Say(kDriver, KillActor{spec.header->actor, false});
  EXPECT_THAT(KilledAt(2), SizeIs(1));
  LeaseAt(1);
  EXPECT_EQ(View(spec).incarnation, 1u);
  Die(Worker(2, 5));
  EXPECT_EQ(View(spec).incarnation, 1u);
  EXPECT_EQ(View(spec).state, ActorState::kRestarting);
}

TEST_F(ActorDeathTest, KillWithRestartIsTheEndWhenNoneIsLeft) {
  const TaskSpec spec = Creation();
  Create(spec, Worker(2, 5));
  Say(kDriver, KillActor{spec.header->actor, false});
  EXPECT_EQ(View(spec).state, ActorState::kDead);
}

TEST_F(ActorDeathTest, KillWithRestartLeavesAPendingActorAlone) {
  const TaskSpec spec = Restartable(1);
  Register(spec);
  Say(kDriver, KillActor{spec.header->actor, false});
  EXPECT_EQ(View(spec).state, ActorState::kPending);
  EXPECT_EQ(View(spec).incarnation, 0u);
}

TEST_F(ActorDeathTest, IgnoresAKillOfTheUnknownOrDead) {
  const TaskSpec spec = Creation();
  Say(kDriver, KillActor{spec.header->actor, true});
  EXPECT_EQ(SentTo<ActorKilled>(kDriver).size(), sent.size()) << "all that is said";
  Create(spec, Worker(2, 5));
  Say(kDriver, KillActor{spec.header->actor, true, 0, 1});
  EXPECT_EQ(SentTo<ActorKilled>(kDriver).at(0).request, 1u);
  Say(kDriver, KillActor{spec.header->actor, true, 0, 1});
  EXPECT_EQ(SentTo<ActorKilled>(kDriver).size(), sent.size()) << "all that is said";
}

TEST_F(ActorDeathTest, TakesBackItsLeaseRequestAndALateGrant) {
  const TaskSpec spec = Creation();
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  Say(kDriver, KillActor{spec.header->actor, true});
  EXPECT_EQ(SentTo<CancelLeaseRequest>(Daemon(1)).at(0),
            (CancelLeaseRequest{request, Address::Gcs()}));
  Grant(request, Worker(1, 5));
  ASSERT_THAT(KilledAt(1), SizeIs(1));
  EXPECT_EQ(KilledAt(1)[0].worker, Worker(1, 5).worker);
  EXPECT_EQ(CountSent<PushTask>(), 0u);
}

TEST_F(ActorDeathTest, DoesNotKillAWorkerInUseWhenItsGrantIsRepeated) {
  const TaskSpec spec = Creation();
  Register(spec);
  const std::uint64_t request = LeaseAt(1).request;
  Grant(request, Worker(1, 5));
  Grant(request, Worker(1, 5));
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(ActorDeathTest, EndsWhenItsLastHandleGoes) {
  const TaskSpec spec = Restartable(5);
  Create(spec, Worker(2, 5));
  Say(kDriver, ActorOutOfScope{spec.header->actor});
  EXPECT_THAT(Cause(spec).message, HasSubstr("last handle"));
  ASSERT_THAT(KilledAt(2), SizeIs(1));
  EXPECT_TRUE(KilledAt(2)[0].in_order);
}

TEST_F(ActorDeathTest, EndsAtOnceWhenItIsKilled) {
  const TaskSpec spec = Restartable(5);
  Create(spec, Worker(2, 5));
  Say(kDriver, KillActor{spec.header->actor, /*no_restart=*/true, 0, 1});
  ASSERT_THAT(KilledAt(2), SizeIs(1));
  EXPECT_FALSE(KilledAt(2)[0].in_order);
}

TEST_F(ActorDeathTest, DiesWithTheWorkerThatOwnsIt) {
  TaskSpec spec = Restartable(5);
  spec.header.Edit().owner = Worker(2, 9);
  Create(spec, Worker(3, 5));
  Die(Worker(2, 9));
  EXPECT_THAT(Cause(spec).message, HasSubstr("because its owner"));
  EXPECT_THAT(Cause(spec).message, HasSubstr(Worker(2, 9).worker.Hex()));
  EXPECT_THAT(KilledAt(3), SizeIs(1));
}

TEST_F(ActorDeathTest, DiesWithTheNodeOfItsOwnerAndIsNotRestartedFirst) {
  TaskSpec spec = Restartable(5);
  spec.header.Edit().owner = Worker(2, 9);
  Create(spec, Worker(2, 5));
  DieNode(2);
  EXPECT_THAT(Cause(spec).message, HasSubstr("because its owner"));
  EXPECT_EQ(CountSent<RequestLease>(), 0u);
}

TEST_F(ActorDeathTest, DiesWithTheActorThatOwnsIt) {
  const TaskSpec parent = Restartable(5, 1);
  Create(parent, Worker(2, 5));
  TaskSpec child = Creation(2);
  child.header.Edit().owner = Worker(2, 5);
  Create(child, Worker(3, 6));
  Say(kDriver, KillActor{parent.header->actor, true});
  Die(Worker(2, 5));
  EXPECT_EQ(View(child).state, ActorState::kDead);
  EXPECT_THAT(KilledAt(3), SizeIs(1));
}

TEST_F(ActorDeathTest, DiesWithItsJob) {
  TaskSpec spec = Restartable(5);
  spec.header.Edit().owner = Worker(2, 9);
  Create(spec, Worker(3, 5));
  Say(Daemon(1), JobFinished{job});
  EXPECT_THAT(Cause(spec).message, HasSubstr("its job"));
  EXPECT_THAT(KilledAt(3), SizeIs(1));
}

TEST_F(ActorDeathTest, OutlivesOwnerAndJobWhenDetached) {
  TaskSpec spec = Restartable(1);
  spec.header.Edit().actor_options->detached = true;
  spec.header.Edit().actor_options->name = "service";
  Create(spec, Worker(2, 5));
  const std::string space = "job/" + job.Hex();
  Say(kDriver, KvRequest{1, KvOperation::kPut, space, "package", Bytes("zip"), true});
  Say(kDriver, ActorOutOfScope{spec.header->actor});
  Die(kDriver);
  Say(Daemon(1), JobFinished{job});
  EXPECT_EQ(View(spec).state, ActorState::kAlive);
  Say(Worker(3, 1), KvRequest{1, KvOperation::kExists, space, "package", {}, true});
  EXPECT_TRUE(SentTo<KvReply>(Worker(3, 1)).at(0).found) << "it may need that when it restarts";
  Die(Worker(2, 5));
  Grant(LeaseAt(1).request, Worker(3, 6));
  FinishConstructor(spec, Worker(3, 6), 1);
  EXPECT_EQ(View(spec).state, ActorState::kAlive);
}

// A finished job's store goes with the last of its detached actors, not with the first.
TEST_F(ActorDeathTest, TakesWhatItsJobHasStoredAlongWhenItIsTheLast) {
  std::vector<TaskSpec> specs;
  for (const std::uint64_t number : {1u, 2u}) {
    TaskSpec& spec = specs.emplace_back(Restartable(0, number));
    spec.header.Edit().actor_options->detached = true;
    Create(spec, Worker(2, 4 + number));
  }
  const std::string space = "job/" + job.Hex();
  Say(kDriver, KvRequest{1, KvOperation::kPut, space, "package", Bytes("zip"), true});
  Die(kDriver);
  Say(Daemon(1), JobFinished{job});
  std::uint64_t request = 0;
  const auto is_there = [&] {
    Say(Worker(3, 1), KvRequest{++request, KvOperation::kExists, space, "package", {}, true});
    return SentTo<KvReply>(Worker(3, 1)).back().found;
  };
  Die(Worker(2, 5));
  EXPECT_EQ(View(specs[0]).state, ActorState::kDead);
  EXPECT_TRUE(is_there());
  Die(Worker(2, 6));
  EXPECT_FALSE(is_there());
}

TEST_F(ActorDeathTest, TellsLateSubscribersWhyItIsDead) {
  const TaskSpec spec = Creation();
  Create(spec, Worker(2, 5));
  Die(Worker(2, 5));
  Say(Worker(3, 1), SubscribeActor{spec.header->actor});
  const auto updates = SentTo<ActorUpdate>(Worker(3, 1));
  ASSERT_THAT(updates, SizeIs(1));
  EXPECT_EQ(updates[0].actor.state, ActorState::kDead);
  EXPECT_EQ(updates[0].actor.death_cause, Cause(spec));
}

}  // namespace
}  // namespace mobula::gcs
