// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "faults/injector.h"
#include "runtime/base/rng.h"
#include "runtime/core/gcs/gcs.h"

namespace mobula::sim {

/// The disk of one node, as far as the GCS's log lies on it. It outlives the node's incarnations.
/// What the log's records come to is kept, not the records: a log is rewritten as its shortest
/// equal all the time.
///
/// A write is a unit: after a crash its records are all there or none of them (in the real world
/// each lies in a frame with a checksum, and a torn one is cut off). The writes that survive a
/// crash are a prefix of those that were made.
class SimDisk {
 public:
  /// Writes take `sync`. `rng` decides what survives a crash.
  SimDisk(Duration sync, Rng rng) : sync_(sync), rng_(rng) {}

  /// Begins a write; `End` is due after the returned time. REQUIRES: none is under way.
  Duration Begin(const gcs::WriteLog& write);
  /// The answer to the write under way.
  std::variant<gcs::LogSynced, gcs::LogFailed> End();
  /// Whoever wrote is gone, and will not hear of the write under way. What was given to the disk
  /// and is not for sure on it gets there, or when it is to be lost, a prefix drawn at random does.
  void Crash(bool lose_unsynced);
  /// Another disk, empty.
  void Replace();
  void BeginFault(faults::FaultId id, faults::DiskMode mode, Duration delay);
  /// Does nothing for a fault that is no disk's. A disk that lies no more has written everything.
  void EndFault(faults::FaultId id);
  [[nodiscard]] gcs::LogRecords Read() const { return rows_.Records(); }
  /// Changes when a write under way is void.
  [[nodiscard]] std::uint64_t Epoch() const { return epoch_; }

 private:
  struct Fault {
    faults::DiskMode mode = faults::DiskMode::kFail;
    Duration delay;
  };

  [[nodiscard]] bool Suffers(faults::DiskMode mode) const;
  void Keep(const gcs::LogRecords& records);

  Duration sync_;
  Rng rng_;
  std::map<faults::FaultId, Fault> faults_;
  gcs::Rows rows_;
  std::optional<gcs::WriteLog> under_way_;
  /// Acknowledged by a disk that lies, in order.
  std::deque<gcs::LogRecords> unsynced_;
  std::uint64_t epoch_ = 0;
};

}  // namespace mobula::sim
