// SPDX-License-Identifier: Apache-2.0
/// Faults as data: what breaks, where and when. The simulator executes them; a real cluster can,
/// too.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/base/describe.h"

namespace mobula::faults {

/// The node's daemon and all its processes end at once, with their memory and the node's store.
struct CrashNode {
  std::string node;
  /// After the start of the first driver.
  Duration at;
  /// Nobody answers for it (a pulled cable, a lost machine): the GCS finds out by its silence.
  /// Otherwise the host stays and resets the connections, as after `kill -9`.
  bool silent = false;
  MOBULA_FIELDS(CrashNode, node, at, silent)
};

/// A crashed node comes back empty, under a new incarnation, and joins. Ignored when it runs.
struct RestartNode {
  std::string node;
  Duration at;
  MOBULA_FIELDS(RestartNode, node, at)
};

/// One worker process of the node ends at once: one that runs a task or an actor if there is one,
/// else an idle one. Never a driver. Nothing happens when the node has no worker.
struct CrashWorker {
  std::string node;
  Duration at;
  MOBULA_FIELDS(CrashWorker, node, at)
};

using Fault = std::variant<CrashNode, RestartNode, CrashWorker>;
/// In any order; faults of one instant happen in the order given.
using Schedule = std::vector<Fault>;

}  // namespace mobula::faults
