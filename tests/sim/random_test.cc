// SPDX-License-Identifier: Apache-2.0
// Random programs on random clusters, with random crashes: the answer is that of sequential
// execution, and afterwards nothing is left. Each case is one seed; a failure prints it, and
//   sim_random_test --gtest_filter=... with MOBULA_SEED set to it runs that case alone.
#include <cstdlib>

#include "runtime/base/check.h"
#include "tests/sim/random_program.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

std::uint64_t running_seed = 0;

void PrintSeed(const std::string&) {
  std::fprintf(stderr, "replay with MOBULA_SEED=%llu\n",
               static_cast<unsigned long long>(running_seed));
}

void ForSeeds(std::uint64_t count, const std::function<void(std::uint64_t)>& check) {
  SetCheckFailureHook(&PrintSeed);
  const char* only = std::getenv("MOBULA_SEED");
  const char* many = std::getenv("MOBULA_SEEDS");
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 0;
  if (many != nullptr) count = std::strtoull(many, nullptr, 10);
  for (running_seed = first; running_seed < (only != nullptr ? first + 1 : count); ++running_seed) {
    SCOPED_TRACE(testing::Message() << "replay with MOBULA_SEED=" << running_seed);
    check(running_seed);
    if (testing::Test::HasFailure()) return;
  }
}

Options RandomCluster(Rng& rng, std::uint64_t seed) {
  Options options = Cluster(1 + rng.Below(4), 1 + static_cast<double>(rng.Below(3)), seed);
  options.timing.jitter = rng.Uniform() * 2;
  const char* trace = std::getenv("MOBULA_TRACE");
  if (trace != nullptr) options.trace_file = trace;
  return options;
}

void AddFaults(Rng& rng, Options& options, std::uint64_t most) {
  const std::uint64_t count = rng.Below(most + 1);
  // Microseconds; a short window makes the faults fall together.
  const std::uint64_t window = rng.Below(2) == 0 ? 50'000 : 500'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string node = "n" + std::to_string(1 + rng.Below(options.nodes.size()));
    const Duration at = Microseconds(static_cast<std::int64_t>(rng.Below(window)));
    if (node == "n1" || rng.Below(2) == 0) {
      options.faults.Add(faults::At(at, faults::CrashWorker{node, ""}));
    } else {
      faults::CrashNode crash{node, rng.Below(2) == 0, {}};
      const auto later = Milliseconds(static_cast<std::int64_t>(rng.Below(3000)));
      if (rng.Below(2) == 0) crash.restart_after = later;
      options.faults.Add(faults::At(at, crash));
    }
  }
}

TEST(RandomProgram, ComputesWhatSequentialExecutionComputes) {
  ForSeeds(60, [](std::uint64_t seed) {
    Rng rng(seed);
    const Program program = DrawProgram(rng, Shape{});
    Simulation simulation(RandomCluster(rng, seed));
    simulation.Run([&] {
      EXPECT_EQ(RunOnCluster(program), RunSequentially(program));
      simulation.ExpectNothingLeft();
    });
  });
}

/// The driver, which does not crash, owns all tasks and objects, and no task is hit more often than
/// it may be retried: the answer must come.
TEST(RandomProgram, ComputesTheSameWhenNodesCrash) {
  ForSeeds(60, [](std::uint64_t seed) {
    Rng rng(seed);
    Shape shape;
    shape.actions = 50;
    shape.depth = 1;
    shape.leaves_own_nothing = true;
    shape.actors = false;
    const Program program = DrawProgram(rng, shape);
    Options options = RandomCluster(rng, seed);
    AddFaults(rng, options, 3);
    Simulation simulation(options);
    simulation.Run([&] {
      EXPECT_EQ(RunOnCluster(program), RunSequentially(program));
      simulation.ExpectNothingLeft();
    });
  });
}

/// Tasks that own objects crash, too: then a documented error may come instead.
TEST(RandomProgram, EndsWithTheAnswerOrADocumentedErrorWhenOwnersCrash) {
  ForSeeds(60, [](std::uint64_t seed) {
    Rng rng(seed);
    const Program program = DrawProgram(rng, Shape{});
    Options options = RandomCluster(rng, seed);
    AddFaults(rng, options, 6);
    Simulation simulation(options);
    simulation.Run([&] {
      try {
        EXPECT_EQ(RunOnCluster(program), RunSequentially(program));
      } catch (const ActorError&) {
      } catch (const ObjectLostError&) {
      } catch (const WorkerCrashedError&) {
      } catch (const NodeDiedError&) {
      } catch (const TaskError&) {
      }
      simulation.ExpectNothingLeft();
    });
  });
}

}  // namespace
}  // namespace mobula::sim
