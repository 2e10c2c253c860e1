// SPDX-License-Identifier: Apache-2.0
// Goal: who owns an object decides what becomes of it when processes and nodes die. Borrowers at
// several levels get the value for as long as its owner lives; the owner's death is told at once,
// whatever the value is needed for; and nothing is left afterwards.
// Method: C++ programs on simulated clusters; crashes at chosen moments, and at all of them.
#include <numeric>

#include "tests/sim/simulation.h"

namespace mobula::sim {
namespace {

using Numbers = std::vector<int>;

/// Too large to be inline, and slow enough that others start elsewhere meanwhile.
Numbers MakeNumbers(int first) {
  Sleep(Milliseconds(100));
  Numbers numbers(100'000);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}
long Total(const Numbers& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0L); }
long TotalFrom(int first) { return 100'000L * first + 99'999L * 100'000 / 2; }

/// Reads through references that are `depth` tasks away from their owner, after a while.
long ReadLater(const std::vector<Ref<Numbers>>& inside, int depth, int milliseconds) {
  if (depth > 0)
    return Get(Task(ReadLater).SetResource("CPU", 0).Remote(inside, depth - 1, milliseconds));
  Sleep(Milliseconds(milliseconds));
  return Total(Get(inside.front()));
}
/// Returns references that neither this task nor its caller owns.
std::vector<Ref<Numbers>> PassOn(const std::vector<Ref<Numbers>>& references) { return references; }

struct Boxed {
  std::vector<Ref<Numbers>> inner;
  Numbers padding;
  MOBULA_FIELDS(Boxed, inner, padding)
};
/// An object in an object, both in a store; the inner one is this task's own.
Boxed MakeBoxed(int first) { return {{Task(MakeNumbers).Remote(first)}, MakeNumbers(0)}; }
long OpenBoxed(const Boxed& boxed) { return Total(Get(boxed.inner.front())); }

/// Owns what it makes for as long as it lives.
class Owner {
 public:
  std::vector<Ref<Numbers>> Stored(int first) { return {Task(MakeNumbers).Remote(first)}; }
  std::vector<Ref<int>> Small() { return {Put(7)}; }
  /// A task that is never done.
  std::vector<Ref<long>> Never() {
    return {Task(ReadLater).SetResource("CPU", 0).Remote(
        std::vector<Ref<Numbers>>{Task(MakeNumbers).Remote(0)}, 0, 1'000'000)};
  }
  std::string Where() { return ThisNode(); }
};
Owner* MakeOwner() { return new Owner; }
long Square(long number) { return number * number; }
int Twice(int number) { return 2 * number; }

MOBULA_REMOTE(MakeNumbers, Total, ReadLater, PassOn, MakeBoxed, OpenBoxed, MakeOwner,
              &Owner::Stored, &Owner::Small, &Owner::Never, &Owner::Where, Square, Twice)

/// Microseconds from `first` to `last`, `count` of them.
std::vector<Duration> Moments(std::int64_t first, std::int64_t last, int count) {
  std::vector<Duration> moments;
  for (int i = 0; i < count; ++i) {
    moments.push_back(Microseconds(first + (last - first) * i / (count - 1)));
  }
  return moments;
}

/// An actor on another node than the driver's.
auto OwnerElsewhere() { return Actor(MakeOwner).SetResource("away", 1).Remote(); }

Options TwoNodes() {
  Options options = Cluster(2, 2);
  options.nodes[1].resources.SetUnits("away", 4 * ResourceSet::kUnit);
  return options;
}

TEST(Ownership, BorrowersOfBorrowersReadWhatMustBeMadeAgain) {
  for (const int depth : {0, 1, 3}) {
    SCOPED_TRACE(depth);
    Options options = Cluster(3, 1);
    options.faults.Add(faults::At(Milliseconds(700), faults::CrashNode{"n2", false, {}}));
    Simulation simulation(options);
    simulation.Run([&] {
      {
        // One on each node; the readers hold references to all of them.
        std::vector<Ref<Numbers>> made;
        for (int i = 0; i < 3; ++i) made.push_back(Task(MakeNumbers).Remote(i));
        Wait(made, 3);
        std::vector<Ref<long>> totals;
        for (int i = 0; i < 3; ++i) {
          totals.push_back(Task(ReadLater).SetResource("CPU", 0).Remote(
              std::vector<Ref<Numbers>>{made[static_cast<std::size_t>(i)]}, depth, 1500));
        }
        made.clear();
        for (int i = 0; i < 3; ++i)
          EXPECT_EQ(Get(totals[static_cast<std::size_t>(i)]), TotalFrom(i));
      }
      simulation.ExpectNothingLeft();
    });
    EXPECT_GE(simulation.GetWorld().GetReport().copies_lost, 1u);
  }
}

TEST(Ownership, NestedObjectsAreMadeAgainWhereverANodeDies) {
  for (const Duration at : Moments(50'000, 1'500'000, 30)) {
    SCOPED_TRACE(at.Seconds());
    Options options = Cluster(3, 1);
    options.faults.Add(faults::At(at, faults::CrashNode{"n2", false, {}}));
    Simulation simulation(options);
    simulation.Run([&] {
      {
        std::vector<Ref<Boxed>> boxes;
        for (int i = 0; i < 3; ++i) boxes.push_back(Task(MakeBoxed).Remote(i));
        Sleep(Seconds(1));
        for (int i = 0; i < 3; ++i) {
          const auto& box = boxes[static_cast<std::size_t>(i)];
          try {
            EXPECT_EQ(Get(Task(OpenBoxed).Remote(box)), TotalFrom(i));
          } catch (const OwnerDiedError&) {
            // The task that made the box, and so owned what is in it, ran on n2.
          } catch (const TaskError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("owner"));
          }
        }
      }
      simulation.ExpectNothingLeft();
    });
  }
}

/// Waits for an object in one of the ways there are; each must end with the owner's death.
void ExpectOwnerDied(const std::function<void()>& wait) {
  const Instant start = Now();
  EXPECT_THROW(wait(), OwnerDiedError);
  EXPECT_LT((Now() - start).Seconds(), 2) << "at once";
}

TEST(Ownership, TheOwnersDeathIsToldAtOnceWhateverWaits) {
  Simulation simulation(TwoNodes());
  simulation.Run([&] {
    const auto owner = OwnerElsewhere();
    ASSERT_EQ(Get(owner.Task(&Owner::Where).Remote()), "n2");
    const std::vector<Ref<long>> never = Get(owner.Task(&Owner::Never).Remote());
    const std::vector<Ref<Numbers>> stored = Get(owner.Task(&Owner::Stored).Remote(1));
    const std::vector<Ref<int>> small = Get(owner.Task(&Owner::Small).Remote());
    // A task that waits for an argument, and one that waits inside.
    const auto dependent = Task(Square).Remote(never.front());
    Sleep(Milliseconds(50));
    const auto inside = Task(ReadLater).Remote(stored, 0, 200);
    ASSERT_TRUE(simulation.GetWorld().Inject(faults::CrashNode{"n2", false, {}}).ok());
    ExpectOwnerDied([&] { Get(never.front()); });
    ExpectOwnerDied([&] { Get(dependent); });
    ExpectOwnerDied([&] { Get(small.front()); });
    ExpectOwnerDied([&] { Get(Task(Twice).Remote(small.front())); });
    EXPECT_EQ(Wait(never, 1, Seconds(1)).ready.size(), 1u) << "what failed is ready";
    EXPECT_THROW(Get(inside), Error);
  });
}

TEST(Ownership, AKilledOwnerProcessIsAsDeadAsItsNode) {
  Simulation simulation(TwoNodes());
  simulation.Run([&] {
    std::vector<Ref<long>> never;
    std::vector<Ref<Numbers>> stored;
    {
      const auto owner = OwnerElsewhere();
      never = Get(owner.Task(&Owner::Never).Remote());
      stored = Get(owner.Task(&Owner::Stored).Remote(1));
      owner.Kill();
    }
    ExpectOwnerDied([&] { Get(never.front()); });
    ExpectOwnerDied([&] { Get(Task(Total).Remote(stored.front())); });
    never.clear();
    stored.clear();
    simulation.ExpectNothingLeft();
  });
}

/// Whenever the executor dies that returns what a third process owns, its caller's registration
/// there does not outlive the need for it. Without the owner's question this one leaks:
/// the executor is dead before its answer is out, and after the owner has heard of the caller.
TEST(Ownership, ARegistrationWhoseSponsorDiesIsNotKept) {
  for (const char* message : {"AddBorrower", "BorrowerAdded", "TaskDone"}) {
    for (std::uint64_t count = 1; count <= 8; ++count) {
      SCOPED_TRACE(testing::Message() << message << " " << count);
      Options options = TwoNodes();
      faults::Occasion occasion;
      occasion.message = message;
      occasion.count = count;
      options.faults.Add(faults::On(occasion, faults::CrashWorker{"n1", "PassOn"}));
      Simulation simulation(options);
      simulation.Run([&] {
        {
          const auto owner = OwnerElsewhere();
          std::vector<Ref<std::vector<Ref<Numbers>>>> passed;
          for (int i = 0; i < 3; ++i) {
            passed.push_back(Task(PassOn).Remote(owner.Task(&Owner::Stored).Remote(i)));
          }
          for (int i = 0; i < 3; ++i) {
            const auto numbers = Get(passed[static_cast<std::size_t>(i)]);
            EXPECT_EQ(Total(Get(numbers.front())), TotalFrom(i));
          }
        }
        simulation.ExpectNothingLeft();
      });
    }
  }
}

}  // namespace
}  // namespace mobula::sim
