// SPDX-License-Identifier: Apache-2.0
/// Programs as data: task graphs with puts, nesting and borrowed references, drawn from a seed. The
/// same program runs on a simulated cluster and, as its own oracle, sequentially in plain C++.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/describe.h"
#include "runtime/base/rng.h"

namespace mobula::sim {

enum class Step {
  kPut,     ///< Put a value of `size` numbers; the reference joins the task's list.
  kSubmit,  ///< Run `children[0]` as a task that borrows the references `a` and `b`; likewise.
  kAdd,     ///< A task that receives the values behind `a` and `b`; likewise.
  kGet,     ///< Fetch the value of `a` and add it to the checksum.
  kOpen,    ///< Fetch the value of `a`; the references inside it join the list.
  kDrop,    ///< Forget reference `a`.
  kWait,    ///< Wait until one of `a` and `b` is there, or `size` microseconds.
  kActor,   ///< Make an actor, which only this task knows.
  kCall,    ///< Call actor `a` with the value behind `b`; likewise.
  kSleep,   ///< `size` microseconds.
};
BOOST_DESCRIBE_ENUM(Step, kPut, kSubmit, kAdd, kGet, kOpen, kDrop, kWait, kActor, kCall, kSleep)

struct Program;

/// One thing a task does. References are chosen modulo the length of the list it has at that
/// moment, and the step is skipped when the list is empty.
struct Action {
  Step step = Step::kSleep;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint64_t size = 0;
  std::vector<Program> children;
  MOBULA_FIELDS(Action, step, a, b, size, children)
};

/// What one task does, then returns: its checksum, padded to `result_size` numbers, and, when
/// `returns_references`, its list.
struct Program {
  std::vector<Action> actions;
  std::uint64_t result_size = 1;
  bool returns_references = false;
  MOBULA_FIELDS(Program, actions, result_size, returns_references)
};

struct Shape {
  /// Of the outermost program, at most; inner ones have half of it.
  std::uint32_t actions = 20;
  std::uint32_t depth = 3;
  /// One value in so many is too large to be inline.
  std::uint32_t large_one_in = 6;
  /// The innermost programs make no tasks and objects, so that all belong to outer ones.
  bool leaves_own_nothing = false;
  /// An actor's state is lost with it, so the answer may be, too.
  bool actors = true;
};

Program DrawProgram(Rng& rng, const Shape& shape);

/// The program's checksum on the calling task's cluster, and what it must be.
std::int64_t RunOnCluster(const Program& program);
std::int64_t RunSequentially(const Program& program);

}  // namespace mobula::sim
