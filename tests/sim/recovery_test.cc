// SPDX-License-Identifier: Apache-2.0
// Programs on clusters that break: every fault is fired here, and the answer is that of a run
// without.
#include <numeric>

#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;

std::vector<int> Numbers(int first, int milliseconds) {
  Sleep(Milliseconds(milliseconds));
  std::vector<int> numbers(100'000);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}
std::vector<int> Shift(std::vector<int> numbers, int by) {
  Sleep(Milliseconds(100));
  for (int& number : numbers) number += by;
  return numbers;
}
long Total(const std::vector<int>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0L);
}
long TotalOf(int first) { return 100'000L * first + 99'999L * 100'000 / 2; }

class Log {
 public:
  int Append() { return ++lines_; }
  std::string Where() { return ThisNode(); }

 private:
  int lines_ = 0;
};
Log* MakeLog() { return new Log; }
/// An object whose owner is the task that made it.
std::vector<Ref<int>> PutOne() { return {Put(7)}; }

class Keeper {
 public:
  std::vector<Ref<int>> Make() { return {Put(7)}; }
  std::string Where() { return ThisNode(); }
};
Keeper* MakeKeeper() { return new Keeper; }

MOBULA_REMOTE(Numbers, Shift, Total, MakeLog, &Log::Append, &Log::Where, PutOne, MakeKeeper,
              &Keeper::Make, &Keeper::Where)

faults::Fault CrashAt(const std::string& node, Duration at, bool silent = false) {
  return faults::At(at, faults::CrashNode{node, silent, {}});
}

Options WithFaults(std::size_t nodes, double cpus, std::vector<faults::Fault> faults) {
  Options options = Cluster(nodes, cpus);
  options.faults.faults = std::move(faults);
  return options;
}

/// An actor that lives on another node than the driver: the driver's CPU is taken meanwhile.
template <class Factory>
auto ActorElsewhere(Factory factory) {
  const auto busy = Task(RestWhere).Remote(300);
  Sleep(Milliseconds(100));
  const auto actor = Actor(factory).SetResource("CPU", 1).SetMaxRestarts(1).Remote();
  return actor;
}

TEST(Recovery, RunsLostTasksAgainWhenANodeCrashes) {
  Simulation simulation(WithFaults(3, 2, {CrashAt("n2", Milliseconds(500))}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 6; ++i) refs.push_back(Task(RestWhere).Remote(1000));
    EXPECT_THAT(Get(refs), Each(testing::AnyOf("n1", "n3")));
    refs.clear();
    simulation.ExpectNothingLeft();
  });
  const Report& report = simulation.GetWorld().GetReport();
  EXPECT_EQ(report.node_crashes, 1u);
  EXPECT_EQ(report.tasks_lost, 2u);
  EXPECT_EQ(report.tasks_retried, 2u);
  EXPECT_THAT(report.ToString(), HasSubstr("n2 crashed"));
}

TEST(Recovery, NoticesANodeThatFallsSilent) {
  Simulation simulation(WithFaults(3, 1, {CrashAt("n2", Milliseconds(500), true)}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 3; ++i) refs.push_back(Task(RestWhere).Remote(1000));
    const Instant start = Now();
    Get(refs);
    EXPECT_LT((Now() - start).Seconds(), 10);
    refs.clear();
    simulation.ExpectNothingLeft();
  });
}

TEST(Recovery, MakesLostObjectsAgainFromTheirLineage) {
  Simulation simulation(WithFaults(3, 1, {CrashAt("n2", Milliseconds(1000))}));
  simulation.Run([&] {
    {
      std::vector<Ref<std::vector<int>>> shifted;
      for (int i = 0; i < 3; ++i) {
        shifted.push_back(Task(Shift).Remote(Task(Numbers).Remote(i, 200), 10));
      }
      // They are made, one on each node, and then one is lost.
      Sleep(Seconds(3));
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(Get(Task(Total).Remote(shifted[static_cast<std::size_t>(i)])), TotalOf(i + 10));
      }
    }
    simulation.ExpectNothingLeft();
  });
  const Report& report = simulation.GetWorld().GetReport();
  EXPECT_GE(report.copies_lost, 1u);
  EXPECT_GE(report.tasks_retried, 2u);
}

TEST(Recovery, UsesANodeThatCameBack) {
  Simulation simulation(WithFaults(2, 1,
                                   {CrashAt("n2", Milliseconds(100)),
                                    faults::At(Milliseconds(1000), faults::RestartNode{"n2"})}));
  simulation.Run([&] {
    Sleep(Seconds(3));
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(500));
    EXPECT_THAT(Get(refs), testing::UnorderedElementsAre("n1", "n2"));
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().node_restarts, 1u);
}

TEST(Recovery, SurvivesANodeThatIsBackBeforeItsDeathIsNoticed) {
  Simulation simulation(WithFaults(3, 1,
                                   {CrashAt("n2", Milliseconds(500), true),
                                    faults::At(Milliseconds(501), faults::RestartNode{"n2"})}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 6; ++i) refs.push_back(Task(RestWhere).Remote(400));
    Get(refs);
    refs.clear();
    simulation.ExpectNothingLeft();
  });
}

TEST(Recovery, RunsTheTaskOfACrashedWorkerAgain) {
  Simulation simulation(
      WithFaults(1, 2, {faults::At(Milliseconds(500), faults::CrashWorker{"n1", ""})}));
  simulation.Run([&] {
    const Instant start = Now();
    EXPECT_EQ(Get(Task(RestWhere).Remote(1000)), "n1");
    EXPECT_GT((Now() - start).Seconds(), 1.4);
    simulation.ExpectNothingLeft();
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().worker_crashes, 1u);
  EXPECT_EQ(simulation.GetWorld().GetReport().tasks_retried, 1u);
}

TEST(Recovery, GivesUpAfterTheRetries) {
  Simulation simulation(
      WithFaults(1, 1, {faults::At(Milliseconds(500), faults::CrashWorker{"n1", ""})}));
  simulation.Run([&] {
    EXPECT_THROW(Get(Task(RestWhere).SetMaxRetries(0).Remote(1000)), WorkerCrashedError);
    simulation.ExpectNothingLeft();
  });
}

TEST(Recovery, RestartsAnActorAndItsCalls) {
  Simulation simulation(
      WithFaults(1, 1, {faults::At(Milliseconds(500), faults::CrashWorker{"n1", ""})}));
  simulation.Run([&] {
    const auto log = Actor(MakeLog).SetMaxRestarts(1).SetMaxTaskRetries(-1).Remote();
    EXPECT_EQ(Get(log.Task(&Log::Append).Remote()), 1);
    EXPECT_EQ(Get(log.Task(&Log::Append).Remote()), 2);
    Sleep(Seconds(1));
    // Its state began anew.
    EXPECT_EQ(Get(log.Task(&Log::Append).Remote()), 1);
  });
}

TEST(Recovery, SaysThatAnActorIsDeadWhenItMayNotRestart) {
  Simulation simulation(
      WithFaults(1, 1, {faults::At(Milliseconds(500), faults::CrashWorker{"n1", ""})}));
  simulation.Run([&] {
    const auto log = Actor(MakeLog).Remote();
    EXPECT_EQ(Get(log.Task(&Log::Append).Remote()), 1);
    Sleep(Seconds(1));
    EXPECT_THROW(Get(log.Task(&Log::Append).Remote()), ActorDiedError);
  });
}

TEST(Recovery, MovesAnActorOffACrashedNode) {
  Simulation simulation(WithFaults(3, 1, {}));
  simulation.Run([&] {
    const auto log = ActorElsewhere(MakeLog);
    const std::string before = Get(log.Task(&Log::Where).Remote());
    ASSERT_NE(before, "n1");
    ASSERT_TRUE(simulation.GetWorld().Inject(faults::CrashNode{before, false, {}}).ok());
    Sleep(Seconds(1));
    const std::string after = Get(log.Task(&Log::Where).Remote());
    EXPECT_NE(after, before);
  });
}

TEST(Recovery, SaysThatTheOwnerOfAnObjectDied) {
  Simulation simulation(WithFaults(2, 1, {}));
  simulation.Run([&] {
    const auto keeper = ActorElsewhere(MakeKeeper);
    ASSERT_EQ(Get(keeper.Task(&Keeper::Where).Remote()), "n2");
    const std::vector<Ref<int>> owned = Get(keeper.Task(&Keeper::Make).Remote());
    ASSERT_TRUE(simulation.GetWorld().Inject(faults::CrashNode{"n2", false, {}}).ok());
    Sleep(Seconds(3));
    EXPECT_THROW(Get(owned.front()), OwnerDiedError);
  });
}

TEST(Recovery, SurvivesALinkThatIsDownForAWhile) {
  Simulation simulation(WithFaults(2, 1, {}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(200));
    Sleep(Milliseconds(100));
    World& world = simulation.GetWorld();
    ASSERT_TRUE(world.Inject(faults::Partition{{"n1"}, {"n2"}, false, Milliseconds(500)}).ok());
    Sleep(Milliseconds(500));
    EXPECT_THAT(Get(refs), testing::UnorderedElementsAre("n1", "n2"));
    EXPECT_EQ(world.GetReport().tasks_retried, 0u);
  });
}

TEST(Recovery, LetsANodeLeave) {
  Simulation simulation(WithFaults(3, 1, {}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 3; ++i) refs.push_back(Task(RestWhere).Remote(500));
    Sleep(Milliseconds(200));
    ASSERT_TRUE(simulation.GetWorld().RemoveNode("n3").ok());
    EXPECT_THAT(Get(refs), Each(testing::AnyOf("n1", "n2")));
  });
}

}  // namespace
}  // namespace mobula::sim
