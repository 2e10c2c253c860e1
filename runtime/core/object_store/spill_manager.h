// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
#include "runtime/core/object_store/sink.h"

namespace mobula::object_store {

struct SpillOptions {
  /// Without a disk a full store stays full.
  bool enabled = false;
  /// Small objects are written together, until a file has this much (Ray: min_spilling_size) or so
  /// many.
  std::uint64_t file_bytes_min = 100ull << 20;
  std::size_t file_objects_max = 2000;
  /// After a write that failed; doubled by each further one.
  Duration retry_min = Milliseconds(50);
  Duration retry_max = Seconds(1);
  /// For tests of the tests.
  Bugs bugs;
};

/// Where a spilled object lies.
struct DiskPlace {
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
};

/// Totals, for people.
struct SpillStatistics {
  /// On disk now.
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  /// Since the node's start.
  std::uint64_t spilled_objects = 0;
  std::uint64_t spilled_bytes = 0;
  std::uint64_t restored_objects = 0;
  std::uint64_t restored_bytes = 0;
  /// Why the last write failed; empty when it did not.
  std::string failure;
  MOBULA_FIELDS(SpillStatistics, files, bytes, spilled_objects, spilled_bytes, restored_objects,
                restored_bytes, failure)
};

/// The files to which a node's store spills: one write at a time, when the next may begin, and how
/// many objects still need each file. Which objects are spilled, the store decides. View: one
/// node's. Ray counterpart: the bookkeeping of LocalObjectManager.
///
/// State of a file | meaning                                      | leaves by
/// writing         | SpillObjects is under way                    | ObjectsSpilled
/// on disk         | `objects` of the store have their copy there | DropCopy of the last one
/// unused          | waits for DeleteSpilled                      | DeleteUnused
///
/// State of the disk | meaning                                    | leaves by
/// idle              | a write may begin                          | Begin
/// writing           | one is under way                           | ObjectsSpilled
/// resting           | the last write failed                      | the retry timer
/// After a failure the next file is half as large: what does not fit on the disk as a whole may fit
/// in part.
class SpillManager {
 public:
  explicit SpillManager(SpillOptions options);

  [[nodiscard]] bool IsEnabled() const { return options_.enabled; }
  /// A write may begin.
  [[nodiscard]] bool MayWrite() const { return options_.enabled && !writing_ && !resting_; }
  /// A write is under way that is expected to succeed.
  [[nodiscard]] bool IsMakingRoom() const { return writing_ && statistics_.failure.empty(); }
  /// Whether a file that holds so much should be written rather than get more.
  [[nodiscard]] bool IsFileFull(std::size_t objects, std::uint64_t bytes) const {
    return objects >= options_.file_objects_max || bytes >= file_bytes_;
  }
  /// REQUIRES: MayWrite(); parts, each with memory that stays as it is.
  void Begin(std::vector<SpillPart> parts, Sink& out);
  /// The places of the parts, in their order; nothing when the write failed.
  std::vector<DiskPlace> End(const ObjectsSpilled& event, Sink& out);
  void HandleRetryTimer() { resting_ = false; }
  void NoteRestored(std::uint64_t bytes);
  /// One object does not need its copy any more.
  void DropCopy(const DiskPlace& place);
  void DeleteUnused(Sink& out);

  [[nodiscard]] const SpillStatistics& Statistics() const { return statistics_; }
  /// Objects per file on disk.
  [[nodiscard]] std::map<std::uint64_t, std::size_t> Files() const;
  void CheckInvariants() const;

 private:
  struct File {
    std::uint64_t bytes = 0;
    std::size_t objects = 0;
  };
  struct Write {
    std::uint64_t file = 0;
    std::vector<DiskPlace> places;
    std::uint64_t bytes = 0;
  };

  SpillOptions options_;
  std::uint64_t last_file_ = 0;
  std::optional<Write> writing_;
  bool resting_ = false;
  std::uint32_t failures_ = 0;
  /// `file_bytes_min`, or less after failures.
  std::uint64_t file_bytes_;
  /// Added by End; removed with the last object.
  std::map<std::uint64_t, File> files_;
  std::vector<std::uint64_t> unused_;
  SpillStatistics statistics_;
};

}  // namespace mobula::object_store
