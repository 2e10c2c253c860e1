// SPDX-License-Identifier: Apache-2.0
/// One case of a property: everything that a run depends on. A case is a file (case_file.h), so a
/// failure is kept as one, under tests/plans.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "faults/plan.h"
#include "runtime/base/describe.h"
#include "tests/properties/program.h"

namespace mobula::properties {

/// Nodes n1, n2, ..., alike; n1 is the head and has the driver.
struct ClusterShape {
  std::uint32_t nodes = 1;
  std::uint32_t cpus = 1;
  std::uint32_t store_megabytes = 64;
  /// As in sim::Timing.
  double jitter = 0;
  /// As in worker::Options, in bytes; 0 for its default.
  std::uint64_t lineage_bytes_max = 0;
  MOBULA_FIELDS(ClusterShape, nodes, cpus, store_megabytes, jitter, lineage_bytes_max)
};

/// A crash in front of one event of the run, counted from the start of the driver: what exhaustive
/// search places everywhere. As a fault it is `at` the time of that event.
struct Strike {
  std::uint64_t event = 0;
  std::string node;
  /// One worker of the node instead of all of it.
  bool worker = false;
  std::optional<Duration> restart_after;
  MOBULA_FIELDS(Strike, event, node, worker, restart_after)
};

struct Case {
  std::uint64_t seed = 0;
  ClusterShape cluster;
  Program program;
  /// While this lasts after the start of the driver, things break; then everything is healed, and
  /// the program must end.
  Duration chaos = Seconds(10);
  std::optional<Strike> strike;
  faults::Plan plan;
  MOBULA_FIELDS(Case, seed, cluster, program, chaos, strike, plan)
};

}  // namespace mobula::properties
