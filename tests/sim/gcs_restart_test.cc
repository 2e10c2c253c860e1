// SPDX-License-Identifier: Apache-2.0
// The GCS crashes and comes back from its log, while programs run on: at every event of a small
// program, with the last write or without it, with its disk or with a new one.
#include "runtime/core/node/node.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class Journal {
 public:
  int Append() { return ++lines_; }
  std::string Where() { return ThisNode(); }

 private:
  int lines_ = 0;
};
Journal* MakeJournal() { return new Journal; }
Journal* MakeSlowJournal() {
  Sleep(Milliseconds(400));
  return new Journal;
}

MOBULA_REMOTE(MakeJournal, MakeSlowJournal, &Journal::Append, &Journal::Where)

bool KvPut(const std::string& key, const std::string& value) {
  KvRequest request;
  request.operation = KvOperation::kPut;
  request.space = "test";
  request.key = key;
  request.value = Bytes(value);
  request.overwrite = false;
  return std::get<KvReply>(api::Context::Current().AskGcs(request)).found;
}
std::string KvGet(const std::string& key) {
  KvRequest request;
  request.space = "test";
  request.key = key;
  return std::string(std::get<KvReply>(api::Context::Current().AskGcs(request)).value.View());
}
std::vector<ActorView> Actors() {
  return std::get<ListActorsReply>(api::Context::Current().AskGcs(ListActors{})).actors;
}
std::vector<JobView> Jobs() {
  return std::get<ListJobsReply>(api::Context::Current().AskGcs(ListJobs{})).jobs;
}
SharedVector<NodeView> Nodes() {
  return std::get<ListNodesReply>(api::Context::Current().AskGcs(ListNodes{})).nodes;
}

faults::CrashGcs DownFor(Duration span) { return {span, false, false}; }
void Break(Simulation& simulation, const faults::Kind& kind) {
  const absl::Status injected = simulation.GetWorld().Inject(kind);
  EXPECT_TRUE(injected.ok()) << injected;
}

TEST(GcsRestart, TasksAndCallsGoOnWithoutIt) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    {
      const auto journal = Actor(MakeJournal).Remote();
      EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
      EXPECT_EQ(Get(Task(RestWhere).Remote(1)), "n1");
      Break(simulation, DownFor(Seconds(5)));
      const Instant start = Now();
      for (int i = 2; i < 50; ++i) EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), i);
      for (int i = 0; i < 50; ++i) Get(Task(RestWhere).Remote(1));
      EXPECT_LT((Now() - start).Seconds(), 1);
      Sleep(Seconds(10));
      EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 50);
    }
    EXPECT_EQ(Nodes().size(), 3u) << "nobody was declared dead";
    simulation.ExpectNothingLeft();
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().gcs_crashes, 1u);
  EXPECT_EQ(simulation.GetWorld().GetReport().tasks_retried, 0u);
}

TEST(GcsRestart, AnswersWhatWasAskedWhileItWasDown) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    Break(simulation, DownFor(Seconds(2)));
    EXPECT_TRUE(KvPut("key", "value"));
    EXPECT_FALSE(KvPut("key", "other"));
    const auto journal = Actor(MakeJournal).Remote();
    EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
    Break(simulation, DownFor(Seconds(2)));
    EXPECT_EQ(KvGet("key"), "value");
  });
}

TEST(GcsRestart, RestartsAnActorWhoseNodeDiedMeanwhile) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    const auto journal =
        Actor(MakeJournal).SetResource("CPU", 1).SetMaxRestarts(1).SetMaxTaskRetries(-1).Remote();
    const auto busy = Actor(MakeJournal).SetResource("CPU", 1).SetMaxRestarts(1).Remote();
    EXPECT_EQ(Get(busy.Task(&Journal::Append).Remote()), 1);
    const std::string first = Get(journal.Task(&Journal::Where).Remote());
    const auto other = first == "n1" ? busy : journal;
    const std::string before = Get(other.Task(&Journal::Where).Remote());
    ASSERT_NE(before, "n1");
    Break(simulation, DownFor(Seconds(1)));
    Break(simulation, faults::CrashNode{before, true, {}});
    Sleep(Seconds(6));
    EXPECT_NE(Get(other.Task(&Journal::Where).Remote()), before);
  });
}

TEST(GcsRestart, RemembersThatAnActorsWorkerDiedWhileItWasDown) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    const auto journal = Actor(MakeJournal).SetMaxRestarts(1).SetMaxTaskRetries(-1).Remote();
    EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
    Break(simulation, DownFor(Seconds(1)));
    Break(simulation, faults::CrashWorker{"n1", {}});
    Sleep(Milliseconds(1));
    EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1) << "it began anew";
  });
}

TEST(GcsRestart, HearsOfAKillThatItMissed) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    const auto once = Actor(MakeJournal).Remote();
    const auto again = Actor(MakeJournal).SetMaxRestarts(-1).SetMaxTaskRetries(-1).Remote();
    EXPECT_EQ(Get(once.Task(&Journal::Append).Remote()), 1);
    EXPECT_EQ(Get(again.Task(&Journal::Append).Remote()), 1);
    Break(simulation, DownFor(Seconds(1)));
    Sleep(Milliseconds(10));
    once.Kill();
    again.Kill(false);
    EXPECT_THROW(Get(once.Task(&Journal::Append).Remote()), ActorDiedError);
    EXPECT_EQ(Get(again.Task(&Journal::Append).Remote()), 1) << "it began anew";
    for (const ActorView& view : Actors()) EXPECT_LE(view.incarnation, 1u);
  });
}

TEST(GcsRestart, AKillThatReturnedOutlivesItsSender) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const auto kept = Actor(MakeJournal).SetName("kept").SetDetached().Remote();
    EXPECT_EQ(Get(kept.Task(&Journal::Append).Remote()), 1);
    Break(simulation, DownFor(Seconds(1)));
    const Instant start = Now();
    kept.Kill();
    EXPECT_GE((Now() - start).Seconds(), 1) << "nobody else could remember it";
  });
  simulation.Run([&] {
    Sleep(Seconds(3));
    EXPECT_FALSE(GetActor<Journal>("kept"));
    simulation.ExpectNothingLeft();
  });
}

TEST(GcsRestart, GoesOnWithAConstructorUnderWay) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    {
      const auto journal = Actor(MakeSlowJournal).SetResource("CPU", 1).Remote();
      Sleep(Milliseconds(100));
      Break(simulation, DownFor(Milliseconds(100)));
      EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
    }
    {
      const auto journal = Actor(MakeSlowJournal).SetResource("CPU", 1).Remote();
      Sleep(Milliseconds(100));
      // The constructor returns while nobody hears it.
      Break(simulation, DownFor(Seconds(1)));
      EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(GcsRestart, AdmitsANodeThatJoinedWhileItWasDown) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    World& world = simulation.GetWorld();
    Break(simulation, DownFor(Seconds(1)));
    NodeShape shape = world.ShapeOf("n1");
    shape.resources.SetUnits("far", ResourceSet::kUnit);
    const std::string name = world.AddNode(shape);
    EXPECT_EQ(Get(Task(RestWhere).SetResource("far", 1).Remote(1)), name);
  });
}

TEST(GcsRestart, EndsTheJobOfADriverThatEndedWhileItWasDown) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const auto kept = Actor(MakeJournal).SetName("kept").SetDetached().Remote();
    EXPECT_EQ(Get(kept.Task(&Journal::Append).Remote()), 1);
    const auto lost = Actor(MakeJournal).SetName("lost").Remote();
    EXPECT_EQ(Get(lost.Task(&Journal::Append).Remote()), 1);
    Break(simulation, DownFor(Seconds(1)));
  });
  simulation.Run([&] {
    Sleep(Seconds(3));
    const std::vector<JobView> jobs = Jobs();
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_TRUE(jobs[0].finished);
    EXPECT_FALSE(jobs[1].finished);
    EXPECT_FALSE(GetActor<Journal>("lost"));
    {
      const auto kept = GetActor<Journal>("kept");
      ASSERT_TRUE(kept);
      EXPECT_EQ(Get(kept->Task(&Journal::Append).Remote()), 2);
      kept->Kill();
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(GcsRestart, WithANewDiskEveryNodeComesBackAsANewOne) {
  Simulation simulation(Cluster(3, 1));
  const std::vector<std::string> end = simulation.RunUntilStuck([&] {
    const auto kept = Actor(MakeJournal).SetName("kept").SetDetached().Remote();
    EXPECT_EQ(Get(kept.Task(&Journal::Append).Remote()), 1);
    Break(simulation, faults::CrashGcs{Milliseconds(100), true, false});
    Sleep(Seconds(60));
    ADD_FAILURE() << "the driver's node is dead";
  });
  EXPECT_THAT(end, Contains(HasSubstr("declared dead")));
  simulation.Settle();
  simulation.Run([&] {
    std::size_t living = 0;
    for (const NodeView& node : Nodes()) living += node.alive ? 1 : 0;
    EXPECT_EQ(living, 3u);
    EXPECT_FALSE(GetActor<Journal>("kept"));
    EXPECT_THAT(Actors(), IsEmpty());
    const auto journal = Actor(MakeJournal).Remote();
    EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote()), 1);
    std::vector<Ref<std::string>> everywhere;
    for (int i = 0; i < 3; ++i) everywhere.push_back(Task(RestWhere).Remote(500));
    EXPECT_THAT(Get(everywhere), testing::UnorderedElementsAre("n1", "n2", "n3"));
  });
}

TEST(GcsRestart, AcknowledgesNothingThatItCannotWrite) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    Break(simulation, faults::DiskFault{"n1", faults::DiskMode::kFull, {}, {}});
    const Instant start = Now();
    const auto journal = Actor(MakeJournal).Remote();
    EXPECT_THROW(Get(journal.Task(&Journal::Append).Remote(), Seconds(20)), GetTimeoutError);
    EXPECT_EQ(Get(Task(RestWhere).Remote(1)), "n1") << "what needs no GCS goes on";
    simulation.GetWorld().Heal();
    EXPECT_EQ(Get(journal.Task(&Journal::Append).Remote(), Seconds(20)), 2);
    EXPECT_GT((Now() - start).Seconds(), 20);
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().ToString(), HasSubstr("no space left on device"));
}

TEST(GcsRestart, ASlowDiskOnlyDelays) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    Break(simulation, faults::DiskFault{"n1", faults::DiskMode::kSlow, Milliseconds(300), {}});
    const Instant start = Now();
    EXPECT_TRUE(KvPut("key", "value"));
    EXPECT_GT((Now() - start).Seconds(), 0.3);
    EXPECT_EQ(KvGet("key"), "value");
  });
}

/// Everything that the GCS has a hand in, on three nodes of which one dies and a fourth that joins.
void SmallProgram(World& world) {
  EXPECT_TRUE(KvPut("key", "value"));
  const auto journal = Actor(MakeJournal).SetMaxRestarts(-1).SetMaxTaskRetries(-1).Remote();
  const auto kept = Actor(MakeJournal)
                        .SetName("kept")
                        .SetDetached()
                        .SetMaxRestarts(-1)
                        .SetMaxTaskRetries(-1)
                        .Remote();
  const auto far = Task(RestWhere).Remote(5);
  EXPECT_GE(Get(journal.Task(&Journal::Append).Remote()), 1);
  EXPECT_TRUE(world.Inject(faults::CrashWorker{"n1", ""}).ok());
  EXPECT_GE(Get(kept.Task(&Journal::Append).Remote()), 1);
  EXPECT_TRUE(world.Inject(faults::CrashNode{"n3", false, {}}).ok());
  NodeShape shape = world.ShapeOf("n1");
  shape.resources.SetUnits("far", ResourceSet::kUnit);
  const std::string joined = world.AddNode(shape);
  EXPECT_EQ(Get(Task(RestWhere).SetResource("far", 1).SetMaxRetries(-1).Remote(1)), joined);
  EXPECT_NE(Get(far), "");
  EXPECT_FALSE(KvPut("key", "other"));
  EXPECT_EQ(KvGet("key"), "value");
  EXPECT_GE(Get(journal.Task(&Journal::Append).Remote()), 1);
  const auto found = GetActor<Journal>("kept");
  ASSERT_TRUE(found);
  EXPECT_GE(Get(found->Task(&Journal::Append).Remote()), 1);
  found->Kill();
  EXPECT_THROW(Get(found->Task(&Journal::Append).Remote()), ActorDiedError);
  EXPECT_FALSE(GetActor<Journal>("kept"));
}

/// Runs it with a crash after that event; returns how many events the program had.
std::uint64_t RunSmallProgram(std::uint64_t event, const faults::CrashGcs& crash) {
  SCOPED_TRACE("the GCS crashes after event " + std::to_string(event));
  Simulation simulation(Cluster(3, 1));
  World& world = simulation.GetWorld();
  if (event > 0) world.InjectAt(event, crash);
  std::uint64_t events = 0;
  simulation.Run([&] {
    SmallProgram(world);
    events = world.GetReport().events;
    simulation.ExpectNothingLeft();
    for (const ActorView& view : Actors()) EXPECT_EQ(view.state, ActorState::kDead) << view.actor;
    std::size_t living = 0;
    for (const NodeView& node : Nodes()) living += node.alive ? 1 : 0;
    EXPECT_EQ(living, 3u);
  });
  EXPECT_EQ(world.GetReport().gcs_crashes, event > 0 ? 1u : 0u);
  // The next driver finds the first one's job finished.
  simulation.Run([&] {
    Sleep(Seconds(1));
    ASSERT_EQ(Jobs().size(), 2u);
    EXPECT_TRUE(Jobs()[0].finished);
    EXPECT_EQ(KvGet("key"), "value");
  });
  return events;
}

class GcsSweep : public testing::TestWithParam<bool> {};

TEST_P(GcsSweep, ACrashAfterAnyEventOfAProgramDoesItNoHarm) {
  const std::uint64_t events = RunSmallProgram(0, {});
  for (std::uint64_t event = 1; event <= events; ++event) {
    faults::CrashGcs crash = DownFor(Milliseconds(event % 2 == 0 ? 5 : 700));
    crash.lose_unsynced = GetParam();
    RunSmallProgram(event, crash);
    if (HasFailure()) return;
  }
  RecordProperty("events", std::to_string(events));
}

INSTANTIATE_TEST_SUITE_P(KeepingOrLosingTheLastWrite, GcsSweep, testing::Bool());

TEST(GcsRestart, EqualSeedsGiveEqualRunsWithCrashes) {
  const auto hash = [](std::uint64_t seed) {
    Simulation simulation(Cluster(3, 1, seed));
    World& world = simulation.GetWorld();
    const faults::CrashGcs crash{Milliseconds(50), false, true};
    world.InjectAt(400, crash);
    world.InjectAt(700, crash);
    simulation.Run([&] { SmallProgram(world); });
    return world.TraceHash();
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

}  // namespace
}  // namespace mobula::sim
