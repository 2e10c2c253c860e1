// SPDX-License-Identifier: Apache-2.0
// Every kind of fault and of trigger, in the simulator: what it does to a program, and that the
// program's answer comes all the same.
#include <set>

#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

std::int64_t ClockSpan(int milliseconds) {
  const Instant start = Now();
  Sleep(Milliseconds(milliseconds));
  return (Now() - start).nanoseconds;
}
std::vector<int> Numbers(int size) { return std::vector<int>(static_cast<std::size_t>(size), 7); }
long Total(const std::vector<int>& a, const std::vector<int>& b) {
  long sum = 0;
  for (const int n : a) sum += n;
  for (const int n : b) sum += n;
  return sum;
}
class Tally {
 public:
  int Add(int n) { return sum_ += n; }

 private:
  int sum_ = 0;
};
Tally* MakeTally() { return new Tally; }
MOBULA_REMOTE(ClockSpan, Numbers, Total, MakeTally, &Tally::Add)

Options With(std::size_t nodes, double cpus, std::vector<faults::Fault> faults) {
  Options options = Cluster(nodes, cpus);
  options.faults.faults = std::move(faults);
  return options;
}
faults::Fault After(int milliseconds, faults::Kind kind) {
  return faults::At(Milliseconds(milliseconds), std::move(kind));
}
faults::Occasion Message(const std::string& type, const std::string& from, const std::string& to,
                         std::uint64_t count = 1) {
  faults::Occasion occasion;
  occasion.message = type;
  occasion.from = from;
  occasion.to = to;
  occasion.count = count;
  return occasion;
}

/// Tasks on all nodes, an actor that keeps its order, and objects that cross the links.
void ExpectRightAnswers(int rounds = 3) {
  const auto tally = Actor(MakeTally).SetMaxRestarts(-1).SetMaxTaskRetries(-1).Remote();
  for (int round = 0; round < rounds; ++round) {
    std::vector<Ref<std::string>> places;
    for (int i = 0; i < 8; ++i) places.push_back(Task(RestWhere).Remote(100));
    const auto sum = Task(Total).Remote(Task(Numbers).Remote(50'000), Task(Numbers).Remote(60'000));
    EXPECT_EQ(Get(sum), 7 * 110'000);
    Get(places);
    Get(tally.Task(&Tally::Add).Remote(1));
  }
}

struct Result {
  Report report;
  double seconds = 0;
};
/// Runs the answers under the faults, then looks that nothing is left.
Result RunUnder(Options options, int rounds = 3) {
  Simulation simulation(std::move(options));
  Result result;
  simulation.Run([&] {
    const Instant start = Now();
    ExpectRightAnswers(rounds);
    result.seconds = (Now() - start).Seconds();
    simulation.GetWorld().Heal();
    simulation.ExpectNothingLeft();
  });
  result.report = simulation.GetWorld().GetReport();
  return result;
}

TEST(CrashWorker, HitsTheOneThatRunsThatTask) {
  Simulation simulation(With(1, 2, {After(50, faults::CrashWorker{"n1", "ClockSpan"})}));
  simulation.Run([&] {
    const auto spared = Task(RestWhere).Remote(200);
    const auto hit = Task(ClockSpan).Remote(100);
    Get(hit);
    Get(spared);
  });
  const Report& report = simulation.GetWorld().GetReport();
  EXPECT_EQ(report.tasks_retried, 1u);
  EXPECT_THAT(report.ToString(), HasSubstr("executed again: ClockSpan"));
}

TEST(CrashNode, TakesAWholeRackAndBringsItBack) {
  Options options =
      With(4, 1, {After(150, faults::CrashNode{"rack=r1", false, Milliseconds(800)})});
  options.nodes[1].labels = options.nodes[2].labels = {{"rack", "r1"}};
  const Result result = RunUnder(options);
  EXPECT_EQ(result.report.node_crashes, 2u);
  EXPECT_EQ(result.report.node_restarts, 2u);
}

TEST(PauseNode, DelaysWhatRunsThere) {
  Simulation simulation(With(2, 1, {After(100, faults::PauseNode{"n2", Milliseconds(600)})}));
  simulation.Run([&] {
    const Instant start = Now();
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(300));
    EXPECT_THAT(Get(refs), testing::UnorderedElementsAre("n1", "n2"));
    EXPECT_NEAR((Now() - start).Seconds(), 0.7, 0.05);
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().tasks_retried, 0u);
}

/// Longer than the GCS waits: it is dead when it goes on, learns so, and comes back as another.
TEST(PauseNode, ThatLastsTooLongEndsTheNode) {
  Simulation simulation(With(2, 1, {After(100, faults::PauseNode{"n2", Seconds(5)})}));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(300));
    EXPECT_THAT(Get(refs), Each("n1"));
    refs.clear();
    Sleep(Seconds(6));
    for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(300));
    EXPECT_THAT(Get(refs), testing::UnorderedElementsAre("n1", "n2"));
    refs.clear();
    simulation.ExpectNothingLeft();
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().ToString(),
              AllOf(HasSubstr("learned of its own death"), HasSubstr("executed again")));
}

TEST(PauseWorker, DelaysOneTask) {
  Simulation simulation(
      With(1, 2, {After(50, faults::PauseWorker{"n1", "ClockSpan", Seconds(20)})}));
  simulation.Run([&] {
    const Instant start = Now();
    const auto paused = Task(ClockSpan).Remote(100);
    Get(Task(RestWhere).Remote(100));
    EXPECT_LT((Now() - start).Seconds(), 0.2);
    Get(paused);
    EXPECT_NEAR((Now() - start).Seconds(), 20.05, 0.02);
  });
}

TEST(SlowCpu, StretchesTasksForAWhile) {
  Options options = With(1, 1, {After(100, faults::SlowCpu{"n1", 10, Milliseconds(400)})});
  options.task_cost = [](const TaskSpec&) { return Milliseconds(20); };
  Simulation simulation(options);
  simulation.Run([&] {
    const auto time_one = [] {
      const Instant start = Now();
      Get(Task(RestWhere).Remote(0));
      return (Now() - start).Seconds();
    };
    EXPECT_NEAR(time_one(), 0.02, 0.01);
    Sleep(Milliseconds(100));
    EXPECT_NEAR(time_one(), 0.2, 0.01);
    Sleep(Milliseconds(400));
    EXPECT_NEAR(time_one(), 0.02, 0.01);
  });
}

TEST(ClockDrift, IsSeenByWhoReadsThatClock) {
  Simulation simulation(With(1, 1, {After(0, faults::ClockDrift{"n1", 2, {}})}));
  simulation.Run([&] {
    Sleep(Milliseconds(1));
    const Instant start = simulation.GetWorld().Now();
    // 100 ms of that clock are 50 true ones.
    EXPECT_NEAR(static_cast<double>(Get(Task(ClockSpan).Remote(100))), 100e6, 1e3);
    EXPECT_NEAR((simulation.GetWorld().Now() - start).Seconds(), 0.05, 0.005);
  });
}

class Drifting : public testing::TestWithParam<std::pair<const char*, double>> {};
TEST_P(Drifting, ClocksChangeNoAnswer) {
  const auto [node, rate] = GetParam();
  const Result result =
      RunUnder(With(3, 1, {After(10, faults::ClockDrift{node, rate, Seconds(2)})}));
  EXPECT_EQ(result.report.tasks_retried, 0u);
}
INSTANTIATE_TEST_SUITE_P(Rates, Drifting,
                         testing::Values(std::pair("n1", 1.5), std::pair("n1", 0.5),
                                         std::pair("n2", 2.0), std::pair("all", 0.7)));

struct Cut {
  const char* name;
  faults::Partition partition;
};
void PrintTo(const Cut& cut, std::ostream* out) { *out << cut.name; }

class Partitioned : public testing::TestWithParam<Cut> {};
/// Shorter than any timeout: delivery waits and goes on.
TEST_P(Partitioned, ForAShortTimeLosesNothing) {
  faults::Partition partition = GetParam().partition;
  partition.lasts = Milliseconds(400);
  const Result result = RunUnder(With(4, 1, {After(120, partition)}));
  EXPECT_EQ(result.report.tasks_retried, 0u);
}
/// Longer: the GCS loses nodes, which come back as others when it heals.
TEST_P(Partitioned, ForALongTimeLosesNodesButNoAnswers) {
  faults::Partition partition = GetParam().partition;
  partition.lasts = Seconds(6);
  RunUnder(With(4, 1, {After(120, partition)}), 30);
}
INSTANTIATE_TEST_SUITE_P(Kinds, Partitioned,
                         testing::Values(Cut{"symmetric", {{"n1", "n2"}, {"n3", "n4"}, false, {}}},
                                         Cut{"one node against all", {{"n3"}, {}, false, {}}},
                                         Cut{"one way out", {{"n3"}, {}, true, {}}},
                                         Cut{"one way in", {{"n1", "n2", "n4"}, {"n3"}, true, {}}},
                                         Cut{"bridge n2", {{"n1"}, {"n3", "n4"}, false, {}}},
                                         Cut{"away from the head", {{"n2"}, {"n3"}, false, {}}}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name) {
                             if (c == ' ') c = '_';
                           }
                           return name;
                         });

faults::LinkFault Links(const std::string& from) {
  faults::LinkFault fault;
  fault.from = {from};
  fault.to = {"all"};
  return fault;
}

TEST(LinkFault, LosesRepeatsAndReordersWithoutHarm) {
  faults::LinkFault bad = Links("all");
  bad.loss = 0.2;
  bad.duplicate = 0.2;
  bad.reorder = 0.3;
  const Result result = RunUnder(With(3, 1, {After(0, bad)}));
  EXPECT_EQ(result.report.tasks_retried, 0u);
}

TEST(LinkFault, DelaysAndNarrows) {
  const double quick = RunUnder(With(3, 1, {})).seconds;
  faults::LinkFault far = Links("all");
  far.delay = Milliseconds(30);
  far.jitter = Milliseconds(10);
  EXPECT_GT(RunUnder(With(3, 1, {After(0, far)})).seconds, quick + 0.1);
  faults::LinkFault narrow = Links("all");
  narrow.bytes_per_second = 2e5;
  EXPECT_GT(RunUnder(With(3, 1, {After(0, narrow)})).seconds, quick + 0.5);
}

TEST(Trigger, OnTheNthMessageToANode) {
  Simulation simulation(With(
      2, 1, {faults::On(Message("PushTask", "n1", "n2", 2), faults::CrashNode{"n2", false, {}})}));
  simulation.Run([&] {
    for (int round = 0; round < 3; ++round) {
      std::vector<Ref<std::string>> refs;
      for (int i = 0; i < 2; ++i) refs.push_back(Task(RestWhere).Remote(50));
      // The first round has one on n2; the second loses it there.
      EXPECT_THAT(Get(refs), round == 0 ? testing::Matcher<std::vector<std::string>>(
                                              testing::UnorderedElementsAre("n1", "n2"))
                                        : Each("n1"));
    }
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().node_crashes, 1u);
}

TEST(Trigger, OnEachHappening) {
  struct Case {
    faults::Happening event;
    const char* name;
    const char* from;
  };
  const Case cases[] = {
      {faults::Happening::kTaskStarted, "RestWhere", "n1"},
      {faults::Happening::kTaskFinished, "RestWhere", "n2"},
      {faults::Happening::kActorStarted, "MakeTally", ""},
      {faults::Happening::kLeaseGranted, "", "n2"},
      {faults::Happening::kObjectSealed, "", ""},
      {faults::Happening::kNodeJoined, "", "n2"},
  };
  for (const Case& one : cases) {
    faults::Occasion occasion;
    occasion.event = one.event;
    occasion.name = one.name;
    occasion.from = one.from;
    const Result result =
        RunUnder(With(2, 1, {faults::On(occasion, faults::SlowCpu{"n1", 2, Milliseconds(1)})}));
    EXPECT_EQ(result.report.faults, 1u) << "event " << static_cast<int>(one.event);
  }
  faults::Occasion death;
  death.event = faults::Happening::kNodeDied;
  death.from = "n2";
  const Result result = RunUnder(With(2, 1,
                                      {After(100, faults::CrashNode{"n2", false, {}}),
                                       faults::On(death, faults::RestartNode{"n2"})}));
  EXPECT_EQ(result.report.node_restarts, 1u);
}

TEST(Trigger, CrashesWithAProbabilityAgainAndAgain) {
  faults::Fault fault;
  fault.every = Milliseconds(40);
  fault.probability = 0.3;
  fault.kind = faults::CrashWorker{"all", ""};
  Options options = With(3, 1, {fault});
  Simulation simulation(options);
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 40; ++i) {
      refs.push_back(Task(RestWhere).SetMaxRetries(-1).Remote(30));
    }
    Get(refs);
    refs.clear();
    simulation.GetWorld().Heal();
    simulation.ExpectNothingLeft();
  });
  EXPECT_GT(simulation.GetWorld().GetReport().worker_crashes, 2u);
}

TEST(Heal, EndsWhatLastsAndStopsThePlan) {
  Simulation simulation(With(3, 1,
                             {After(10, faults::Partition{{"n2"}, {}, false, {}}),
                              After(10, faults::CrashNode{"n3", false, {}}),
                              After(3000, faults::CrashNode{"n2", false, {}})}));
  simulation.Run([&] {
    Sleep(Milliseconds(500));
    simulation.GetWorld().Heal();
    Sleep(Seconds(5));
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 3; ++i) refs.push_back(Task(RestWhere).Remote(200));
    EXPECT_THAT(Get(refs), testing::UnorderedElementsAre("n1", "n2", "n3"));
  });
  EXPECT_EQ(simulation.GetWorld().GetReport().node_crashes, 1u);
}

}  // namespace
}  // namespace mobula::sim
