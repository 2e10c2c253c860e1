// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/scheduler/options.h"
#include "sim/options.h"

namespace mobula::bench {

/// How large a run is.
struct Scale {
  int nodes = 10;
  std::uint64_t seed = 1;
  /// Work for each CPU of the cluster; as much as the workload says when 0.
  int tasks_per_cpu = 0;
};

/// A program for a simulated cluster whose tasks are measured (Record). It begins by itself to
/// count; what prepares it is not measured.
struct Workload {
  std::string name;
  int tasks_per_cpu;
  /// The driver's program.
  void (*run)(const Scale& scale);
  /// Of every link: how fast objects move.
  double link_bytes_per_second = 1e9;
};

/// Tasks run at most as many at once as this.
inline constexpr int kCpusOfNode = 2;

const std::vector<Workload>& AllWorkloads();
/// Null when there is none of this name.
const Workload* FindWorkload(const std::string& name);

/// A cluster in which the workload runs.
sim::Options ClusterFor(const Workload& workload, const Scale& scale,
                        const scheduler::Options& scheduling);

}  // namespace mobula::bench
