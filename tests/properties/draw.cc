// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/draw.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/properties/draw_habits.h"
#include "tests/properties/draw_plan.h"
#include "tests/properties/targets.h"

namespace mobula::properties {
namespace {

class ProgramDrawer {
 public:
  ProgramDrawer(Rng& rng, const Shape& shape, const Style& style)
      : rng_(rng), shape_(shape), style_(style) {
    std::vector<Step> steps{Step::kPut,  Step::kAdd,  Step::kAdd,  Step::kGet,
                            Step::kOpen, Step::kDrop, Step::kWait, Step::kSleep};
    if (!shape.answer_must_come) {
      steps.insert(steps.end(), {Step::kActor, Step::kCall, Step::kCall, Step::kThrow,
                                 Step::kCancel, Step::kKill});
    }
    for (const Step step : steps) {
      if (!shape.swarm || rng_.Below(3) > 0) steps_.push_back(step);
    }
    // They make the graph.
    steps_.insert(steps_.end(), {Step::kSubmit, Step::kSubmit, Step::kSubmit});
    for (const std::int32_t retries : {0, 1, 3, -1}) {
      if (!shape.swarm || rng_.Below(2) == 0) retries_.push_back(retries);
    }
    if (retries_.empty()) retries_.push_back(3);
    if (shape.answer_must_come) retries_ = {-1};
  }

  /// About so many actions. A task begins with what its parent lends it.
  Program Draw(std::uint64_t actions, int depth, bool is_driver, Given lists) {
    Program program;
    const std::uint64_t count = actions / 2 + rng_.Below(actions + 1) + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      program.actions.push_back(DrawAction(actions / 3, depth, is_driver, lists));
    }
    if (is_driver && rng_.Below(4) > 0) {
      // It wants to know what became of everything.
      for (std::size_t i = 0; i < lists.references; ++i) {
        program.actions.emplace_back().a = static_cast<std::uint32_t>(i);
      }
    }
    program.result_size = DrawSize();
    program.returns_references = rng_.Below(2) == 0;
    return program;
  }

 private:
  std::uint64_t DrawSize() {
    if (rng_.Below(style_.large_one_in) > 0) return rng_.Below(20);
    return std::max(kStored, style_.size_max - rng_.Below(style_.size_max / 2));
  }

  /// What a task may do in this place.
  Step DrawStep(int depth, bool is_driver, const Given& lists) {
    Step step = steps_[rng_.Below(steps_.size())];
    // It would belong to the task, which may die.
    const bool may_make = is_driver || !shape_.answer_must_come;
    const bool is_rare =
        step == Step::kCancel || step == Step::kKill || step == Step::kThrow || step == Step::kDrop;
    if (is_rare && rng_.Below(3) > 0) step = Step::kGet;
    if (step == Step::kThrow && is_driver) step = Step::kGet;
    if (step == Step::kActor && lists.actors > 1) step = Step::kCall;
    const bool wants_actor = step == Step::kCall || step == Step::kKill;
    if (wants_actor && lists.actors == 0) step = Step::kActor;
    const bool wants_reference = step != Step::kSubmit && step != Step::kPut &&
                                 step != Step::kSleep && step != Step::kThrow &&
                                 step != Step::kActor;
    if (wants_reference && lists.references == 0) step = Step::kSubmit;
    if (step == Step::kSubmit && depth == 0) step = Step::kAdd;
    if (step == Step::kAdd && lists.references == 0) step = Step::kPut;
    const bool makes = step == Step::kPut || step == Step::kAdd;
    if (makes && !may_make) step = rng_.Below(2) == 0 ? Step::kGet : Step::kSleep;
    return step;
  }

  Action DrawAction(std::uint64_t inner_actions, int depth, bool is_driver, Given& lists) {
    Action action;
    action.step = DrawStep(depth, is_driver, lists);
    action.a = static_cast<std::uint32_t>(rng_.Below(64));
    action.b = static_cast<std::uint32_t>(rng_.Below(64));
    switch (action.step) {
      case Step::kPut:
        action.size = DrawSize();
        ++lists.references;
        break;
      case Step::kCall:
        if (rng_.Below(4) == 0) action.lasts = DrawSpan(rng_, style_.tempo);
        ++lists.references;
        break;
      case Step::kDrop:
        --lists.references;
        break;
      case Step::kSubmit:
        action.retries = retries_[rng_.Below(retries_.size())];
        // Without end, a task that always fails would never end.
        action.retry_exceptions = action.retries >= 0 && rng_.Below(4) == 0;
        action.lends_actor = rng_.Below(3) == 0;
        action.lends_all = rng_.Below(6) == 0;
        action.body = {Draw(inner_actions, depth - 1, false, GivenTo(action, lists))};
        ++lists.references;
        break;
      case Step::kAdd:
        action.retries = retries_[rng_.Below(retries_.size())];
        ++lists.references;
        break;
      case Step::kActor:
        action.retries = retries_[rng_.Below(retries_.size())];
        action.call_retries = retries_[rng_.Below(retries_.size())];
        ++lists.actors;
        break;
      case Step::kWait:
      case Step::kSleep:
        action.lasts = DrawSpan(rng_, style_.tempo);
        break;
      case Step::kThrow:
        action.size = 1 + rng_.Below(3);
        break;
      case Step::kCancel:
        action.size = rng_.Below(2);
        break;
      case Step::kKill:
        action.size = rng_.Below(4);
        break;
      default:
        break;
    }
    return action;
  }

  Rng& rng_;
  const Shape& shape_;
  Style style_;
  std::vector<Step> steps_;
  std::vector<std::int32_t> retries_;
};

/// How large values are, and what stores, disks and transfers make of that: now and then more than
/// the stores have room for.
void DrawStores(Rng rng, const Shape& shape, ClusterShape& cluster, Style& style) {
  static constexpr std::uint64_t kChunkKilobytes[] = {64, 200, ClusterShape{}.chunk_kilobytes};
  cluster.chunk_kilobytes = kChunkKilobytes[rng.Below(std::size(kChunkKilobytes))];
  style.large_one_in = 2 + rng.Below(12);
  if (rng.Below(3) > 0) return;
  style.large_one_in = 1 + rng.Below(3);
  style.size_max = kStored * (2 + rng.Below(8));
  style.fills_stores = true;
  // A store has room for so many of the largest, in quarters.
  static constexpr std::uint64_t kQuarters[] = {20, 24, 12, 12, 8, 3};
  const std::uint64_t choices = shape.answer_must_come ? 2 : std::size(kQuarters);
  const std::uint64_t largest = style.size_max / 128 + 8;
  cluster.store_kilobytes = largest * kQuarters[rng.Below(choices)] / 4;
  const std::uint64_t file = rng.Below(3);
  if (file < 2) cluster.spill_file_kilobytes = file * cluster.store_kilobytes / 2;
  if (shape.answer_must_come) return;
  const std::uint64_t disk = rng.Below(8);
  if (disk < 2) cluster.disk_kilobytes = disk * cluster.store_kilobytes * (1 + rng.Below(3));
}

}  // namespace

Duration DrawSpan(Rng& rng, Duration tempo) {
  return Microseconds(static_cast<std::int64_t>(rng.Uniform() * tempo.Seconds() / 4 * 1e6));
}

Case DrawCase(Rng& rng, const Shape& shape) {
  static constexpr Duration kTempos[] = {Milliseconds(2), Milliseconds(20), Milliseconds(200),
                                         Seconds(2)};
  // One node has few ways to fail.
  static constexpr std::uint32_t kNodes[] = {1, 2, 2, 3, 3, 3, 4};
  Case one;
  one.seed = rng.Below(1'000'000'000);
  one.cluster.nodes = kNodes[rng.Below(std::size(kNodes))];
  one.cluster.cpus = static_cast<std::uint32_t>(1 + rng.Below(3));
  one.cluster.jitter = static_cast<double>(rng.Below(21)) / 10;
  // What goes by way of a third node is there first, now and then.
  if (rng.Below(2) == 0) one.cluster.jitter *= 10;
  Style style;
  style.tempo = kTempos[rng.Below(std::size(kTempos))];
  const auto size = static_cast<std::uint64_t>(std::clamp(shape.size, 1, 100));
  Rng program_rng = rng.Fork(1);
  DrawStores(rng.Fork(4), shape, one.cluster, style);
  ProgramDrawer program(program_rng, shape, style);
  const int depth = shape.answer_must_come ? 1 : static_cast<int>(1 + rng.Below(3));
  one.program = program.Draw(3 + size / 5, depth, true, {});
  AddHabits(rng.Fork(3), shape, style, one.program);
  AddStreams(rng.Fork(5), shape, style, one.program);
  if (!shape.faults) return one;
  if (!shape.answer_must_come && rng.Below(12) == 0) one.cluster.lineage_bytes_max = 2000;
  one.chaos = Milliseconds(static_cast<std::int64_t>(500 + rng.Below(8000)));
  Rng plan_rng = rng.Fork(2);
  one.plan = DrawPlan(plan_rng, shape, one.cluster, style.tempo);
  return one;
}

}  // namespace mobula::properties
