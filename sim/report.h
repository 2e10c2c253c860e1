// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/protocol/effects.h"

namespace mobula::sim {

/// Something that the user of a simulation wants to know of: a fault, a death, a task executed
/// again.
struct ReportLine {
  Instant at;
  std::string text;
};

/// What was lost in a run, and what was executed again.
struct Report {
  std::uint64_t events = 0;
  std::uint64_t tasks_run = 0;
  std::uint64_t faults = 0;
  std::uint64_t node_crashes = 0;
  std::uint64_t node_restarts = 0;
  /// Nodes that were declared dead while they ran: they stood still, or were cut off.
  std::uint64_t nodes_disowned = 0;
  std::uint64_t worker_crashes = 0;
  std::uint64_t gcs_crashes = 0;
  /// Attempts after a task's first, for whatever reason.
  std::uint64_t tasks_retried = 0;
  /// Running tasks that ended with their process.
  std::uint64_t tasks_lost = 0;
  /// Complete copies in the stores of crashed nodes.
  std::uint64_t copies_lost = 0;
  std::uint64_t copies_lost_bytes = 0;
  /// In order of time.
  std::vector<ReportLine> lines;

  /// A few lines for people: the counts that are not zero, then the lines.
  [[nodiscard]] std::string ToString() const;
};

}  // namespace mobula::sim
