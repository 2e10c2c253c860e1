// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_disk.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::sim {

using faults::DiskMode;

Duration SimDisk::Begin(const gcs::WriteLog& write) {
  CHECK(!under_way_) << "two writes at once";
  under_way_ = write;
  Duration after = sync_;
  for (const auto& [id, fault] : faults_) after = after + fault.delay;
  return after;
}

std::variant<gcs::LogSynced, gcs::LogFailed> SimDisk::End() {
  CHECK(under_way_) << "no write is under way";
  const gcs::WriteLog write = *std::exchange(under_way_, std::nullopt);
  if (Suffers(DiskMode::kFail)) return gcs::LogFailed{write.sequence, "input/output error"};
  if (Suffers(DiskMode::kFull)) return gcs::LogFailed{write.sequence, "no space left on device"};
  if (Suffers(DiskMode::kLoseUnsynced)) {
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

void SimDisk::BeginFault(faults::FaultId id, DiskMode mode, Duration delay) {
  faults_[id] = {mode, delay};
}

void SimDisk::EndFault(faults::FaultId id) {
  if (faults_.erase(id) == 0 || Suffers(DiskMode::kLoseUnsynced)) return;
  for (const gcs::LogRecords& records : std::exchange(unsynced_, {})) Keep(records);
}

bool SimDisk::Suffers(DiskMode mode) const {
  return std::any_of(faults_.begin(), faults_.end(),
                     [mode](const auto& each) { return each.second.mode == mode; });
}

void SimDisk::Keep(const gcs::LogRecords& records) {
  for (const gcs::LogRecord& record : records) rows_.Apply(record);
}

}  // namespace mobula::sim
