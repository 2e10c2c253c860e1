// SPDX-License-Identifier: Apache-2.0
// Goal: daemons, GCS and links work together: nodes join, drivers and actors live and die, dead
// nodes are fenced. Method: three Node machines in a small world with a bad network, each test over
// many seeds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/core/node/world.h"

namespace mobula::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ClusterTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  static World MakeWorld() { return World({.seed = GetParam()}); }

  /// A driver that is a member, and its job.
  static std::pair<Address, JobId> JoinDriver(World& world, std::size_t index) {
    const Address driver = world.StartDriver(index);
    world.Run(Seconds(3));
    const auto answers = world.Received<WorkerRegistered>(driver);
    EXPECT_THAT(answers, SizeIs(1));
    return {driver, answers.empty() ? JobId{} : answers[0].second.job};
  }
  static RequestLease LeaseFor(const Address& owner, JobId job, const ResourceSet& resources) {
    RequestLease request;
    request.request = 1;
    request.owner = owner;
    request.job = job;
    request.resources = resources;
    request.name = "work";
    return request;
  }
  static TaskSpec Creation(const Address& owner, JobId job, std::int32_t max_restarts) {
    TaskSpec spec;
    spec.task = ChildTask(TaskId{1, 1}, 0, 1);
    TaskHeader& header = spec.header.Edit();
    header.kind = TaskKind::kActorCreation;
    header.job = job;
    header.owner = owner;
    header.function.name = "Counter";
    header.resources = ResourceSet::Of({{"CPU", 1}});
    header.actor = ActorOf(spec.task);
    header.actor_options.emplace();
    spec.header.Edit().actor_options->max_restarts = max_restarts;
    return spec;
  }
  /// Registers an actor on the node that has the resource named so, and waits until it lives.
  static ActorView CreateActor(World& world, const Address& owner, TaskSpec spec,
                               const std::string& where) {
    spec.header.Edit().resources = ResourceSet::Of({{where, 1}});
    world.Say(owner, Address::Gcs(), RegisterActor{1, spec});
    world.Say(owner, Address::Gcs(), SubscribeActor{spec.header->actor});
    world.Run(Seconds(5));
    const ActorView view = LastView(world, owner);
    EXPECT_EQ(view.state, ActorState::kAlive) << ToString(view);
    return view;
  }
  static ActorView LastView(const World& world, const Address& subscriber) {
    const auto updates = world.Received<ActorUpdate>(subscriber);
    return updates.empty() ? ActorView{} : updates.back().second.actor;
  }
  static std::size_t LivingNodes(const World& world) {
    std::size_t living = 0;
    for (const NodeView& view : world.Gcs().Nodes()) living += view.alive ? 1 : 0;
    return living;
  }
};

TEST_P(ClusterTest, NodesJoinAndStayMembers) {
  World world = MakeWorld();
  world.Run(Seconds(20));
  EXPECT_EQ(LivingNodes(world), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(world.Count<raylet::Fenced>(i), 0u);
}

TEST_P(ClusterTest, DriversGetJobsOfTheirOwnOnAnyNode) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [first, first_job] = JoinDriver(world, 0);
  const auto [second, second_job] = JoinDriver(world, 2);
  EXPECT_NE(first_job, second_job);
  EXPECT_THAT(world.Gcs().Jobs(), SizeIs(2));
  EXPECT_EQ(world.Received<WorkerRegistered>(second)[0].second.address, second);
}

TEST_P(ClusterTest, ADriverIsGrantedAWorkerOfItsOwnNodeAndRunsATaskThere) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  world.Say(driver, World::Daemon(1), LeaseFor(driver, job, ResourceSet::Of({{"CPU", 1}})));
  world.Run(Seconds(2));
  const auto grants = world.Received<LeaseGranted>(driver);
  ASSERT_THAT(grants, SizeIs(1));
  const Address worker = grants[0].second.worker;
  EXPECT_EQ(worker.node, World::NodeNumber(1));

  TaskSpec task;
  task.task = TaskId{5, 5};
  task.header.Edit().owner = driver;
  world.Say(driver, worker, PushTask{task});
  world.Run(Milliseconds(100));
  EXPECT_THAT(world.Received<TaskDone>(driver), SizeIs(1));
}

TEST_P(ClusterTest, ADriverIsSentToTheNodeThatHasWhatItNeedsAndRunsATaskThere) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  RequestLease request = LeaseFor(driver, job, ResourceSet::Of({{"n2", 1}}));
  world.Say(driver, World::Daemon(1), request);
  world.Run(Seconds(2));
  const auto spilled = world.Received<LeaseSpilled>(driver);
  ASSERT_THAT(spilled, SizeIs(1));
  EXPECT_EQ(spilled[0].second.node, World::NodeNumber(2));
  request.request = 2;
  request.spill_count = 1;
  world.Say(driver, World::Daemon(2), request);
  world.Run(Seconds(5));
  const auto grants = world.Received<LeaseGranted>(driver);
  ASSERT_THAT(grants, SizeIs(1));
  const Address worker = grants[0].second.worker;
  EXPECT_EQ(worker.node, World::NodeNumber(2));

  for (std::uint64_t i = 1; i <= 20; ++i) {
    TaskSpec task;
    task.task = TaskId{i, 5};
    task.header.Edit().owner = driver;
    world.Say(driver, worker, PushTask{task});
  }
  world.Run(Seconds(10));
  const auto done = world.Received<TaskDone>(driver);
  ASSERT_THAT(done, SizeIs(20));
  for (std::uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(done[i - 1].second.task.high, i) << "in order";
}

TEST_P(ClusterTest, AnActorIsMadeAndMadeAgainAfterItsWorkerDied) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  const ActorView first = CreateActor(world, driver, Creation(driver, job, 1), "n2");
  EXPECT_EQ(first.worker.node, World::NodeNumber(2));
  world.KillProcess(first.worker);
  world.Run(Seconds(5));
  const ActorView second = LastView(world, driver);
  EXPECT_EQ(second.state, ActorState::kAlive);
  EXPECT_EQ(second.incarnation, 1u);
  EXPECT_NE(second.worker, first.worker);
  world.KillProcess(second.worker);
  world.Run(Seconds(5));
  EXPECT_EQ(LastView(world, driver).state, ActorState::kDead);
  EXPECT_THAT(LastView(world, driver).death_cause.message, HasSubstr("max_restarts of 1"));
}

TEST_P(ClusterTest, AnActorsWorkerEndsWithTheDriverThatOwnsIt) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  const ActorView actor = CreateActor(world, driver, Creation(driver, job, 5), "n2");
  world.KillProcess(driver);
  world.Run(Seconds(5));
  EXPECT_TRUE(world.Gcs().Jobs()[0].finished);
  EXPECT_EQ(world.Gcs().Actors()[0].state, ActorState::kDead);
  EXPECT_FALSE(world.Processes().contains(actor.worker));
  EXPECT_THAT(world.Processes(), IsEmpty()) << "workers are left";
}

TEST_P(ClusterTest, ACrashedNodeIsBuriedAndItsActorMovesOn) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  TaskSpec spec = Creation(driver, job, 1);
  spec.header.Edit().strategy = {
      StrategyKind::kNodeAffinity, World::NodeNumber(2), true, {}, 0, false};
  world.Say(driver, Address::Gcs(), RegisterActor{1, spec});
  world.Say(driver, Address::Gcs(), SubscribeActor{spec.header->actor});
  world.Run(Seconds(5));
  const ActorView first = LastView(world, driver);
  ASSERT_EQ(first.worker.node, World::NodeNumber(2));
  world.CrashNode(2);
  world.Run(Seconds(8));
  EXPECT_EQ(LivingNodes(world), 2u);
  const auto deaths = world.Received<NodeDied>(driver);
  ASSERT_THAT(deaths, SizeIs(1));
  EXPECT_EQ(deaths[0].second.node, World::NodeNumber(2));
  EXPECT_EQ(world.Count<CloseLink>(0), 1u);
  EXPECT_EQ(world.Count<CloseLink>(1), 1u);
  EXPECT_EQ(LastView(world, driver).state, ActorState::kAlive);
  EXPECT_NE(LastView(world, driver).worker.node, World::NodeNumber(2));

  world.Say(driver, first.worker, CancelTask{});
  world.Run(Seconds(1));
  const auto bounced = world.Received<WorkerDied>(driver);
  ASSERT_FALSE(bounced.empty());
  EXPECT_EQ(bounced.back().second.worker, first.worker);
  EXPECT_THAT(bounced.back().second.reason, HasSubstr("node n2 is dead"));
}

TEST_P(ClusterTest, ARefusedConnectionKillsANodeSoonerThanSilence) {
  World world = MakeWorld();
  world.Run(Seconds(3));
  world.CrashNode(2);
  const Address driver = world.StartDriver(1);
  world.Say(driver, World::Daemon(2), WatchWorker{WorkerId{1, 1}});
  world.Run(Milliseconds(1500));
  EXPECT_EQ(LivingNodes(world), 2u);
  EXPECT_THAT(world.Gcs().Nodes()[2].death_reason, HasSubstr("connections broke"));
}

TEST_P(ClusterTest, ANodeDeclaredDeadWronglyIsFencedWhenItCanBeReached) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 2);
  world.SetCutOff(2, true);
  world.Run(Seconds(10));
  EXPECT_EQ(LivingNodes(world), 2u);
  EXPECT_EQ(world.Count<raylet::Fenced>(2), 0u);
  world.SetCutOff(2, false);
  world.Run(Seconds(10));
  EXPECT_EQ(world.Count<raylet::Fenced>(2), 1u);
  EXPECT_FALSE(world.Processes().contains(driver)) << "its processes were ended";
  EXPECT_EQ(LivingNodes(world), 2u) << "dead is for ever";
  EXPECT_TRUE(world.Gcs().Jobs()[0].finished);
}

TEST_P(ClusterTest, AShortPartitionHurtsNobody) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 2);
  world.SetCutOff(2, true);
  world.Say(driver, Address::Gcs(), KvRequest{1, KvOperation::kPut, "s", "key", Bytes("v"), true});
  world.Run(Milliseconds(500));
  world.SetCutOff(2, false);
  world.Run(Seconds(5));
  EXPECT_EQ(LivingNodes(world), 3u);
  EXPECT_THAT(world.Received<KvReply>(driver), SizeIs(1));
}

TEST_P(ClusterTest, ANodeLeavesInOrder) {
  World world = MakeWorld();
  world.Run(Seconds(2));
  const auto [driver, job] = JoinDriver(world, 1);
  CreateActor(world, driver, Creation(driver, job, 0), "n2");
  world.StopNode(2);
  world.Run(Seconds(3));
  EXPECT_EQ(world.Count<raylet::Stopped>(2), 1u);
  EXPECT_EQ(world.Count<raylet::Fenced>(2), 0u);
  EXPECT_EQ(LivingNodes(world), 2u);
  EXPECT_EQ(LastView(world, driver).state, ActorState::kDead);
}

TEST_P(ClusterTest, AGcsWithANodeForItselfServesTheOthers) {
  World world({.seed = GetParam(), .lone_gcs = true});
  world.Run(Seconds(3));
  EXPECT_EQ(LivingNodes(world), 2u);
  const auto [driver, job] = JoinDriver(world, 1);
  CreateActor(world, driver, Creation(driver, job, 0), "n2");
  world.CrashNode(2);
  world.Run(Seconds(8));
  EXPECT_EQ(LivingNodes(world), 1u);
  EXPECT_EQ(world.Count<CloseLink>(0), 1u);
  EXPECT_EQ(LastView(world, driver).state, ActorState::kDead);
  world.StopNode(0);
  world.Run(Milliseconds(1));
  EXPECT_EQ(world.Count<raylet::Stopped>(0), 1u);
}

TEST_P(ClusterTest, TheSameSeedGivesTheSameEffects) {
  const auto run = [](std::uint64_t seed) {
    World world({.seed = seed});
    world.Run(Seconds(2));
    const auto [driver, job] = JoinDriver(world, 1);
    CreateActor(world, driver, Creation(driver, job, 1), "n2");
    world.CrashNode(2);
    world.Run(Seconds(5));
    return world.TraceHash();
  };
  EXPECT_EQ(run(GetParam()), run(GetParam()));
  EXPECT_NE(run(GetParam()), run(GetParam() + 1000));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterTest, testing::Range<std::uint64_t>(1, 11));

}  // namespace
}  // namespace mobula::node
