// SPDX-License-Identifier: Apache-2.0
/// Programs as data: task graphs with puts, nesting, borrowed references, actors, cancellation and
/// errors of their own. `interpret.h` says what a program does.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/describe.h"

namespace mobula::properties {

/// So many numbers of eight bytes do not travel inline.
inline constexpr std::uint64_t kStored = 14'000;

enum class Step {
  kPut,     ///< Put a value of `size` numbers; the reference joins the task's list.
  kSubmit,  ///< Run `body[0]` as a task that borrows the references `a` and `b`; likewise.
  kAdd,     ///< A task that receives the values behind `a` and `b`; likewise.
  kGet,     ///< Fetch the value of `a` and add it to the checksum.
  kOpen,    ///< Fetch the value of `a`; the references inside it join the list.
  kDrop,    ///< Forget reference `a`.
  kWait,    ///< Wait until one of `a` and `b` is there, or `lasts`.
  kActor,   ///< Make an actor; it joins the task's list of actors.
  kCall,   ///< Call actor `a` with the value behind `b`, for `lasts`; the reference joins the list.
  kSleep,  ///< For `lasts`.
  kThrow,  ///< The task fails, in every attempt below `size`.
  kCancel,  ///< Cancel the task that makes `a`; `size` 1: forced.
  kKill,    ///< Kill actor `a`. `size` is odd: it may be restarted; above 1: wait until it is done.
  kFind,    ///< Look for the actor named `name`; it joins the list of actors. The task fails when
            ///< there is none.
  kWrite,   ///< Write key `a` of a few in the store of the GCS; `size` 1: only if it is not there.
  kRead,    ///< Read that key.
  kErase,   ///< Delete it.
  kStream,  ///< Call a generator of values of `size` numbers, which rests for `lasts` before each;
            ///< StreamShape says of how many. References to the ones that are taken join the list.
};
BOOST_DESCRIBE_ENUM(Step, kPut, kSubmit, kAdd, kGet, kOpen, kDrop, kWait, kActor, kCall, kSleep,
                    kThrow, kCancel, kKill, kFind, kWrite, kRead, kErase, kStream)

/// What the `b` of a kStream says.
struct StreamShape {
  explicit StreamShape(std::uint32_t b)
      : items(1 + b % 4), taken(1 + b / 4 % items), limit(b / 16 % 3) {}

  std::uint32_t items;
  /// Then the generator is dropped.
  std::uint32_t taken;
  /// Of those that wait to be taken; 0 for none.
  std::uint32_t limit;
};

struct Program;

/// One thing a task does. References and actors are chosen modulo the length of the list that the
/// task has at that moment; a step whose list is empty is skipped.
struct Action {
  Step step = Step::kGet;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint64_t size = 0;
  Duration lasts;
  /// kSubmit, kAdd and kStream: `max_retries`. kActor: `max_restarts`.
  std::int32_t retries = 0;
  /// kSubmit: `retry_exceptions`.
  bool retry_exceptions = false;
  /// kActor: `max_task_retries`.
  std::int32_t call_retries = 0;
  /// kSubmit: the task also gets actor `a`.
  bool lends_actor = false;
  /// kSubmit: it borrows all references there are.
  bool lends_all = false;
  /// kActor and kFind: one of a few names; 0 for none. Actors of one name answer alike.
  std::uint32_t name = 0;
  /// kActor: it lives until it is killed. Only with a name.
  bool detached = false;
  /// kSubmit, kAdd and kStream: the only node where it may run, counted from 1, and around when
  /// there are fewer; 0 for any.
  std::uint32_t where = 0;
  std::vector<Program> body;
  MOBULA_FIELDS(Action, step, a, b, size, lasts, retries, retry_exceptions, call_retries,
                lends_actor, lends_all, name, detached, where, body)
};

/// What one task does, then returns: its checksum, padded to `result_size` numbers, and, when
/// `returns_references`, its list.
struct Program {
  std::vector<Action> actions;
  std::uint64_t result_size = 0;
  bool returns_references = false;
  MOBULA_FIELDS(Program, actions, result_size, returns_references)
};

}  // namespace mobula::properties
