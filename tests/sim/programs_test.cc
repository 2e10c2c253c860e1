// SPDX-License-Identifier: Apache-2.0
// Whole C++ programs on simulated clusters without faults: they compute what they say, and leave
// nothing.
#include <numeric>

#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

int Add(int a, int b) { return a + b; }
int Fibonacci(int n) {
  if (n < 2) return n;
  const auto a = Task(Fibonacci).Remote(n - 1);
  const auto b = Task(Fibonacci).Remote(n - 2);
  return Get(a) + Get(b);
}
std::vector<int> Range(int size) {
  std::vector<int> numbers(static_cast<std::size_t>(size));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}
long Sum(const std::vector<int>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0L);
}
int GetInside(const std::vector<Ref<int>>& refs) {
  int sum = 0;
  for (const auto& ref : refs) sum += Get(ref);
  return sum;
}
std::vector<Ref<int>> MakeInside(int count) {
  std::vector<Ref<int>> refs;
  for (int i = 0; i < count; ++i) refs.push_back(i % 2 ? Put(i) : Task(Add).Remote(i, 0));
  return refs;
}
int Fail(const std::string& text) { throw std::runtime_error(text); }

class Counter {
 public:
  explicit Counter(int start) : value_(start) {}
  int Next(int by) { return value_ += by; }
  int Value() const { return value_; }
  int Keep(const std::vector<Ref<int>>& refs) {
    kept_ = refs;
    return static_cast<int>(refs.size());
  }
  int SumOfKept() { return GetInside(kept_); }

 private:
  int value_;
  std::vector<Ref<int>> kept_;
};
Counter* MakeCounter(int start) { return new Counter(start); }
int UseCounter(const ActorHandle<Counter>& counter, int times) {
  int last = 0;
  for (int i = 0; i < times; ++i) last = Get(counter.Task(&Counter::Next).Remote(1));
  return last;
}

MOBULA_REMOTE(Add, Fibonacci, Range, Sum, GetInside, MakeInside, Fail, MakeCounter, &Counter::Next,
              &Counter::Value, &Counter::Keep, &Counter::SumOfKept, UseCounter)

TEST(Program, RunsTasksThatDependOnEachOther) {
  Simulation simulation(Cluster(1, 2));
  simulation.Run([&] {
    {
      auto sum = Task(Add).Remote(1, 2);
      for (int i = 0; i < 10; ++i) sum = Task(Add).Remote(sum, i);
      EXPECT_EQ(Get(sum), 48);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, SpreadsTasksOverAllNodes) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    std::vector<Ref<std::string>> where;
    for (int i = 0; i < 3; ++i) where.push_back(Task(RestWhere).Remote(500));
    const Instant start = Now();
    EXPECT_THAT(Get(where), testing::UnorderedElementsAre("n1", "n2", "n3"));
    EXPECT_LT((Now() - start).Seconds(), 0.6);
    where.clear();
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, RunsNestedTasksOnFewerCpusThanItsDepth) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    EXPECT_EQ(Get(Task(Fibonacci).Remote(7)), 13);
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, TakesLargeObjectsAcrossNodes) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    {
      // Larger than one chunk.
      std::vector<Ref<std::vector<int>>> ranges;
      for (int i = 0; i < 3; ++i) ranges.push_back(Task(Range).Remote(2'000'000));
      for (const auto& range : ranges) EXPECT_EQ(Get(Task(Sum).Remote(range)), 1999999000000);
      for (const auto& range : ranges) EXPECT_EQ(Sum(Get(range)), 1999999000000);
      const auto put = Put(Range(100'000));
      EXPECT_EQ(Get(Task(Sum).Remote(put)), 4999950000);
      EXPECT_EQ(Get(Task(Sum).Remote(Range(100'000))), 4999950000);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, PassesReferencesInsideValues) {
  Simulation simulation(Cluster(2, 2));
  simulation.Run([&] {
    {
      std::vector<Ref<int>> refs{Put(1), Task(Add).Remote(2, 3), Put(10)};
      const auto sum = Task(GetInside).Remote(refs);
      refs.clear();
      EXPECT_EQ(Get(sum), 16);
    }
    {
      const std::vector<Ref<int>> made = Get(Task(MakeInside).Remote(6));
      EXPECT_EQ(GetInside(made), 15);
      EXPECT_EQ(Get(Task(GetInside).Remote(made)), 15);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, KeepsWhatAnIdleWorkerOwns) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    {
      const std::vector<Ref<int>> made = Get(Task(MakeInside).Remote(6));
      // Leaves more workers than there are CPUs.
      Get(Task(Fibonacci).Remote(5));
      Sleep(Seconds(5));
      EXPECT_EQ(GetInside(made), 15);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, EndsAnActorWithoutTheObjectsOfTasksBeforeIt) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    const std::vector<Ref<int>> made = Get(Task(MakeInside).Remote(6));
    EXPECT_EQ(Get(Actor(MakeCounter).Remote(5).Task(&Counter::Value).Remote()), 5);
    Sleep(Seconds(1));
    EXPECT_EQ(GetInside(made), 15);
  });
}

TEST(Program, WaitsForTheFirstOnes) {
  Simulation simulation(Cluster(1, 4));
  simulation.Run([&] {
    std::vector<Ref<std::string>> refs;
    for (const int time : {300, 100, 200}) refs.push_back(Task(RestWhere).Remote(time));
    const auto waited = Wait(refs, 1);
    EXPECT_EQ(waited.ready, std::vector{refs[1]});
    EXPECT_EQ(waited.unready, (std::vector{refs[0], refs[2]}));
    EXPECT_THAT(Wait(refs, 3, Milliseconds(150)).ready, SizeIs(2));
    EXPECT_THROW(Get(Task(RestWhere).Remote(1000), Milliseconds(10)), GetTimeoutError);
  });
}

TEST(Program, GetsTheExceptionOfATaskAndOfWhatDependsOnIt) {
  Simulation simulation(Cluster(1, 1));
  simulation.Run([&] {
    const auto failed = Task(Fail).Remote(std::string("no luck"));
    const auto after = Task(Add).Remote(failed, 1);
    for (const auto& ref : {failed, after}) {
      try {
        Get(ref);
        ADD_FAILURE() << "nothing was thrown";
      } catch (const TaskError& error) {
        EXPECT_THAT(error.what(),
                    AllOf(HasSubstr("Fail"), HasSubstr("std::runtime_error: no luck")));
      }
    }
  });
}

TEST(Program, KeepsTheStateOfAnActor) {
  Simulation simulation(Cluster(3, 1));
  simulation.Run([&] {
    {
      const auto counter = Actor(MakeCounter).Remote(5);
      std::vector<Ref<int>> values;
      for (int i = 0; i < 20; ++i) values.push_back(counter.Task(&Counter::Next).Remote(1));
      for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(values[static_cast<std::size_t>(i)]), 6 + i);
      const auto a = Task(UseCounter).Remote(counter, 10);
      const auto b = Task(UseCounter).Remote(counter, 10);
      EXPECT_THAT((std::vector{Get(a), Get(b)}), Contains(45));
      EXPECT_EQ(Get(counter.Task(&Counter::Value).Remote()), 45);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, KeepsWhatAnActorBorrowsUntilItEnds) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    {
      const auto counter = Actor(MakeCounter).Remote(0);
      EXPECT_EQ(Get(counter.Task(&Counter::Keep).Remote(std::vector{Put(1), Put(41)})), 2);
      Sleep(Seconds(2));
      EXPECT_EQ(Get(counter.Task(&Counter::SumOfKept).Remote()), 42);
    }
    simulation.ExpectNothingLeft();
  });
}

TEST(Program, FindsANamedActor) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const auto counter = Actor(MakeCounter).SetName("the counter").Remote(7);
    EXPECT_EQ(Get(counter.Task(&Counter::Value).Remote()), 7);
    const auto found = GetActor<Counter>("the counter");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(Get(found->Task(&Counter::Value).Remote()), 7);
    EXPECT_FALSE(GetActor<Counter>("another").has_value());
  });
}

TEST(Program, SaysOfAKilledActorThatItIsDead) {
  Simulation simulation(Cluster(2, 1));
  simulation.Run([&] {
    const auto counter = Actor(MakeCounter).Remote(7);
    EXPECT_EQ(Get(counter.Task(&Counter::Value).Remote()), 7);
    counter.Kill();
    Sleep(Milliseconds(100));
    EXPECT_THROW(Get(counter.Task(&Counter::Value).Remote()), ActorDiedError);
  });
}

TEST(Program, ThatAsksForWhatNoNodeHasIsWarnedAndNamed) {
  Simulation simulation(Cluster(2, 2));
  const auto stuck = simulation.RunUntilStuck(
      [&] { Get(Task(Add).SetResource("CPU", 64).SetName("much").Remote(1, 2)); });
  EXPECT_THAT(stuck, Contains(HasSubstr("waits for: get of")));
  EXPECT_THAT(stuck, Contains(HasSubstr("much")));
  EXPECT_THAT(simulation.notices, Contains(HasSubstr("64")));
}

TEST(Program, TakesTheVirtualTimeOfItsSleepsAndLittleMore) {
  Simulation simulation(Cluster(1, 4));
  simulation.Run([&] {
    const Instant start = Now();
    std::vector<Ref<std::string>> refs;
    for (int i = 0; i < 8; ++i) refs.push_back(Task(RestWhere).Remote(100));
    Get(refs);
    const double seconds = (Now() - start).Seconds();
    EXPECT_GT(seconds, 0.2);
    EXPECT_LT(seconds, 0.21);
  });
}

}  // namespace
}  // namespace mobula::sim
