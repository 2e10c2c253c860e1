// SPDX-License-Identifier: Apache-2.0
// Goal: when the node's memory runs out, one worker is ended: a large one, of these one that may
// run again, of these the newest; its owner hears why, and nothing else is ended until it is gone.
#include <gmock/gmock.h>

#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMebibyte = 1ull << 20;
constexpr std::uint64_t kLimit = 1000 * kMebibyte;
constexpr std::uint64_t kTooMuch = 951 * kMebibyte;

class MemoryTest : public RayletFixture {
 protected:
  MemoryTest() : RayletFixture(Watching()) {}

  static Options Watching() {
    Options options = TestOptions(ResourceSet::Of({{"CPU", 4}}));
    options.memory.watched = true;
    return options;
  }
  LeaseGranted LeaseOf(const std::string& name, bool retriable) {
    RequestLease request = Request(++requests_, Cpus(1));
    request.name = name;
    request.retriable = retriable;
    return RayletFixture::Lease(request);
  }
  /// The answer to what was asked, which must be this.
  Effects Measured(std::uint64_t used, std::vector<ProcessMemory> processes = {}) {
    return Do(MemoryMeasured{used, kLimit, std::move(processes)});
  }
  /// Who is ended when the processes use so many mebibytes.
  WorkerId Victim(const std::vector<std::pair<WorkerId, std::uint64_t>>& mebibytes) {
    std::vector<ProcessMemory> processes;
    for (const auto& [worker, count] : mebibytes) processes.push_back({worker, count * kMebibyte});
    Fire(TimerKind::kMemory);
    Measured(kTooMuch);
    const auto killed = Of<KillProcess>(Measured(kTooMuch, processes));
    return killed.size() == 1 ? killed[0].worker : WorkerId{};
  }

 private:
  std::uint64_t requests_ = 0;
};

TEST_F(MemoryTest, LooksAgainAndAgainAndEndsNobodyWhileThereIsEnough) {
  Join();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Of<MeasureMemory>(Fire(TimerKind::kMemory)), ElementsAre(MeasureMemory{}));
    const Effects out = Measured(kLimit / 100 * 95);
    EXPECT_THAT(Of<StartTimer>(out),
                ElementsAre(StartTimer{{static_cast<std::uint32_t>(TimerKind::kMemory), 0},
                                       Milliseconds(250)}));
  }
}

TEST_F(MemoryTest, ANodeWithoutTasksHasNobodyToEnd) {
  JoinWithDriver();
  Fire(TimerKind::kMemory);
  const Effects out = Measured(kTooMuch);
  EXPECT_THAT(Of<MeasureMemory>(out), IsEmpty());
  EXPECT_EQ(Of<StartTimer>(out).size(), 1u);
}

TEST_F(MemoryTest, ItsOwnerHearsWhatTheWorkerUsed) {
  JoinWithDriver();
  const LeaseGranted hog = LeaseOf("hog", false);
  const LeaseGranted small = LeaseOf("small", false);
  Hear(kDriver, WatchWorker{hog.worker.worker});
  Fire(TimerKind::kMemory);
  EXPECT_THAT(Of<MeasureMemory>(Measured(kTooMuch)),
              ElementsAre(MeasureMemory{{hog.worker.worker, small.worker.worker}}));
  const auto killed = Of<KillProcess>(Measured(
      kTooMuch, {{hog.worker.worker, 700 * kMebibyte}, {small.worker.worker, 50 * kMebibyte}}));
  ASSERT_EQ(killed.size(), 1u);
  EXPECT_EQ(killed[0].worker, hog.worker.worker);
  const auto told = Sent<WorkerDied>(Do(ProcessExited{hog.worker.worker, "signal 9"}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].second.out_of_memory);
  EXPECT_THAT(told[0].second.reason,
              HasSubstr("The memory of node n1 ran out: 951 MiB of 1000 MiB were used, more than "
                        "the 95 % allowed. Ended was the worker of hog (pid 1000) with 700 MiB; "
                        "others: small (pid 1000) with 50 MiB. Run fewer"));
}

TEST_F(MemoryTest, EndsOneAtATime) {
  JoinWithDriver();
  const WorkerId first = LeaseOf("f", true).worker.worker;
  const WorkerId second = LeaseOf("f", true).worker.worker;
  EXPECT_EQ(Victim({{first, 400}, {second, 400}}), second);
  EXPECT_EQ(Victim({{first, 400}}), WorkerId{}) << "the other is not gone yet";
  Do(ProcessExited{second, "signal 9"});
  EXPECT_EQ(Victim({{first, 400}}), first);
}

TEST_F(MemoryTest, TakesWhatMayRunAgainBeforeWhatMayNot) {
  JoinWithDriver();
  const WorkerId retriable = LeaseOf("f", true).worker.worker;
  const WorkerId once = LeaseOf("g", false).worker.worker;
  EXPECT_EQ(Victim({{retriable, 400}, {once, 500}}), retriable);
}

TEST_F(MemoryTest, TakesTheNewestOfTheOwnerThatHasMost) {
  JoinWithDriver();
  const WorkerId older = LeaseOf("f", true).worker.worker;
  const WorkerId newer = LeaseOf("f", true).worker.worker;
  RequestLease request = Request(100, Cpus(1));
  request.owner = Address{kDriver.node, newer};
  request.retriable = true;
  const WorkerId child = RayletFixture::Lease(request).worker.worker;
  EXPECT_EQ(Victim({{older, 400}, {newer, 400}, {child, 400}}), newer);
}

TEST_F(MemoryTest, LooksOnceWhenTheWorkersAreGoneMeanwhile) {
  JoinWithDriver();
  LeaseOf("f", true);
  Fire(TimerKind::kMemory);
  EXPECT_EQ(Of<MeasureMemory>(Measured(kTooMuch)).size(), 1u);
  const Effects out = Measured(kTooMuch);
  EXPECT_THAT(Of<MeasureMemory>(out), IsEmpty());
  EXPECT_EQ(Of<StartTimer>(out).size(), 1u);
}

TEST_F(MemoryTest, SparesThoseWhoseEndWouldHelpLittle) {
  JoinWithDriver();
  const WorkerId hog = LeaseOf("hog", false).worker.worker;
  const WorkerId retriable = LeaseOf("f", true).worker.worker;
  const WorkerId newest = LeaseOf("g", false).worker.worker;
  EXPECT_EQ(Victim({{hog, 500}, {retriable, 200}, {newest, 100}}), hog);
}

TEST_F(MemoryTest, AWorkerThatEndsByItselfMeanwhileIsNotEndedForMemory) {
  JoinWithDriver();
  const LeaseGranted hog = LeaseOf("hog", false);
  Hear(hog.worker, WorkerExiting{hog.worker.worker, "max_calls"});
  Hear(kDriver, WatchWorker{hog.worker.worker});
  Victim({{hog.worker.worker, 700}});
  const auto told = Sent<WorkerDied>(Do(ProcessExited{hog.worker.worker, "exit code 0"}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0].second.out_of_memory);
}

}  // namespace
}  // namespace mobula::raylet
