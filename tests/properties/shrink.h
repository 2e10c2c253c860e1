// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tests/properties/case.h"

namespace mobula::properties {

/// Cases that are one step simpler, the boldest first: fewer actions (halves, then one by one; the
/// others keep what they are about), a body or a put in the place of a task, fewer faults, plainer
/// faults, fewer nodes, smaller values, shorter times. Program and plan get simpler together, as
/// each step may touch either. Going on like this ends: every candidate is simpler than its case.
std::vector<Case> Simpler(const Case& one);

/// How large a case is, to compare: actions at all depths, and faults.
struct CaseSize {
  std::uint64_t actions = 0;
  std::uint64_t faults = 0;
  MOBULA_FIELDS(CaseSize, actions, faults)
};
CaseSize SizeOf(const Case& one);

}  // namespace mobula::properties
