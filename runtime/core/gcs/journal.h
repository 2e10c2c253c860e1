// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>

#include "runtime/core/gcs/gcs.h"

namespace mobula::gcs {

/// Write-ahead: nothing that follows from a change leaves the GCS before the change is in the log.
/// The one place where effects are held back. View: one life of the GCS.
///
/// One write is under way at a time; what changes meanwhile gathers for the next. An effect waits
/// for the last write that was known to be needed when it came, and so effects keep their order.
/// Timers wait for nothing.
///
///     event -> tables -> records --> gathered -> WriteLog -> (disk) -> LogSynced
///                     -> effects --> held ................................| -> out
///
/// A write that fails is tried again, with growing delays, for as long as it takes: until then
/// nothing is acknowledged, and what asks is not answered. Ray counterpart: none (it waits for
/// Redis); the rule is that of `Ready` in etcd's raft.
class Journal {
 public:
  /// Without a log every effect leaves at once.
  Journal(bool keeps_log, Bugs bugs) : keeps_log_(keeps_log), bugs_(bugs) {}

  /// What one event has led to. Empties both.
  void Take(Effects& said, LogRecords& records, Effects& out);
  void Synced(std::uint64_t sequence, Effects& out);
  void Failed(const LogFailed& failure, Effects& out);
  void Retry(Effects& out);
  /// The last write failed; it will be tried again.
  [[nodiscard]] bool IsFailing() const { return failures_ > 0; }
  void CheckInvariants() const;

 private:
  struct Held {
    /// The write that it waits for.
    std::uint64_t sequence = 0;
    Effect effect;
  };

  void Write(Effects& out);

  bool keeps_log_;
  Bugs bugs_;
  /// Writes are numbered from 1.
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  /// Of write `written_`, until it is synced.
  LogRecords under_way_;
  /// For write `written_ + 1`.
  LogRecords gathered_;
  std::deque<Held> held_;
  /// Of write `written_`, so far.
  std::uint32_t failures_ = 0;
};

}  // namespace mobula::gcs
