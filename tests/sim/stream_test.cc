// SPDX-License-Identifier: Apache-2.0
// Generators on simulated clusters: their items come once, in order and whole, while workers and
// nodes crash at every event of a small program; what nobody wants is freed, and its maker stopped.
#include "runtime/core/node/node.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

constexpr std::size_t kLarge = 200'000;

/// Where the items are made: the driver's node has no CPU.
Options Elsewhere(std::size_t nodes) {
  Options options = Cluster(nodes, 1);
  options.nodes[0].resources = ResourceSet::Of({{"memory", 8e9}});
  return options;
}

/// Its value; throws what stands in its place.
std::string ValueOf(const api::SharedReference& reference) {
  api::Context& context = api::Context::Current();
  auto fetched = context.Get({reference->Object().id}, std::nullopt);
  const api::Value value(context.GetSession(), std::move(fetched.front()));
  return std::string(value.Source().data);
}
void Cancel(const Stream& stream) {
  api::Context::Current().Cancel(stream.Completed()->Object().id, false, true);
}

/// Takes what comes, and compares; returns how many items came, `taken` before included.
std::uint32_t TakeAll(Stream& stream, std::size_t size, std::uint32_t taken = 0) {
  while (const auto item = stream.Next())
    EXPECT_EQ(ValueOf(*item), ItemOf({.size = size}, ++taken));
  return taken;
}

std::uint64_t StoredObjects(const World& world) {
  std::uint64_t objects = 0;
  for (const std::string& name : world.NodeNames()) {
    const node::Node* node = world.FindNode(name);
    if (node != nullptr) objects += node->FindRaylet()->Objects().size();
  }
  return objects;
}

TEST(Generator, HandsOutItsItemsWhileItRuns) {
  for (const std::size_t size : {std::size_t{8}, kLarge}) {
    Simulation simulation(Elsewhere(3));
    simulation.Run([&] {
      {
        Stream stream({.items = 20, .size = size});
        const Instant start = Now();
        EXPECT_TRUE(stream.Next());
        EXPECT_TRUE(stream.Next());
        EXPECT_LT(Now() - start, Seconds(10));
        EXPECT_EQ(TakeAll(stream, size, 2), 20u);
        EXPECT_EQ(ValueOf(stream.Completed()), "end");
      }
      simulation.ExpectNothingLeft();
    });
  }
}

TEST(Generator, AnExceptionIsItsLastItem) {
  Simulation simulation(Elsewhere(2));
  simulation.Run([&] {
    {
      Stream stream({.items = 2, .raises = true});
      stream.Next();
      stream.Next();
      const auto last = stream.Next();
      ASSERT_TRUE(last);
      EXPECT_THROW(ValueOf(*last), TaskError);
      EXPECT_FALSE(stream.Next());
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Generator, TheDroppedOneStopsAndIsFreed) {
  Simulation simulation(Elsewhere(2));
  simulation.Run([&] {
    {
      Stream stream({.items = 100'000, .size = kLarge});
      EXPECT_TRUE(stream.Next());
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Generator, WaitsForItsConsumerWithoutItsCpu) {
  Simulation simulation(Elsewhere(2));
  simulation.Run([&] {
    {
      Stream stream({.items = 10, .size = kLarge, .options = {.limit = 2}});
      EXPECT_TRUE(stream.Next());
      Sleep(Seconds(1));
      EXPECT_EQ(StoredObjects(simulation.GetWorld()), 2u) << "two wait to be taken";
      EXPECT_EQ(Get(Task(RestWhere).Remote(1)), "n2") << "its CPU is free";
      EXPECT_EQ(TakeAll(stream, kLarge, 1), 10u);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Generator, TheCancelledOneEndsInAnError) {
  Simulation simulation(Elsewhere(2));
  simulation.Run([&] {
    {
      Stream stream({.items = 10, .options = {.limit = 1}});
      EXPECT_TRUE(stream.Next());
      Cancel(stream);
      std::optional<api::SharedReference> last;
      while (const auto item = stream.Next()) last = item;
      ASSERT_TRUE(last);
      EXPECT_THROW(ValueOf(*last), TaskCancelledError);
      EXPECT_THROW(ValueOf(stream.Completed()), TaskCancelledError);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Generator, WithoutRetriesTheLossOfItsWorkerIsItsLastItem) {
  Simulation simulation(Elsewhere(2));
  simulation.Run([&] {
    Stream stream({.items = 1000, .max_retries = 0});
    EXPECT_TRUE(stream.Next());
    EXPECT_TRUE(simulation.GetWorld().Inject(faults::CrashWorker{"n2", ""}).ok());
    std::uint32_t taken = 1;
    std::optional<api::SharedReference> last;
    while (const auto item = stream.Next()) {
      last = item;
      ++taken;
    }
    ASSERT_TRUE(last);
    EXPECT_LT(taken, 1000u);
    EXPECT_THROW(ValueOf(*last), WorkerCrashedError);
  });
}

TEST(Generator, LostItemsAreMadeAgainThoughTheGeneratorIsGone) {
  Simulation simulation(Elsewhere(3));
  simulation.Run([&] {
    {
      std::vector<api::SharedReference> items;
      {
        Stream stream({.items = 5, .size = kLarge});
        while (const auto item = stream.Next()) items.push_back(*item);
        ValueOf(stream.Completed());
      }
      ASSERT_EQ(items.size(), 5u);
      for (const std::string name : {"n2", "n3"}) {
        EXPECT_TRUE(simulation.GetWorld().Inject(faults::CrashNode{name, false, Seconds(1)}).ok());
        Sleep(Seconds(5));
      }
      EXPECT_EQ(ValueOf(items[3]), ItemOf({.size = kLarge}, 4));
    }
    simulation.ExpectNothingLeft();
  });
}

/// One whose items are taken and used late, one with a limit, and one that is dropped midway.
void SmallProgram() {
  Stream whole({.items = 4, .size = kLarge});
  Stream limited({.items = 4, .size = 8, .options = {.limit = 1}});
  std::vector<api::SharedReference> items;
  {
    Stream dropped({.items = 50, .size = kLarge});
    items.push_back(*dropped.Next());
  }
  while (const auto item = whole.Next()) items.push_back(*item);
  EXPECT_EQ(items.size(), 5u);
  EXPECT_EQ(TakeAll(limited, 8), 4u);
  EXPECT_EQ(ValueOf(items.front()), ItemOf({.size = kLarge}, 1));
  for (std::uint32_t i = 1; i < items.size(); ++i)
    EXPECT_EQ(ValueOf(items[i]), ItemOf({.size = kLarge}, i));
  EXPECT_EQ(ValueOf(whole.Completed()), "end");
}

/// Runs it with a fault after that event; returns how many events it had.
std::uint64_t RunSmallProgram(std::uint64_t event, const faults::Kind& fault) {
  SCOPED_TRACE("after event " + std::to_string(event));
  Simulation simulation(Elsewhere(3));
  World& world = simulation.GetWorld();
  if (event > 0) world.InjectAt(event, fault);
  std::uint64_t events = 0;
  simulation.Run([&] {
    SmallProgram();
    events = world.GetReport().events;
    simulation.ExpectNothingLeft();
  });
  return events;
}

class GeneratorSweep : public testing::TestWithParam<std::string> {};

TEST_P(GeneratorSweep, ACrashOfAWorkerAfterAnyEventDoesItNoHarm) {
  const std::uint64_t events = RunSmallProgram(0, {});
  for (std::uint64_t event = 1; event <= events; ++event) {
    RunSmallProgram(event, faults::CrashWorker{GetParam(), ""});
    if (HasFailure()) return;
  }
}

TEST_P(GeneratorSweep, ACrashOfANodeAfterAnyEventDoesItNoHarm) {
  const std::uint64_t events = RunSmallProgram(0, {});
  for (std::uint64_t event = 1; event <= events; ++event) {
    RunSmallProgram(event, faults::CrashNode{GetParam(), event % 3 == 0, Seconds(1)});
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(OfEachNode, GeneratorSweep, testing::Values("n2", "n3"));

}  // namespace
}  // namespace mobula::sim
