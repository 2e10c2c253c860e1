// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/random_program.h"

#include <memory>
#include <utility>

#include "runtime/api/mobula.h"

namespace mobula::sim {
namespace {

constexpr std::uint64_t kLarge = 20'000;

/// What every task and put of a program makes.
struct ClusterValue {
  std::int64_t checksum = 0;
  std::vector<std::int64_t> padding;
  std::vector<Ref<ClusterValue>> references;
  MOBULA_FIELDS(ClusterValue, checksum, padding, references)
};
struct LocalValue {
  std::int64_t checksum = 0;
  std::vector<std::int64_t> padding;
  std::vector<std::shared_ptr<const LocalValue>> references;
};

template <class Value>
Value Make(std::int64_t checksum, std::uint64_t size) {
  Value value;
  value.checksum = checksum;
  value.padding.assign(size, checksum);
  return value;
}

/// Also reads the padding: a chunk that is missing or out of place must be seen.
template <class Value>
std::int64_t Check(const Value& value) {
  for (const std::int64_t number : value.padding) {
    if (number != value.checksum) return -1;
  }
  return value.checksum;
}

std::int64_t Mix(std::int64_t sum, std::int64_t value) {
  return static_cast<std::int64_t>(
      MixBits(static_cast<std::uint64_t>(sum), static_cast<std::uint64_t>(value)));
}

/// Interprets a program. `World` says how to put, submit and get.
template <class World>
typename World::Value Interpret(const Program& program,
                                std::vector<typename World::Reference> references) {
  std::int64_t checksum = 1;
  std::vector<typename World::Actor> actors;
  for (const Action& action : program.actions) {
    const std::size_t count = references.size();
    if (action.step == Step::kPut) {
      references.push_back(World::Put(Mix(checksum, action.a), action.size));
    } else if (action.step == Step::kSleep) {
      World::Pause(Microseconds(static_cast<std::int64_t>(action.size)));
    } else if (action.step == Step::kSubmit) {
      std::vector<typename World::Reference> borrowed;
      if (count > 0) borrowed = {references[action.a % count], references[action.b % count]};
      references.push_back(World::Submit(action.children.front(), borrowed));
    } else if (action.step == Step::kActor) {
      actors.push_back(World::MakeActor(action.a));
    } else if (count == 0) {
      continue;
    } else if (action.step == Step::kCall) {
      if (actors.empty()) continue;
      references.push_back(
          World::Call(actors[action.a % actors.size()], references[action.b % count]));
    } else if (action.step == Step::kWait) {
      World::WaitForOne({references[action.a % count], references[action.b % count]},
                        Microseconds(static_cast<std::int64_t>(action.size)));
    } else if (action.step == Step::kAdd) {
      references.push_back(World::Add(references[action.a % count], references[action.b % count]));
    } else if (action.step == Step::kGet) {
      checksum = Mix(checksum, Check(World::Fetch(references[action.a % count])));
    } else if (action.step == Step::kOpen) {
      const auto made = World::Fetch(references[action.a % count]);
      checksum = Mix(checksum, Check(made));
      references.insert(references.end(), made.references.begin(), made.references.end());
    } else {
      references.erase(references.begin() + static_cast<std::ptrdiff_t>(action.a % count));
    }
  }
  auto result = Make<typename World::Value>(checksum, program.result_size);
  if (program.returns_references) result.references = std::move(references);
  return result;
}

ClusterValue RunProgram(const Program& program, const std::vector<Ref<ClusterValue>>& borrowed);
ClusterValue AddValues(const ClusterValue& a, const ClusterValue& b) {
  return Make<ClusterValue>(Mix(Check(a), Check(b)), a.padding.size());
}

/// An actor whose answers tell which calls came before.
class Accumulator {
 public:
  explicit Accumulator(std::int64_t start) : sum_(start) {}
  ClusterValue Add(const ClusterValue& value) {
    sum_ = Mix(sum_, Check(value));
    return Make<ClusterValue>(sum_, value.padding.size());
  }

 private:
  std::int64_t sum_;
};
Accumulator* MakeAccumulator(std::int64_t start) { return new Accumulator(start); }

struct OnCluster {
  using Value = ClusterValue;
  using Reference = Ref<ClusterValue>;
  using Actor = ActorHandle<Accumulator>;
  static Reference Put(std::int64_t checksum, std::uint64_t size) {
    return mobula::Put(Make<ClusterValue>(checksum, size));
  }
  static Reference Submit(const Program& program, const std::vector<Reference>& borrowed) {
    return Task(RunProgram).Remote(program, borrowed);
  }
  static Reference Add(const Reference& a, const Reference& b) {
    return Task(AddValues).Remote(a, b);
  }
  static Actor MakeActor(std::int64_t start) {
    return mobula::Actor(MakeAccumulator).Remote(start);
  }
  static Reference Call(const Actor& actor, const Reference& value) {
    return actor.Task(&Accumulator::Add).Remote(value);
  }
  static void WaitForOne(const std::vector<Reference>& references, Duration timeout) {
    if (references[0] == references[1]) return;
    Wait(references, 1, timeout);
  }
  static Value Fetch(const Reference& reference) { return Get(reference); }
  static void Pause(Duration span) { mobula::Sleep(span); }
};

ClusterValue RunProgram(const Program& program, const std::vector<Ref<ClusterValue>>& borrowed) {
  return Interpret<OnCluster>(program, borrowed);
}

MOBULA_REMOTE(RunProgram, AddValues, MakeAccumulator, &Accumulator::Add)

struct Locally {
  using Value = LocalValue;
  using Reference = std::shared_ptr<const LocalValue>;
  using Actor = std::shared_ptr<std::int64_t>;
  static Reference Put(std::int64_t checksum, std::uint64_t size) {
    return std::make_shared<LocalValue>(Make<LocalValue>(checksum, size));
  }
  static Reference Submit(const Program& program, const std::vector<Reference>& borrowed) {
    return std::make_shared<LocalValue>(Interpret<Locally>(program, borrowed));
  }
  static Reference Add(const Reference& a, const Reference& b) {
    return Put(Mix(Check(*a), Check(*b)), a->padding.size());
  }
  static Actor MakeActor(std::int64_t start) { return std::make_shared<std::int64_t>(start); }
  static Reference Call(const Actor& actor, const Reference& value) {
    *actor = Mix(*actor, Check(*value));
    return Put(*actor, value->padding.size());
  }
  static void WaitForOne(const std::vector<Reference>&, Duration) {}
  static Value Fetch(const Reference& reference) { return *reference; }
  static void Pause(Duration) {}
};

std::uint64_t DrawSize(Rng& rng, const Shape& shape) {
  return rng.Below(shape.large_one_in) == 0 ? kLarge + rng.Below(kLarge) : rng.Below(50);
}

std::vector<Step> StepsOf(const Shape& shape) {
  std::vector<Step> steps{Step::kGet, Step::kOpen, Step::kDrop, Step::kSleep, Step::kWait};
  if (shape.depth == 0 && shape.leaves_own_nothing) return steps;
  steps.insert(steps.end(), {Step::kPut, Step::kAdd, Step::kAdd});
  if (shape.actors) steps.insert(steps.end(), {Step::kActor, Step::kCall, Step::kCall});
  // Most often: they make the graph.
  if (shape.depth > 0) steps.insert(steps.end(), {Step::kSubmit, Step::kSubmit, Step::kSubmit});
  return steps;
}

}  // namespace

Program DrawProgram(Rng& rng, const Shape& shape) {
  Program program;
  Shape inner = shape;
  inner.depth = shape.depth - 1;
  inner.actions = shape.actions / 2 + 1;
  const std::vector<Step> steps = StepsOf(shape);
  const std::uint64_t count = shape.actions / 2 + rng.Below(shape.actions) / 2 + 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    Action action;
    action.step = steps[rng.Below(steps.size())];
    action.a = static_cast<std::uint32_t>(rng.Below(1000));
    action.b = static_cast<std::uint32_t>(rng.Below(1000));
    const bool is_time = action.step == Step::kSleep || action.step == Step::kWait;
    action.size = is_time ? rng.Below(20'000) : DrawSize(rng, shape);
    if (action.step == Step::kSubmit) action.children.push_back(DrawProgram(rng, inner));
    program.actions.push_back(std::move(action));
  }
  program.result_size = DrawSize(rng, shape);
  program.returns_references = rng.Below(2) == 0;
  return program;
}

std::int64_t RunOnCluster(const Program& program) {
  // The program's own list, and the result with what it returns, are dropped before this returns.
  return Check(Interpret<OnCluster>(program, {}));
}

std::int64_t RunSequentially(const Program& program) {
  return Check(Interpret<Locally>(program, {}));
}

}  // namespace mobula::sim
