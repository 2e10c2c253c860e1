// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_disk.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::sim {

using faults::DiskFiles;
using faults::DiskMode;

Duration SimDisk::Begin(const gcs::WriteLog& write) {
  CHECK(!under_way_) << "two writes at once";
  under_way_ = write;
  return Latency(DiskFiles::kGcsLog);
}

std::variant<gcs::LogSynced, gcs::LogFailed> SimDisk::End() {
  CHECK(under_way_) << "no write is under way";
  const gcs::WriteLog write = *std::exchange(under_way_, std::nullopt);
  if (faults_.Suffer(DiskFiles::kGcsLog, DiskMode::kFail))
    return gcs::LogFailed{write.sequence, "input/output error"};
  if (faults_.Suffer(DiskFiles::kGcsLog, DiskMode::kFull))
    return gcs::LogFailed{write.sequence, "no space left on device"};
  if (faults_.Suffer(DiskFiles::kGcsLog, DiskMode::kLoseUnsynced)) {
    unsynced_.push_back(write.records);
  } else {
    Keep(write.records);
  }
  return gcs::LogSynced{write.sequence};
}

void SimDisk::Crash(bool lose_unsynced) {
  ++epoch_;
  if (under_way_) unsynced_.push_back(std::exchange(under_way_, std::nullopt)->records);
  const std::size_t kept = lose_unsynced ? rng_.Below(unsynced_.size() + 1) : unsynced_.size();
  for (std::size_t i = 0; i < kept; ++i) Keep(unsynced_[i]);
  unsynced_.clear();
}

void SimDisk::Replace() {
  rows_ = gcs::Rows{};
  unsynced_.clear();
}

Instant SimDisk::BeginTransfer(Instant now, std::uint64_t bytes) {
  const Duration span = FromSeconds(static_cast<double>(bytes) / speed_.bytes_per_second);
  transferred_at_ = std::max(now, transferred_at_) + span;
  return transferred_at_ + Latency(DiskFiles::kSpill);
}

std::string SimDisk::SpillFailure(std::uint64_t bytes, std::uint64_t capacity) const {
  if (faults_.Suffer(DiskFiles::kSpill, DiskMode::kFail)) return "input/output error";
  const bool is_full = faults_.Suffer(DiskFiles::kSpill, DiskMode::kFull) || bytes > capacity;
  return is_full ? "no space left on device" : "";
}

std::string SimDisk::RestoreFailure() const {
  return faults_.Suffer(DiskFiles::kSpill, DiskMode::kFail) ? "input/output error" : "";
}

bool SimDisk::KeepsSpilled() const {
  return !faults_.Suffer(DiskFiles::kSpill, DiskMode::kLoseUnsynced);
}

void SimDisk::EndFault(faults::FaultId id) {
  if (!faults_.End(id) || faults_.Suffer(DiskFiles::kGcsLog, DiskMode::kLoseUnsynced)) return;
  for (const gcs::LogRecords& records : std::exchange(unsynced_, {})) Keep(records);
}

Duration SimDisk::Latency(DiskFiles files) const { return speed_.sync + faults_.Delay(files); }

void SimDisk::Keep(const gcs::LogRecords& records) {
  for (const gcs::LogRecord& record : records) rows_.Apply(record);
}

}  // namespace mobula::sim
