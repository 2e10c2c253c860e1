// SPDX-License-Identifier: Apache-2.0
/// Goal: nothing is freed while somebody can still reach it, and nothing is kept when nobody can.
/// Method: random programs of several processes that put, pass, nest, return and drop references,
/// over many interleavings (tests/runtime/core/worker/world.h); every machine checks its counts
/// after every event.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/runtime/core/worker/world.h"

namespace mobula::worker {
namespace {

std::uint64_t Seeds(std::uint64_t usual) {
  const char* more = std::getenv("MOBULA_WORLD_SEEDS");
  return more == nullptr ? usual : std::strtoull(more, nullptr, 10);
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

void ExpectClean(World& world) {
  world.Run();
  ASSERT_TRUE(world.Leftovers().empty()) << Join(world.Leftovers());
  ASSERT_GT(world.Values(), 0u);
}

TEST(WorkerWorld, ObjectsLiveExactlyAsLongAsTheyAreReachable) {
  for (std::uint64_t seed = 1; seed <= Seeds(25); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, {.actors = 0});
    ExpectClean(world);
    ASSERT_TRUE(world.Errors().empty()) << world.Errors().begin()->first;
  }
}

TEST(WorkerWorld, ActorsAndTheirArgumentsLiveExactlyAsLongAsTheirHandles) {
  for (std::uint64_t seed = 1; seed <= Seeds(25); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, {});
    ExpectClean(world);
    for (const auto& [kind, count] : world.Errors()) {
      // What an actor has put goes with it.
      ASSERT_EQ(kind, "kOwnerDied");
    }
  }
}

TEST(WorkerWorld, ProgramsEndThoughWorkersDie) {
  for (std::uint64_t seed = 1; seed <= Seeds(25); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, {.worker_deaths = 5});
    world.Run();
    ASSERT_TRUE(world.Hanging().empty()) << Join(world.Hanging());
  }
}

TEST(WorkerWorld, ProgramsEndThoughNodesDie) {
  for (std::uint64_t seed = 1; seed <= Seeds(25); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, {.nodes = 5, .node_deaths = 2});
    world.Run();
    ASSERT_TRUE(world.Hanging().empty()) << Join(world.Hanging());
  }
}

}  // namespace
}  // namespace mobula::worker
