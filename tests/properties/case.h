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
  std::uint64_t store_kilobytes = 64 << 10;
  /// What a node's disk has room for, of what its store spills; 0: it spills nothing.
  std::uint64_t disk_kilobytes = 1 << 30;
  /// Small objects are spilled together until a file has this size.
  std::uint64_t spill_file_kilobytes = 100 << 10;
  /// Objects go from node to node in parts of this size.
  std::uint64_t chunk_kilobytes = 5 << 10;
  /// As in sim::Timing.
  double jitter = 0;
  /// As in worker::Options, in bytes; 0 for its default.
  std::uint64_t lineage_bytes_max = 0;
  MOBULA_FIELDS(ClusterShape, nodes, cpus, store_kilobytes, disk_kilobytes, spill_file_kilobytes,
                chunk_kilobytes, jitter, lineage_bytes_max)

  [[nodiscard]] std::uint64_t StoreBytes() const { return store_kilobytes << 10; }
  [[nodiscard]] std::uint64_t DiskBytes() const { return disk_kilobytes << 10; }
};

/// A resource that this node has and no other one. REQUIRES: counted from 1.
inline std::string ResourceOf(std::uint32_t node) { return "only-n" + std::to_string(node); }

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
