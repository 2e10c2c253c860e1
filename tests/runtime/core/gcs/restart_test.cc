// SPDX-License-Identifier: Apache-2.0
// Goal: a GCS that comes back from its log goes on where it was, whatever happened meanwhile.
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RestartTest : public ActorTest {
 protected:
  /// A node comes back; these are its living processes and what it holds for actors.
  void Return(std::uint64_t node, const std::vector<Address>& processes,
              std::vector<ActorLease> leases = {}, std::vector<JobId> running = {}) {
    RegisterNode message = Registration(node);
    message.returning = true;
    for (const Address& process : processes) message.processes.push_back(process.worker);
    message.actor_leases = std::move(leases);
    message.running_jobs = std::move(running);
    Say(Daemon(node), message);
  }
  TaskSpec Restartable(std::int32_t restarts) const {
    TaskSpec spec = Creation();
    spec.header.Edit().actor_options->max_restarts = restarts;
    return spec;
  }
};

TEST_F(RestartTest, KnowsItsTablesAndTellsTheLivingNodes) {
  Create(Creation(), Worker(2, 5));
  DieNode(3);
  const auto nodes = gcs.Nodes();
  const auto actors = gcs.Actors();
  const auto jobs = gcs.Jobs();
  changes.clear();
  Restart();
  EXPECT_EQ(gcs.Actors(), actors);
  EXPECT_EQ(gcs.Jobs(), jobs);
  ASSERT_EQ(gcs.Nodes().size(), nodes.size());
  EXPECT_FALSE(Node(3).alive);
  EXPECT_EQ(Node(3).death_reason, nodes[2].death_reason);
  EXPECT_THAT(SentTo<GcsRestarted>(Daemon(1)),
              ElementsAre(GcsRestarted{NodeNumber(1), "n1", NodeNumber(1)}));
  EXPECT_THAT(SentTo<GcsRestarted>(Daemon(2)), SizeIs(1));
  EXPECT_THAT(SentTo<GcsRestarted>(Daemon(3)), IsEmpty());
  ASSERT_THAT(changes, SizeIs(3));
  EXPECT_FALSE(changes[2].alive);
}

// Others know from an earlier life that it was busy.
TEST_F(RestartTest, TellsWhatANodeReportsFirstEvenWhenAllOfItIsFree) {
  Report(2, 7, 1);
  Wait(options.broadcast_delay);
  Restart();
  Return(2, {});
  Report(2, 8, 4);
  Wait(options.broadcast_delay);
  const auto news = SentTo<ClusterChanged>(Daemon(1));
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].nodes, SizeIs(1));
  EXPECT_EQ(news[0].nodes[0].version, 8u);
}

TEST_F(RestartTest, SaysSoOnceThatIsLogged) {
  syncs_at_once = false;
  Restart();
  EXPECT_THAT(sent, IsEmpty());
  Sync();
  EXPECT_EQ(CountSent<GcsRestarted>(), 3u);
}

TEST_F(RestartTest, ANewLogBringsNobodyBack) {
  log = Rows{};
  Restart();
  EXPECT_THAT(sent, IsEmpty());
  Return(2, {});
  EXPECT_EQ(CountSent<NodeRegistered>(), 0u);
  ASSERT_THAT(SentTo<ClusterChanged>(Daemon(2)), SizeIs(1));
  EXPECT_FALSE(SentTo<ClusterChanged>(Daemon(2))[0].nodes[0].alive);
  Register(Creation());
  EXPECT_THAT(gcs.Actors(), IsEmpty()) << "its owner's node would never be declared dead";
}

TEST_F(RestartTest, AnswersRepeatedRequestsAsBefore) {
  TaskSpec named = Creation(1);
  named.header.Edit().actor_options->name = "counter";
  Register(named);
  TaskSpec rival = Creation(2);
  rival.header.Edit().actor_options->name = "counter";
  Register(rival);
  const KvRequest lock{7, KvOperation::kPut, "s", "lock", Bytes("mine"), false};
  Say(kDriver, lock);
  Restart();
  Say(Daemon(1), RegisterJob{1, kDriver, {}});
  EXPECT_EQ(SentTo<JobRegistered>(Daemon(1)).at(0).job, job);
  Register(named);
  EXPECT_TRUE(SentTo<ActorRegistered>(kDriver).at(0).error.Ok());
  EXPECT_EQ(CountSent<RequestLease>(), 0u);
  Register(rival);
  EXPECT_EQ(SentTo<ActorRegistered>(kDriver).at(0).error.kind, ErrorKind::kInvalid);
  Say(kDriver, lock);
  EXPECT_TRUE(SentTo<KvReply>(kDriver).at(0).found) << "the same request: it has the lock";
  Say(Daemon(2), RegisterJob{1, Worker(2, 9), {}});
  EXPECT_NE(SentTo<JobRegistered>(Daemon(2)).at(0).job, job);
}

TEST_F(RestartTest, DeclaresDeadWhoDoesNotComeBackInTimeCountedFromTheRestart) {
  Wait(Seconds(1), {1, 2, 3});
  now = now + Seconds(30);
  Restart();
  Wait(options.node_timeout - Milliseconds(200), {1, 2});
  EXPECT_TRUE(Node(3).alive);
  Wait(options.check_period * 3, {1, 2});
  EXPECT_FALSE(Node(3).alive);
  EXPECT_TRUE(Node(2).alive);
}

TEST_F(RestartTest, RestartsAnActorWhoseWorkerDiedMeanwhile) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(2, 5));
  Restart();
  Return(1, {kDriver});
  Return(2, {});
  EXPECT_EQ(View(spec).state, ActorState::kRestarting);
  EXPECT_EQ(View(spec).incarnation, 1u);
  EXPECT_EQ(CountSent<RequestLease>(), 1u);
}

TEST_F(RestartTest, HowAWorkerDiedComesBeforeThatItIsGone) {
  const TaskSpec spec = Restartable(1);
  Create(spec, Worker(2, 5));
  Restart();
  Die(Worker(2, 5), true);
  EXPECT_THAT(SentTo<WorkerDeathRecorded>(Daemon(2)),
              ElementsAre(WorkerDeathRecorded{Worker(2, 5).worker}));
  Return(2, {});
  EXPECT_THAT(Cause(spec).message, HasSubstr("exited on purpose"));
}

TEST_F(RestartTest, EndsTheJobAndTheActorsOfADriverThatDiedMeanwhile) {
  Create(Creation(), Worker(2, 5));
  Restart();
  Return(1, {});
  EXPECT_TRUE(gcs.Jobs().at(0).finished);
  EXPECT_EQ(SentTo<JobFinished>(Daemon(2)).size(), 1u);
  EXPECT_THAT(SentTo<KillWorker>(Daemon(2)), SizeIs(1));
  EXPECT_EQ(View(Creation()).state, ActorState::kDead);
}

TEST_F(RestartTest, ADetachedActorOutlivesADriverThatDiedMeanwhile) {
  TaskSpec spec = Creation();
  spec.header.Edit().actor_options->detached = true;
  Create(spec, Worker(2, 5));
  Restart();
  Return(1, {});
  Return(2, {Worker(2, 5)}, {{1, spec.header->actor, Worker(2, 5).worker}});
  EXPECT_EQ(View(spec).state, ActorState::kAlive);
  EXPECT_EQ(CountSent<KillWorker>(), 0u);
}

TEST_F(RestartTest, TellsAgainThatAJobFinished) {
  Say(Daemon(1), JobFinished{job});
  Restart();
  Return(2, {}, {}, {job});
  EXPECT_THAT(SentTo<JobFinished>(Daemon(2)), ElementsAre(JobFinished{job}));
}

TEST_F(RestartTest, AsksAgainForTheLeaseUnderWayWithItsNumber) {
  Register(Creation());
  const RequestLease request = LeaseAt(1);
  Restart();
  Return(1, {kDriver}, {{request.request, Creation().header->actor, WorkerId{}}});
  EXPECT_EQ(LeaseAt(1), request);
  EXPECT_EQ(CountSent<CancelLeaseRequest>(), 0u);
  Grant(request.request, Worker(1, 5));
  FinishConstructor(Creation(), Worker(1, 5));
  EXPECT_EQ(View(Creation()).state, ActorState::kAlive);
}

TEST_F(RestartTest, PushesACreationUnderWayAgain) {
  Register(Creation());
  Grant(LeaseAt(1).request, Worker(1, 5));
  const auto first = SentTo<PushTask>(Worker(1, 5));
  Restart();
  Return(1, {kDriver, Worker(1, 5)}, {{1, Creation().header->actor, Worker(1, 5).worker}});
  EXPECT_EQ(SentTo<PushTask>(Worker(1, 5)), first);
  EXPECT_EQ(CountSent<KillWorker>(), 0u);
}

TEST_F(RestartTest, EndsWorkersAndRequestsThatNoActorWants) {
  Register(Creation());
  const std::uint64_t request = LeaseAt(1).request;
  Say(kDriver, KillActor{Creation().header->actor, true});
  Restart();
  Return(1, {kDriver, Worker(1, 5)},
         {{request, Creation().header->actor, Worker(1, 5).worker},
          {request + 1, Creation().header->actor, WorkerId{}},
          {99, ActorId{9, 9}, Worker(1, 6).worker}});
  EXPECT_THAT(SentTo<KillWorker>(Daemon(1)), SizeIs(2));
  EXPECT_THAT(SentTo<CancelLeaseRequest>(Daemon(1)),
              ElementsAre(CancelLeaseRequest{request + 1, Address::Gcs()}));
}

TEST_F(RestartTest, NeverReusesANumberOfALeaseRequest) {
  Register(Creation(1));
  const std::uint64_t before = LeaseAt(1).request;
  Restart();
  Restart();
  Register(Creation(2));
  EXPECT_GT(LeaseAt(1).request, before);
  EXPECT_EQ(LeaseAt(1).request >> 32, 2u);
}

TEST_F(RestartTest, SubscribersAskAgain) {
  Create(Creation(), Worker(2, 5));
  Say(kDriver, SubscribeActor{Creation().header->actor});
  Restart();
  Die(Worker(2, 5));
  EXPECT_EQ(CountSent<ActorUpdate>(), 0u);
  Say(kDriver, SubscribeActor{Creation().header->actor});
  EXPECT_EQ(SentTo<ActorUpdate>(kDriver).at(0).actor.state, ActorState::kDead);
}

TEST_F(RestartTest, ARepeatedKillDoesNotHitTheNextIncarnation) {
  const TaskSpec spec = Restartable(-1);
  Create(spec, Worker(2, 5));
  const KillActor kill{spec.header->actor, false, 0};
  Say(kDriver, kill);
  Grant(LeaseAt(1).request, Worker(1, 6));
  FinishConstructor(spec, Worker(1, 6), 1);
  Restart();
  Say(kDriver, kill);
  EXPECT_EQ(View(spec).state, ActorState::kAlive);
  EXPECT_EQ(CountSent<KillWorker>(), 0u);
}

TEST_F(RestartTest, TheShortestLogComesToTheSame) {
  for (std::uint64_t i = 1; i <= 100; ++i) {
    Say(kDriver, KvRequest{i, i % 7 == 0 ? KvOperation::kDelete : KvOperation::kPut, "s",
                           std::to_string(i % 10), Bytes("v"), true});
  }
  Create(Creation(), Worker(2, 5));
  Rows copy;
  const LogRecords records = log.Records();
  for (const LogRecord& record : records) copy.Apply(record);
  EXPECT_TRUE(copy == log);
  EXPECT_LT(records.size(), 90u) << "of the answers only the latest are kept";
}

}  // namespace
}  // namespace mobula::gcs
