// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "faults/disk_faults.h"
#include "runtime/base/rng.h"
#include "runtime/core/gcs/gcs.h"

namespace mobula::sim {

/// The disk of one node: its speed, its faults, and the GCS's log. It outlives the node's
/// incarnations. (What those spill does not: sim/spill_files.h.)
///
/// What the log's records come to is kept, not the records: a log is rewritten as its shortest
/// equal all the time.
///
/// A write is a unit: after a crash its records are all there or none of them (in the real world
/// each lies in a frame with a checksum, and a torn one is cut off). The writes that survive a
/// crash are a prefix of those that were made.
class SimDisk {
 public:
  /// What is spilled and restored takes its time by size, one after the other, and `sync` besides.
  /// The log is not delayed by that.
  struct Speed {
    Duration sync;
    double bytes_per_second = 1e9;
  };

  /// `rng` decides what survives a crash.
  SimDisk(Speed speed, Rng rng) : speed_(speed), rng_(rng) {}

  /// Begins a write; `End` is due after the returned time. REQUIRES: none is under way.
  Duration Begin(const gcs::WriteLog& write);
  /// The answer to the write under way.
  std::variant<gcs::LogSynced, gcs::LogFailed> End();
  /// Whoever wrote is gone, and will not hear of the write under way. What was given to the disk
  /// and is not for sure on it gets there, or when it is to be lost, a prefix drawn at random does.
  void Crash(bool lose_unsynced);
  /// Another disk, empty.
  void Replace();

  /// When a transfer to or from a spill file that is asked for now is over.
  Instant BeginTransfer(Instant now, std::uint64_t bytes);
  /// What the operating system says of a spill file, to a writer with that much on the disk by then
  /// and to a reader; empty when all is well.
  [[nodiscard]] std::string SpillFailure(std::uint64_t bytes, std::uint64_t capacity) const;
  [[nodiscard]] std::string RestoreFailure() const;
  /// What is spilled now can be read later.
  [[nodiscard]] bool KeepsSpilled() const;

  void BeginFault(faults::FaultId id, const faults::DiskFault& fault) { faults_.Begin(id, fault); }
  /// Does nothing for a fault that is no disk's. A disk that lies no more has written everything.
  void EndFault(faults::FaultId id);
  [[nodiscard]] gcs::LogRecords Read() const { return rows_.Records(); }
  /// Changes when a write under way is void.
  [[nodiscard]] std::uint64_t Epoch() const { return epoch_; }

 private:
  [[nodiscard]] Duration Latency(faults::DiskFiles files) const;
  void Keep(const gcs::LogRecords& records);

  Speed speed_;
  Rng rng_;
  faults::DiskFaults faults_;
  /// Of the last transfer.
  Instant transferred_at_;
  gcs::Rows rows_;
  std::optional<gcs::WriteLog> under_way_;
  /// Acknowledged by a disk that lies, in order.
  std::deque<gcs::LogRecords> unsynced_;
  std::uint64_t epoch_ = 0;
};

}  // namespace mobula::sim
