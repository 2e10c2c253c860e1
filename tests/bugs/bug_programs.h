// SPDX-License-Identifier: Apache-2.0
/// Programs that show a bug and that properties::Program has no words for: constructors that fail,
/// narrow links, repeated requests. Each returns what was wrong; nothing when all is
/// well.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/deliberate_bugs.h"

namespace mobula::bugs {

std::vector<std::string> KillAnActorWhoseBirthIsNotKnownYet(Bugs bugs);
std::vector<std::string> RunATaskOverANarrowLink(Bugs bugs);
/// One raylet, which is asked for the same lease twice.
std::vector<std::string> RepeatALeaseRequest(Bugs bugs);

}  // namespace mobula::bugs
