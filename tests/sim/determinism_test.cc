// SPDX-License-Identifier: Apache-2.0
// The same options and program give the same events; another seed gives others, and the same
// answers.
#include <fstream>

#include "tests/sim/simulation.h"
#include "tests/temporary_folder.h"

namespace mobula::sim {
namespace {

using testing::HasSubstr;

int Square(int n) {
  Sleep(Milliseconds(n % 7));
  return n * n;
}
int SumOfSquares(int n) {
  std::vector<Ref<int>> squares;
  for (int i = 0; i < n; ++i) squares.push_back(Task(Square).Remote(i));
  int sum = 0;
  for (const int square : Get(squares)) sum += square;
  return sum;
}
class Tally {
 public:
  int Add(int n) { return sum_ += n; }

 private:
  int sum_ = 0;
};
Tally* MakeTally() { return new Tally; }
MOBULA_REMOTE(Square, SumOfSquares, MakeTally, &Tally::Add)

struct Outcome {
  int answer = 0;
  std::uint64_t hash = 0;
  std::int64_t end = 0;
};

Outcome RunOnce(std::uint64_t seed, const std::string& trace_file = "") {
  Options options = Cluster(3, 2, seed);
  options.faults.Add(faults::At(Milliseconds(8), faults::CrashNode{"n3", false, Milliseconds(92)}));
  options.trace_file = trace_file;
  Simulation simulation(options);
  Outcome outcome;
  simulation.Run([&] {
    const auto tally = Actor(MakeTally).SetMaxRestarts(-1).Remote();
    std::vector<Ref<int>> sums;
    for (int n = 2; n < 10; ++n) sums.push_back(Task(SumOfSquares).Remote(n));
    for (const auto& sum : sums) outcome.answer += Get(sum);
    Get(tally.Task(&Tally::Add).Remote(1));
  });
  outcome.hash = simulation.GetWorld().TraceHash();
  outcome.end = simulation.GetWorld().Now().nanoseconds;
  return outcome;
}

TEST(Determinism, SameSeedSameTrace) {
  const Outcome first = RunOnce(1);
  const Outcome second = RunOnce(1);
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(first.end, second.end);
  EXPECT_EQ(first.answer, second.answer);
}

TEST(Determinism, AnotherSeedGivesAnotherTraceAndTheSameAnswer) {
  const Outcome first = RunOnce(1);
  const Outcome second = RunOnce(2);
  EXPECT_NE(first.hash, second.hash);
  EXPECT_EQ(first.answer, second.answer);
}

TEST(Determinism, WritingTheTraceChangesNothing) {
  const TemporaryFolder folder;
  const std::string path = folder.File("trace.jsonl");
  EXPECT_EQ(RunOnce(1).hash, RunOnce(1, path).hash);
  std::ifstream file(path);
  std::string line;
  std::size_t lines = 0;
  while (std::getline(file, line)) {
    ++lines;
    ASSERT_TRUE(line.starts_with("{\"t") && line.ends_with("\"}")) << line;
  }
  EXPECT_GT(lines, 500u);
}

/// The lines of the hashes' file that contain `what`, without the hash, of a run in which these
/// nodes crash and come back, one after the other.
std::vector<std::string> LinesOf(const std::string& what,
                                 const std::vector<std::string>& crashing) {
  const TemporaryFolder folder;
  const std::string path = folder.File("hashes");
  Options options = Cluster(4, 2, 3);
  for (const std::string& node : crashing) {
    options.faults.Add(faults::At(Milliseconds(node == "n2" ? 5 : 30),
                                  faults::CrashNode{node, false, Seconds(1)}));
  }
  options.hashes_file = path;
  {
    Simulation simulation(options);
    simulation.Run([] { Sleep(Seconds(3)); });
  }
  std::ifstream file(path);
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(file, line)) {
    if (line.find(what) != std::string::npos) lines.push_back(line.substr(17));
  }
  return lines;
}

// Goal: random numbers that one node uses are no other node's.
TEST(Determinism, TakingOneNodesCrashAwayDoesNotChangeWhenAnotherRestarts) {
  const auto both = LinesOf(" n3/daemon NodeStart ", {"n2", "n3"});
  const auto one = LinesOf(" n3/daemon NodeStart ", {"n3"});
  ASSERT_EQ(one.size(), 2u) << "the first start, and the restart";
  EXPECT_EQ(both, one);
}

TEST(World, SaysWhatIsWrongWithItsOptions) {
  Options none = Cluster(0, 1);
  EXPECT_THAT(std::string(World::Create(none).status().message()), HasSubstr("at least one node"));
  Options unknown = Cluster(2, 1);
  unknown.faults.Add(faults::At({}, faults::CrashNode{"n7", false, {}}));
  EXPECT_THAT(std::string(World::Create(unknown).status().message()), HasSubstr("n1, n2"));
  Options unwritable = Cluster(1, 1);
  unwritable.trace_file = "/no/such/folder/trace";
  EXPECT_THAT(std::string(World::Create(unwritable).status().message()),
              HasSubstr("/no/such/folder/trace"));
}

}  // namespace
}  // namespace mobula::sim
