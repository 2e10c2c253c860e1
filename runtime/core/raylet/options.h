// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/base/deliberate_bugs.h"
#include "runtime/core/object_store/spill_manager.h"
#include "runtime/core/protocol/cluster.h"
#include "runtime/core/scheduler/options.h"

namespace mobula::raylet {

struct MemoryOptions {
  /// Whether a worker is ended when the node's memory runs out.
  bool watched = false;
  /// The share of the memory that may be used (Ray: memory_usage_threshold).
  double usage_max = 0.95;
  /// Between two looks (Ray: memory_monitor_refresh_ms).
  Duration period = Milliseconds(250);
};

struct Options {
  NodeInfo info;
  /// Bytes of the node's store.
  std::uint64_t store_capacity = 0;
  /// Offsets of objects are multiples of this.
  std::uint64_t store_alignment = 64;
  /// Between two reports to the GCS when nothing changed, and at least between two when much does.
  Duration report_period = Milliseconds(500);
  Duration report_delay = Milliseconds(20);
  /// Idle workers kept beyond one per CPU end after this.
  Duration idle_worker_timeout = Seconds(1);
  /// A process that was started and has not registered by then is killed.
  Duration start_timeout = Seconds(60);
  /// A worker that was told to leave in order and has not left by then is killed.
  Duration leave_timeout = Seconds(30);
  /// How long a request waits, while all who have resources are blocked, before its user is warned.
  Duration stuck_patience = Seconds(10);
  /// Until a kind of worker whose start failed is started again: after the first failure, doubled
  /// by each further one.
  Duration start_backoff = Milliseconds(250);
  /// Where requests run. When one node decides for all, it is told of every change at once,
  /// whatever `report_delay` says.
  scheduler::Options scheduling;
  /// Object transfer: bytes of a chunk, chunks requested at once per pull, and until one is asked
  /// again.
  std::uint64_t chunk_bytes = 5ull << 20;
  std::uint32_t chunks_in_flight = 4;
  Duration chunk_timeout = Seconds(2);
  /// Peers that get one large object from this node at a time, and pass it on. 0: any number.
  std::uint32_t transfer_fan_out = 2;
  /// How long `CreateObject` waits for room before it fails.
  Duration create_timeout = Seconds(10);
  /// Its `bugs` are those below.
  object_store::SpillOptions spill;
  MemoryOptions memory;
  /// For tests of the tests.
  Bugs bugs;
};

}  // namespace mobula::raylet
