// SPDX-License-Identifier: Apache-2.0
/// What can break: the kinds of faults, as data. The simulator and a real cluster execute the same.
/// faults/plan.proto states the same structs for plan files; README.md says what causes each in
/// production and which test fires it.
///
/// Where a kind names nodes it takes a selector (faults/selector.h): "n2", "rack=r1", "any",
/// "all". `lasts` is how long a condition holds; without it, until it is healed.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/describe.h"

namespace mobula::faults {

/// The node's daemon and all its processes end at once, with their memory and the node's store.
struct CrashNode {
  std::string node;
  /// Nobody answers for it (a pulled cable, a lost machine): the GCS finds out by its silence.
  /// Otherwise the host stays and resets the connections, as after `kill -9`.
  bool silent = false;
  /// Then it comes back, as RestartNode says. Without: it stays away.
  std::optional<Duration> restart_after;
  MOBULA_FIELDS(CrashNode, node, silent, restart_after)
};

/// A crashed node comes back empty, under a new incarnation, and joins. Ignored when it runs.
struct RestartNode {
  std::string node;
  MOBULA_FIELDS(RestartNode, node)
};

/// One worker process of the node ends at once: one that runs a task or an actor if there is one,
/// else an idle one. Never a driver. Nothing happens when the node has no such worker.
struct CrashWorker {
  std::string node;
  /// Only one that runs a task, or is an actor, of this name ("train", "Counter"); empty for any.
  std::string running;
  MOBULA_FIELDS(CrashWorker, node, running)
};

/// Daemon and processes of the node stand still; what is sent to them waits. As SIGSTOP does, or a
/// virtual machine that is moved.
struct PauseNode {
  std::string node;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(PauseNode, node, lasts)
};

/// One worker process stands still; it is chosen as CrashWorker does.
struct PauseWorker {
  std::string node;
  std::string running;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(PauseWorker, node, running, lasts)
};

/// Tasks and the start of processes take `factor` times as long.
struct SlowCpu {
  std::string node;
  double factor = 1;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(SlowCpu, node, factor, lasts)
};

/// The node's clock runs at `rate` times the true speed; afterwards at the true speed, from where
/// it is then: it does not jump.
struct ClockDrift {
  std::string node;
  double rate = 1;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(ClockDrift, node, rate, lasts)
};

/// Nothing gets from a node of `a` to one of `b`, nor back unless it is one-way. An empty `b` means
/// everybody else: one node against all. A node in neither list still reaches both: a bridge.
struct Partition {
  std::vector<std::string> a;
  std::vector<std::string> b;
  bool one_way = false;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(Partition, a, b, one_way, lasts)
};

/// What is sent from a node of `from` to one of `to` (empty: everybody else) suffers, frames and
/// object chunks alike. Probabilities are per frame.
struct LinkFault {
  std::vector<std::string> from;
  std::vector<std::string> to;
  /// The other direction, too.
  bool both_ways = false;
  /// More latency, and up to this much more at random.
  Duration delay;
  Duration jitter;
  double loss = 0;
  double duplicate = 0;
  /// Such a frame comes up to `reorder_by` late, and others overtake it.
  double reorder = 0;
  Duration reorder_by = Milliseconds(10);
  /// Instead of the link's own; 0 for that.
  double bytes_per_second = 0;
  std::optional<Duration> lasts;
  MOBULA_FIELDS(LinkFault, from, to, both_ways, delay, jitter, loss, duplicate, reorder, reorder_by,
                bytes_per_second, lasts)
};

/// The GCS ends at once; daemons, workers and links stay. What is sent to it meanwhile is lost.
struct CrashGcs {
  /// Then it comes back from its log. Without: when it is healed.
  std::optional<Duration> restart_after;
  /// It finds another disk, an empty one: a GCS that knows nobody, to whom every node comes back as
  /// a new one.
  bool new_disk = false;
  /// The machine under it went down, too: of what it had not synced a part is lost, or all.
  bool lose_unsynced = false;
  MOBULA_FIELDS(CrashGcs, restart_after, new_disk, lose_unsynced)
};

enum class DiskMode {
  kFail,          ///< Writes, and reads of spilled objects, end with an input/output error.
  kFull,          ///< Writes end with "no space left on device".
  kSlow,          ///< They take `delay` longer.
  kLoseUnsynced,  ///< A disk that lies: writes are acknowledged before they are on it. A crash with
                  ///< lose_unsynced may lose those of the log; objects spilled meanwhile cannot be
                  ///< read. Nothing can be promised on such a disk.
};
BOOST_DESCRIBE_ENUM(DiskMode, kFail, kFull, kSlow, kLoseUnsynced)

/// What lies on a node's disk.
enum class DiskFiles {
  kAll,
  kGcsLog,  ///< On the head: the log of the GCS.
  kSpill,   ///< Objects for which the node's store had no room.
};
BOOST_DESCRIBE_ENUM(DiskFiles, kAll, kGcsLog, kSpill)

/// The node's disk does not do what it should with these files.
struct DiskFault {
  std::string node;
  DiskMode mode = DiskMode::kFail;
  Duration delay;
  std::optional<Duration> lasts;
  DiskFiles files = DiskFiles::kAll;
  MOBULA_FIELDS(DiskFault, node, mode, delay, lasts, files)

  /// REQUIRES: not kAll.
  [[nodiscard]] bool Concerns(DiskFiles which) const {
    return files == DiskFiles::kAll || files == which;
  }
};

using Kind = std::variant<CrashNode, RestartNode, CrashWorker, PauseNode, PauseWorker, SlowCpu,
                          ClockDrift, Partition, LinkFault, CrashGcs, DiskFault>;

}  // namespace mobula::faults
