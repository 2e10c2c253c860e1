// SPDX-License-Identifier: Apache-2.0
// Placement groups on simulated clusters: where bundles go, what runs in them, and that they come
// and go whole while nodes and the GCS crash at every event of a small program.
#include "runtime/core/node/node.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using testing::AnyOf;
using testing::Each;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Place {
 public:
  std::string Where() { return ThisNode(); }
};
Place* MakePlace() { return new Place; }

MOBULA_REMOTE(MakePlace, &Place::Where)

PlacementGroup Make(PlacementStrategy strategy, int bundles, double cpus = 1) {
  PlacementGroupOptions options;
  options.strategy = strategy;
  options.bundles.assign(static_cast<std::size_t>(bundles), {{"CPU", cpus}});
  return CreatePlacementGroup(options);
}
std::vector<std::string> NodesOf(const PlacementGroup& group, int bundles) {
  std::vector<std::string> nodes;
  for (int bundle = 0; bundle < bundles; ++bundle) {
    nodes.push_back(
        Get(Task(RestWhere).SetPlacementGroup(group, bundle).SetMaxRetries(-1).Remote(1)));
  }
  return nodes;
}

/// What every raylet holds, checked against what the GCS says: no bundle is reserved twice, and of
/// removed groups nothing is left.
void ExpectBundlesInOrder(const World& world) {
  const node::Node* head = world.FindNode("n1");
  if (head == nullptr || head->FindGcs() == nullptr) return;
  std::map<PlacementGroupId, PlacementGroupView> groups;
  for (PlacementGroupView& view : head->FindGcs()->PlacementGroups())
    groups.emplace(view.spec.group, std::move(view));
  std::set<std::pair<PlacementGroupId, std::uint32_t>> held;
  for (const std::string& name : world.NodeNames()) {
    const node::Node* node = world.FindNode(name);
    if (node == nullptr) continue;
    for (const raylet::BundleView& view : node->FindRaylet()->Bundles()) {
      const auto group = groups.find(view.bundle.group);
      ASSERT_NE(group, groups.end()) << name << " holds a bundle of nobody";
      EXPECT_NE(group->second.state, PlacementGroupState::kRemoved) << name;
      EXPECT_TRUE(held.emplace(view.bundle.group, view.bundle.index).second)
          << "reserved twice, the second time on " << name;
    }
  }
}

TEST(PlacementGroup, EachStrategyPutsBundlesWhereItSays) {
  Simulation simulation(Cluster(3, 2));
  simulation.Run([&] {
    const PlacementGroup spread = Make(PlacementStrategy::kStrictSpread, 3);
    EXPECT_TRUE(spread.Wait());
    EXPECT_THAT(NodesOf(spread, 3), UnorderedElementsAre("n1", "n2", "n3"));
    RemovePlacementGroup(spread);
    Sleep(Seconds(1));
    const PlacementGroup packed = Make(PlacementStrategy::kStrictPack, 2);
    EXPECT_TRUE(packed.Wait());
    const std::vector<std::string> nodes = NodesOf(packed, 2);
    EXPECT_EQ(nodes[0], nodes[1]);
    EXPECT_FALSE(Make(PlacementStrategy::kStrictSpread, 4).Wait(Seconds(5))) << "three nodes";
    EXPECT_FALSE(Make(PlacementStrategy::kStrictPack, 3).Wait(Seconds(5))) << "two CPUs each";
  });
}

TEST(PlacementGroup, ReservesForItselfAlone) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const PlacementGroup group = Make(PlacementStrategy::kSpread, 2);
    EXPECT_TRUE(group.Wait());
    const auto outside = Task(RestWhere).Remote(1);
    EXPECT_THROW(Get(outside, Seconds(5)), GetTimeoutError) << "every CPU is reserved";
    EXPECT_THAT(NodesOf(group, 2), UnorderedElementsAre("n1", "n2"));
    RemovePlacementGroup(group);
    EXPECT_THAT(Get(outside), AnyOf("n1", "n2"));
  });
}

TEST(PlacementGroup, ATaskForAnyBundleGoesWhereThereIsRoom) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    const PlacementGroup group = Make(PlacementStrategy::kStrictSpread, 3);
    EXPECT_TRUE(group.Wait());
    std::vector<Ref<std::string>> everywhere;
    for (int i = 0; i < 3; ++i)
      everywhere.push_back(Task(RestWhere).SetPlacementGroup(group).Remote(5000));
    EXPECT_THAT(Get(everywhere), UnorderedElementsAre("n1", "n2", "n3"));
  });
}

TEST(PlacementGroup, ActorsForAnyBundleFindTheFreeOne) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    const PlacementGroup group = Make(PlacementStrategy::kStrictSpread, 3);
    std::vector<ActorHandle<Place>> actors;
    std::vector<Ref<std::string>> places;
    for (int i = 0; i < 3; ++i) {
      actors.push_back(Actor(MakePlace).SetResource("CPU", 1).SetPlacementGroup(group).Remote());
      places.push_back(actors.back().Task(&Place::Where).Remote());
    }
    EXPECT_THAT(Get(places), UnorderedElementsAre("n1", "n2", "n3"));
  });
}

TEST(PlacementGroup, RemovalEndsWhatRunsAndFailsWhatWaits) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const PlacementGroup group = Make(PlacementStrategy::kPack, 2);
    const auto actor = Actor(MakePlace).SetResource("CPU", 1).SetPlacementGroup(group, 0).Remote();
    Get(actor.Task(&Place::Where).Remote());
    const auto running = Task(RestWhere).SetPlacementGroup(group, 1).SetMaxRetries(0).Remote(60000);
    const auto waiting = Task(RestWhere).SetPlacementGroup(group, 1).Remote(1);
    Sleep(Seconds(1));
    RemovePlacementGroup(group);
    EXPECT_THROW(Get(running), WorkerCrashedError);
    EXPECT_THROW(Get(waiting), TaskPlacementGroupRemoved);
    EXPECT_THROW(Get(actor.Task(&Place::Where).Remote()), ActorDiedError);
    const auto late = Actor(MakePlace).SetPlacementGroup(group).Remote();
    EXPECT_THROW(Get(late.Task(&Place::Where).Remote()), ActorPlacementGroupRemoved);
    EXPECT_THROW((void)group.Wait(), TaskPlacementGroupRemoved);
  });
}

TEST(PlacementGroup, ItsBundlesAreReplacedWhenTheirNodeDies) {
  Simulation simulation(Cluster(4, 1));
  simulation.Run([&] {
    const PlacementGroup group = Make(PlacementStrategy::kStrictSpread, 3);
    EXPECT_TRUE(group.Wait());
    const std::vector<std::string> before = NodesOf(group, 3);
    const std::string victim = before[0] == "n1" ? before[1] : before[0];
    EXPECT_TRUE(simulation.GetWorld().Inject(faults::CrashNode{victim, false, {}}).ok());
    Sleep(Seconds(5));
    EXPECT_TRUE(group.Wait());
    const std::vector<std::string> after = NodesOf(group, 3);
    EXPECT_THAT(after, Each(Not(victim)));
    EXPECT_THAT(std::set<std::string>(after.begin(), after.end()), SizeIs(3));
    ExpectBundlesInOrder(simulation.GetWorld());
  });
}

TEST(PlacementGroup, NamedOnesAreFoundAndDetachedOnesOutliveTheirJob) {
  Simulation simulation(Cluster(2, 2));
  simulation.Run([&] {
    PlacementGroupOptions options;
    options.bundles = {{{"CPU", 1}}};
    options.name = "kept";
    options.detached = true;
    CreatePlacementGroup(options);
    EXPECT_THROW(CreatePlacementGroup(options), std::invalid_argument) << "the name is taken";
    options.name = "mine";
    options.detached = false;
    CreatePlacementGroup(options);
    EXPECT_TRUE(GetPlacementGroup("mine"));
    options.bundles = {{}};
    EXPECT_THROW(CreatePlacementGroup(options), std::invalid_argument);
    options.bundles = {};
    EXPECT_THROW(CreatePlacementGroup(options), std::invalid_argument);
  });
  simulation.Run([&] {
    Sleep(Seconds(1));
    EXPECT_FALSE(GetPlacementGroup("mine")) << "it ended with its job";
    const auto kept = GetPlacementGroup("kept");
    ASSERT_TRUE(kept);
    EXPECT_TRUE(kept->Wait());
    RemovePlacementGroup(*kept);
    simulation.ExpectNothingLeft();
  });
}

/// Groups that are made, used and removed.
void SmallProgram(World& world) {
  {
    const PlacementGroup spread = Make(PlacementStrategy::kStrictSpread, 2);
    const PlacementGroup packed = Make(PlacementStrategy::kPack, 2);
    const auto actor = Actor(MakePlace)
                           .SetResource("CPU", 1)
                           .SetPlacementGroup(packed)
                           .SetMaxRestarts(-1)
                           .SetMaxTaskRetries(-1)
                           .Remote();
    EXPECT_TRUE(spread.Wait());
    const std::vector<std::string> nodes = NodesOf(spread, 2);
    EXPECT_NE(nodes[0], nodes[1]);
    EXPECT_NE(Get(actor.Task(&Place::Where).Remote()), "");
    RemovePlacementGroup(spread);
    EXPECT_NE(Get(Task(RestWhere).SetPlacementGroup(packed).SetMaxRetries(-1).Remote(1)), "");
    RemovePlacementGroup(packed);
    EXPECT_THROW(Get(actor.Task(&Place::Where).Remote()), Error);
  }
  Sleep(Seconds(3));
  ExpectBundlesInOrder(world);
}

/// Runs it with a fault after that event; returns how many events it had.
std::uint64_t RunSmallProgram(std::uint64_t event, const faults::Kind& fault) {
  SCOPED_TRACE("after event " + std::to_string(event));
  Simulation simulation(Cluster(5, 1));
  World& world = simulation.GetWorld();
  if (event > 0) world.InjectAt(event, fault);
  std::uint64_t events = 0;
  simulation.Run([&] {
    SmallProgram(world);
    events = world.GetReport().events;
    simulation.ExpectNothingLeft();
  });
  return events;
}

class PlacementGroupSweep : public testing::TestWithParam<bool> {};

TEST_P(PlacementGroupSweep, ACrashOfTheGcsAfterAnyEventDoesItNoHarm) {
  const std::uint64_t events = RunSmallProgram(0, {});
  for (std::uint64_t event = 1; event <= events; ++event) {
    faults::CrashGcs crash{Milliseconds(event % 2 == 0 ? 5 : 700), false, GetParam()};
    RunSmallProgram(event, crash);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(KeepingOrLosingTheLastWrite, PlacementGroupSweep, testing::Bool());

TEST(PlacementGroup, ACrashOfANodeAfterAnyEventDoesItNoHarm) {
  const std::uint64_t events = RunSmallProgram(0, {});
  for (std::uint64_t event = 1; event <= events; ++event) {
    RunSmallProgram(event, faults::CrashNode{event % 2 == 0 ? "n2" : "n3", event % 3 == 0, {}});
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace mobula::sim
