// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/base/deliberate_bugs.h"
#include "runtime/base/time.h"

namespace mobula::worker {

/// Tunables of a process's runtime; the defaults are Ray's where Ray has the option.
struct Options {
  /// How long an idle lease is kept for the next task of its class.
  Duration lease_linger = Milliseconds(100);
  /// Lease requests of one class under way at once.
  std::uint32_t lease_requests_max = 16;
  /// Work kept in flight on one leased worker, so that it never waits for the owner: as many tasks
  /// as fit in this span at the class's measured run time. A class with no measurement gets one at
  /// a time.
  Duration pipeline_span = Milliseconds(1);
  std::uint32_t pipeline_depth_max = 256;
  /// Until a GCS request is sent again, doubling from the first to the second.
  Duration gcs_retry_min = Milliseconds(500);
  Duration gcs_retry_max = Seconds(5);
  /// How long a leased worker, or one that an actor is to live in, waits for an argument that must
  /// be made again. Then it gives the task back: the argument may need the very resources it holds.
  Duration stall_patience = Milliseconds(500);
  /// For how long a `get` blocks its task before somebody looks whether it is part of a deadlock.
  Duration blocked_patience = Seconds(10);
  /// Lineage kept at most; the oldest goes first (Ray: 1 GiB). A job may have a limit of its own.
  std::uint64_t lineage_bytes_max = 1ull << 30;
  /// Notes which objects and tasks each event touches, for a trace (`Worker::LastTouched`).
  bool note_touched = false;
  /// Without lineage no lost object is made again.
  bool keep_lineage = true;
  /// For tests of the tests.
  Bugs bugs;
};

}  // namespace mobula::worker
