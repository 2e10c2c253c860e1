// SPDX-License-Identifier: Apache-2.0
/// The register of deliberate bugs (runtime/base/deliberate_bugs.h): what each does wrong, what it
/// stands for, and what must catch it. tests/bugs shows that it is caught, by the smallest program
/// and plan that do; faults/BUGS.md how long each way of searching needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/deliberate_bugs.h"

namespace mobula::faults {

struct BugEntry {
  Bug bug;
  /// In files, tables and on the command lines of tests.
  std::string name;
  /// What the machine that has it does.
  std::string does;
  /// The class of mistakes, and where it was made.
  std::string stands_for;
  /// The invariant or oracle.
  std::string caught_by;
};

/// In the order of the enum, one for each.
const std::vector<BugEntry>& AllBugs();
const BugEntry& Describe(Bug bug);
/// NotFound, with the names that there are.
absl::StatusOr<Bug> FindBug(std::string_view name);

}  // namespace mobula::faults
