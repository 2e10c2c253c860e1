// SPDX-License-Identifier: Apache-2.0
// Goal: programs whose objects are more than their stores hold run as if memory were endless; a bad
// disk costs what the documented errors say, and never a hang. Method: stores of 4 MB, objects of
// 1 MB.
#include <numeric>

#include "runtime/core/node/node.h"
#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using faults::DiskFiles;
using faults::DiskMode;
using testing::Contains;
using testing::Field;
using testing::Ge;
using testing::HasSubstr;

constexpr std::uint64_t kMegabyte = 1 << 20;

using Numbers = std::vector<int>;

/// Somewhat less than a megabyte.
Numbers From(int first) {
  Numbers numbers(250'000);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}
Numbers Make(int first) { return From(first); }
Numbers MakeLater(int first, int milliseconds) {
  Sleep(Milliseconds(milliseconds));
  return From(first);
}
long Total(const Numbers& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0L); }
long TotalOf(int first) { return Total(From(first)); }

MOBULA_REMOTE(Make, MakeLater, Total)

Options SmallStores(std::size_t nodes, std::vector<faults::Fault> faults = {}) {
  Options options = Cluster(nodes, 1);
  for (NodeShape& shape : options.nodes) {
    shape.store_capacity = 4 * kMegabyte;
    shape.min_spilling_size = 2 * kMegabyte;
  }
  options.faults.faults = std::move(faults);
  return options;
}
faults::DiskFault BadDisk(DiskMode mode, std::optional<Duration> lasts = std::nullopt) {
  const Duration delay = mode == DiskMode::kSlow ? Seconds(3) : Duration{};
  return {"n1", mode, delay, lasts, DiskFiles::kSpill};
}
const raylet::Raylet& RayletOf(Simulation& simulation, const std::string& node) {
  return *simulation.GetWorld().FindNode(node)->FindRaylet();
}
std::vector<Ref<Numbers>> PutMany(int count) {
  std::vector<Ref<Numbers>> refs;
  for (int i = 0; i < count; ++i) refs.push_back(Put(From(i)));
  return refs;
}
void ExpectReadable(const std::vector<Ref<Numbers>>& refs) {
  for (std::size_t i = 0; i < refs.size(); ++i) {
    EXPECT_EQ(Total(Get(refs[i])), TotalOf(static_cast<int>(i))) << i;
  }
}

TEST(Spill, PutsThreeTimesWhatTheStoreHoldsAndReadsItBack) {
  Simulation simulation(SmallStores(1));
  simulation.Run([&] {
    {
      const auto refs = PutMany(12);
      EXPECT_GE(simulation.GetWorld().BytesSpilled("n1"), 8'000'000u);
      ExpectReadable(refs);
      ExpectReadable(refs);
    }
    simulation.ExpectNothingLeft();
  });
  EXPECT_GT(RayletOf(simulation, "n1").Spilling().restored_objects, 12u);
}

TEST(Spill, TasksReadAndMakeMoreThanTheirStoresHold) {
  Simulation simulation(SmallStores(3));
  simulation.Run([&] {
    {
      std::vector<Ref<Numbers>> made;
      for (int i = 0; i < 30; ++i) made.push_back(Task(Make).Remote(i));
      std::vector<Ref<long>> totals;
      for (const auto& ref : made) totals.push_back(Task(Total).Remote(ref));
      for (int i = 0; i < 30; ++i) EXPECT_EQ(Get(totals[i]), TotalOf(i)) << i;
      ExpectReadable(made);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Spill, ServesAnotherNodeFromTheFile) {
  Options options = SmallStores(2);
  options.nodes[1].resources.SetUnits("second", ResourceSet::kUnit);
  Simulation simulation(options);
  simulation.Run([&] {
    const auto refs = PutMany(8);
    EXPECT_EQ(Get(Task(Total).SetResource("second", 1).Remote(refs[0])), TotalOf(0));
  });
  EXPECT_EQ(RayletOf(simulation, "n1").Spilling().restored_objects, 0u)
      << "it needs no memory here";
}

TEST(Spill, WhatADeadNodeHadOnDiskIsLostAndMadeAgain) {
  Options options =
      SmallStores(2, {faults::At(Seconds(2), faults::CrashNode{"n2", false, Seconds(1)})});
  options.nodes[1].resources.SetUnits("second", ResourceSet::kUnit);
  Simulation simulation(options);
  simulation.Run([&] {
    std::vector<Ref<Numbers>> refs;
    for (int i = 0; i < 8; ++i) {
      refs.push_back(Task(Make).SetResource("second", 1).Remote(i));
    }
    Wait(refs, 8);
    EXPECT_GT(simulation.GetWorld().BytesSpilled("n2"), 0u);
    Sleep(Seconds(10));
    EXPECT_EQ(simulation.GetWorld().BytesSpilled("n2"), 0u);
    ExpectReadable(refs);
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().tasks_retried, Ge(8u));
}

TEST(Spill, AFullDiskIsAnErrorThatNamesIt) {
  Simulation simulation(SmallStores(1, {faults::At({}, BadDisk(DiskMode::kFull))}));
  simulation.Run([&] {
    Sleep(Milliseconds(1));
    try {
      PutMany(5);
      ADD_FAILURE() << "there was room";
    } catch (const OutOfDiskError& error) {
      EXPECT_THAT(error.what(), HasSubstr("on the disk of n1: no space left on device"));
      EXPECT_THAT(error.what(), HasSubstr("Make room on that disk"));
    }
  });
}

TEST(Spill, ADiskIsFullWhenItHoldsWhatItCan) {
  Options options = SmallStores(1);
  options.nodes[0].disk_capacity = 3 * kMegabyte;
  Simulation simulation(options);
  simulation.Run([&] {
    std::vector<Ref<Numbers>> refs = PutMany(6);
    EXPECT_THROW(PutMany(6), OutOfDiskError);
    ExpectReadable(refs);
    refs.clear();
    Sleep(Seconds(1));
    ExpectReadable(PutMany(6));
  });
}

TEST(Spill, AStoreWithoutADiskIsFull) {
  Options options = SmallStores(1);
  options.nodes[0].disk_capacity = 0;
  Simulation simulation(options);
  simulation.Run([&] { EXPECT_THROW(PutMany(5), ObjectStoreFullError); });
}

TEST(Spill, ADiskThatFailsForAWhileIsTriedAgain) {
  Simulation simulation(SmallStores(1, {faults::At({}, BadDisk(DiskMode::kFail, Seconds(4)))}));
  simulation.Run([&] {
    Sleep(Milliseconds(1));
    ExpectReadable(PutMany(8));
  });
}

TEST(Spill, ASlowDiskIsWaitedForHoweverLongItTakes) {
  Simulation simulation(SmallStores(1, {faults::At({}, BadDisk(DiskMode::kSlow))}));
  simulation.Run([&] {
    Sleep(Milliseconds(1));
    ExpectReadable(PutMany(12));
  });
}

TEST(Spill, WhatCannotBeReadBackIsMadeAgainOrAnError) {
  Simulation simulation(SmallStores(1, {faults::At(Seconds(2), BadDisk(DiskMode::kFail))}));
  simulation.Run([&] {
    std::vector<Ref<Numbers>> made;
    for (int i = 0; i < 2; ++i) made.push_back(Task(Make).Remote(i));
    Wait(made, 2);
    {
      auto refs = PutMany(8);
      refs.resize(6);
      Sleep(Seconds(3));
      EXPECT_THROW(Get(refs[0]), ObjectLostError);
    }
    ExpectReadable(made);
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().tasks_retried, Ge(1u));
}

TEST(Spill, WhatADiskThatLiesWasGivenIsMadeAgainOrAnError) {
  Simulation simulation(SmallStores(1, {faults::At({}, BadDisk(DiskMode::kLoseUnsynced))}));
  simulation.Run([&] {
    Sleep(Milliseconds(1));
    std::vector<Ref<Numbers>> made;
    for (int i = 0; i < 2; ++i) made.push_back(Task(Make).Remote(i));
    Wait(made, 2);
    {
      const auto refs = PutMany(8);
      EXPECT_THROW(Get(refs[0]), ObjectLostError);
    }
    ExpectReadable(made);
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().tasks_retried, Ge(1u));
}

TEST(Spill, APeerMakesDoWithoutACopyThatCannotBeRead) {
  Options options = SmallStores(2, {faults::At(Seconds(2), BadDisk(DiskMode::kFail))});
  options.nodes[0].resources.SetUnits("first", ResourceSet::kUnit);
  options.nodes[1].resources.SetUnits("second", ResourceSet::kUnit);
  Simulation simulation(options);
  simulation.Run([&] {
    const auto made = Task(Make).SetResource("first", 1).Remote(0);
    Wait(std::vector{made}, 1);
    PutMany(8);
    Sleep(Seconds(3));
    EXPECT_EQ(Get(Task(Total).SetResource("second", 1).Remote(made)), TotalOf(0));
  });
  EXPECT_THAT(simulation.GetWorld().GetReport().tasks_retried, 1u);
}

TEST(Spill, AGetOfMoreThanTheStoreHoldsAtOnceIsAnErrorAndLosesNothing) {
  Simulation simulation(SmallStores(1));
  simulation.Run([&] {
    const auto refs = PutMany(8);
    EXPECT_THROW(Get(refs), ObjectStoreFullError);
    ExpectReadable(refs);
  });
}

TEST(Spill, TheLogOfTheGcsIsSparedByAFaultOfSpilling) {
  Simulation simulation(SmallStores(1, {faults::At({}, BadDisk(DiskMode::kFail))}));
  simulation.Run([&] { EXPECT_EQ(Get(Task(Total).Remote(From(1))), TotalOf(1)); });
}

TEST(Spill, RunsRepeat) {
  const auto hash = [] {
    Simulation simulation(SmallStores(2));
    simulation.Run([&] { ExpectReadable(PutMany(8)); });
    return simulation.GetWorld().TraceHash();
  };
  EXPECT_EQ(hash(), hash());
}

}  // namespace
}  // namespace mobula::sim
