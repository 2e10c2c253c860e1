// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/rng.h"
#include "tests/properties/draw.h"
#include "tests/properties/program.h"

namespace mobula::properties {

/// What people write in a row, and steps drawn one by one seldom are; each habit in some programs
/// only, and the rest of a program stays as it is:
///
///   names    | actors have names, some are detached, and tasks look for them, to call or kill them
///   revival  | an actor that was called is killed, may be restarted, and is called again
///   passing  | what a task returns is opened by another one, which hands it on to a third
///   parting  | a reference is dropped as soon as a task has it
///   queueing | an actor is called with what a task is about to make, and at once again
///   hoarding | large values are put in a row, and an early one is read, where stores may get full
///   patience | a task is waited for a while, and then cancelled
///   places   | tasks want what only one node has
///   keys     | tasks write, read and delete keys of the GCS's store
///
/// Where the answer must come, only the last two.
void AddHabits(Rng rng, const Shape& shape, const Style& style, Program& program);

/// In some programs generators are called here and there, and their items used like all else.
void AddStreams(Rng rng, const Shape& shape, const Style& style, Program& program);

}  // namespace mobula::properties
