// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/rng.h"
#include "runtime/core/node/node.h"
#include "sim/drifting_time.h"
#include "sim/options.h"
#include "sim/sim_disk.h"
#include "sim/spill_files.h"
#include "sim/store_memory.h"

namespace mobula::sim {

class SimProcess;

/// A node's place in the world. Its incarnations come and go; name and shape stay.
struct SimNode {
  explicit SimNode(SimDisk empty) : disk(std::move(empty)) {}

  std::string name;
  NodeShape shape;
  /// Not there until `AddNode` takes it.
  bool reserved = false;
  /// Random streams of its own for how long its daemon and its processes take to start.
  Rng daemon_starts{0};
  Rng process_starts{0};
  /// Counts the incarnations started; an event for an older one is void.
  std::uint32_t incarnation = 0;
  /// Of the last incarnation.
  NodeId id;
  /// The daemon; null when the node does not run.
  std::unique_ptr<node::Node> machine;
  /// Of this incarnation; processes of dead ones still hold theirs.
  std::shared_ptr<StoreMemory> store;
  /// Of this incarnation.
  SpillFiles spilled;
  /// Down, and its host answers that nobody listens (false after a silent crash).
  bool host_answers = true;
  /// Processes that were asked for and have not started.
  std::set<WorkerId> starting;
  /// Those of this incarnation, in the order of their start; the dead ones, too.
  std::vector<SimProcess*> processes;
  DriftingTime clock;
  /// Faults under way that stretch what its CPU does, and how much.
  std::map<faults::FaultId, double> slow;
  /// Holds what it spills, and the log of the GCS, if this is the head.
  SimDisk disk;

  [[nodiscard]] bool Runs() const { return machine != nullptr; }
  /// How long its CPU takes for what takes `span` elsewhere.
  [[nodiscard]] Duration CpuTime(Duration span) const {
    if (slow.empty()) return span;
    // Several at once do not add up: each says how slow it is.
    double factor = 0;
    for (const auto& [id, one] : slow) factor = std::max(factor, one);
    return FromSeconds(span.Seconds() * factor);
  }
};

}  // namespace mobula::sim
