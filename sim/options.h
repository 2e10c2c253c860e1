// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faults/plan.h"
#include "runtime/base/deliberate_bugs.h"
#include "runtime/base/resources.h"
#include "runtime/core/gcs/gcs.h"
#include "runtime/core/link/link.h"
#include "runtime/core/protocol/task_spec.h"
#include "runtime/core/raylet/options.h"
#include "runtime/core/worker/options.h"

namespace mobula::sim {

/// What one simulated node has.
struct NodeShape {
  /// Its resources: CPU, GPU, memory and the user's own.
  ResourceSet resources = ResourceSet::Of({{"CPU", 2}, {"memory", 8e9}});
  /// Bytes of its object store.
  std::uint64_t store_capacity = 1ull << 30;
  /// What its disk has room for, of what the store spills; 0: it spills nothing.
  std::uint64_t disk_capacity = 1ull << 40;
  /// Small objects are spilled together until a file has this size.
  std::uint64_t min_spilling_size = 100ull << 20;
  std::map<std::string, std::string> labels;
};

/// How long things take that are not user code.
struct Timing {
  /// From a process to another one, or to the daemon, of its node.
  Duration local_hop = Microseconds(10);
  /// From node to node, without queueing.
  Duration link_latency = Microseconds(100);
  /// Of each direction of each link; object chunks queue for it, messages only for one another.
  double link_bytes_per_second = 1e9;
  /// From the wish for a worker process until it registers.
  Duration process_start = Milliseconds(1);
  /// A node's daemon, from its start or restart until it joins.
  Duration node_start = Milliseconds(1);
  /// From the start of a cluster until its first driver starts: the nodes have joined by then, as
  /// when a program is started on a cluster that is up.
  Duration cluster_start = Milliseconds(50);
  /// From a write to the log of the GCS until it is on disk; objects that are spilled and restored
  /// take longer by their size.
  Duration disk_sync = Microseconds(200);
  double disk_bytes_per_second = 1e9;
  /// Link latencies and starts take up to this share longer, at random: so another seed is another
  /// run.
  double jitter = 0.1;
};

struct Options {
  /// Named n1, n2, ... in this order. n1 is the head: it holds the GCS and, by default, the
  /// drivers.
  std::vector<NodeShape> nodes = std::vector<NodeShape>(1);
  std::uint64_t seed = 0;
  Timing timing;
  /// Virtual time a task takes besides its sleeps and waits, from its spec. Empty: 50 us each.
  std::function<Duration(const TaskSpec&)> task_cost;
  faults::Plan faults;
  /// Told of each message that a process or daemon sends to another, once, however often a link has
  /// to repeat it. Chunks of objects are no messages.
  std::function<void(const Message&)> on_message;
  /// Checks the machine's invariants after every event.
  bool check_invariants = false;
  /// Writes every event as a line of JSON to this file (runtime/trace); empty for none.
  std::string trace_file;
  /// Writes the running hash after every event to this file, a line of text each; empty for none.
  std::string hashes_file;
  /// Nothing but housekeeping for this long is the end, or a deadlock. Longer than every timeout of
  /// the machines.
  Duration idle_after = Seconds(70);

  /// Deliberate bugs that all machines have, for tests of the tests.
  Bugs bugs;
  /// Tunables of the machines. What the shapes of nodes say is set for each node, `bugs` of all by
  /// the above.
  worker::Options worker;
  raylet::Options raylet;
  gcs::Options gcs;
  link::Options link;
};

}  // namespace mobula::sim
