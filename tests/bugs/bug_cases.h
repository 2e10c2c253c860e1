// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
#include "tests/properties/run_case.h"
#include "tests/properties/shrink.h"

namespace mobula::bugs {

/// The smallest program and plan that show a bug, written by hand: a file under tests/bugs/cases,
/// or, where properties::Program has no words for it, a function of bug_programs.h.
struct BugCase {
  Bug bug;
  /// Part of what the failure says.
  std::string says;
  /// What was wrong with these bugs; empty for nothing.
  std::function<std::vector<std::string>(Bugs)> run;
  /// What shrinking should come near to.
  properties::CaseSize size;
  /// Random programs have no words for what it takes: they are not searched for it.
  bool is_beyond_programs = false;
};

BugCase CaseOf(Bug bug);
/// In a child of this process: a failed CHECK is an outcome like others.
properties::Outcome RunApart(const BugCase& one, Bugs bugs);

}  // namespace mobula::bugs
