// SPDX-License-Identifier: Apache-2.0
// Shrinking: every candidate is simpler, it comes to an end, and it finds the part that matters.
#include "tests/properties/shrink.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <variant>

#include "tests/properties/draw.h"
#include "tests/properties/targets.h"

namespace mobula::properties {
namespace {

/// What search does, with `fails` in the place of a run.
Case ShrinkWith(Case one, const std::function<bool(const Case&)>& fails) {
  for (bool is_smaller = true; is_smaller;) {
    is_smaller = false;
    for (const Case& candidate : Simpler(one)) {
      EXPECT_NE(candidate, one);
      EXPECT_LE(SizeOf(candidate).actions, SizeOf(one).actions);
      EXPECT_LE(SizeOf(candidate).faults, SizeOf(one).faults);
      if (!fails(candidate)) continue;
      one = candidate;
      is_smaller = true;
      break;
    }
  }
  return one;
}

bool HasStep(const Program& program, Step step) {
  return std::any_of(program.actions.begin(), program.actions.end(), [&](const Action& action) {
    return action.step == step ||
           std::any_of(action.body.begin(), action.body.end(),
                       [&](const Program& body) { return HasStep(body, step); });
  });
}

TEST(Shrink, KeepsOnlyTheStepAndTheFaultThatMatter) {
  const auto fails = [](const Case& one) {
    const auto& faults = one.plan.faults;
    return HasStep(one.program, Step::kAdd) &&
           std::any_of(faults.begin(), faults.end(), [](const faults::Fault& fault) {
             return std::holds_alternative<faults::CrashNode>(fault.kind);
           });
  };
  int shrunk = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    const Case one = DrawCase(rng, {.size = 40, .swarm = false});
    if (!fails(one)) continue;
    ++shrunk;
    const Case small = ShrinkWith(one, fails);
    EXPECT_EQ(SizeOf(small), (CaseSize{1, 1}));
    EXPECT_LE(small.cluster.nodes, one.cluster.nodes);
    EXPECT_EQ(small.cluster.jitter, 0);
  }
  EXPECT_GT(shrunk, 0);
}

Action Of(Step step, std::uint32_t a = 0, std::uint32_t b = 0) {
  Action action;
  action.step = step;
  action.a = a;
  action.b = b;
  return action;
}

TEST(Shrink, LeavesTheOthersAsTheyAreWhenAnActionIsLeftOut) {
  Program program;
  program.actions = {Of(Step::kPut), Of(Step::kPut), Of(Step::kPut), Of(Step::kDrop, 0),
                     Of(Step::kAdd, 5, 0)};
  // The sum is of the third and the second one.
  const Program shorter = Without(program, {}, 0, 1);
  EXPECT_THAT(shorter.actions, testing::ElementsAre(Of(Step::kPut), Of(Step::kPut),
                                                    Of(Step::kDrop, 0), Of(Step::kAdd, 0, 0)));
  const Program other = Without(program, {}, 3, 4);
  EXPECT_EQ(other.actions.back(), Of(Step::kAdd, 2, 1));
}

TEST(Shrink, EndsWithNothingWhenEverythingFails) {
  Rng rng(1);
  const Case small = ShrinkWith(DrawCase(rng, {.size = 40}), [](const Case&) { return true; });
  EXPECT_EQ(SizeOf(small), (CaseSize{0, 0}));
}

}  // namespace
}  // namespace mobula::properties
