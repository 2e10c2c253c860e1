// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/disk_faults.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace mobula::host {

using faults::DiskFiles;
using faults::DiskMode;

namespace {

absl::Status Planned(int number) {
  return {absl::ErrnoToStatusCode(number),
          std::generic_category().message(number) + " (says the fault plan)"};
}

}  // namespace

void DiskFaults::Begin(faults::FaultId id, const faults::DiskFault& fault) {
  const std::lock_guard lock(mutex_);
  faults_[id] = fault;
}

void DiskFaults::End(faults::FaultId id) {
  const std::lock_guard lock(mutex_);
  faults_.erase(id);
}

absl::Status DiskFaults::BeforeWrite(DiskFiles files) const {
  Delay(files);
  if (Suffers(files, DiskMode::kFail)) return Planned(EIO);
  if (Suffers(files, DiskMode::kFull)) return Planned(ENOSPC);
  return absl::OkStatus();
}

absl::Status DiskFaults::BeforeRead(DiskFiles files) const {
  Delay(files);
  if (Suffers(files, DiskMode::kFail)) return Planned(EIO);
  return absl::OkStatus();
}

bool DiskFaults::Lies(DiskFiles files) const { return Suffers(files, DiskMode::kLoseUnsynced); }

bool DiskFaults::Suffers(DiskFiles files, DiskMode mode) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(faults_.begin(), faults_.end(), [=](const auto& each) {
    return each.second.Concerns(files) && each.second.mode == mode;
  });
}

void DiskFaults::Delay(DiskFiles files) const {
  Duration delay;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, fault] : faults_) {
      if (fault.Concerns(files)) delay = delay + fault.delay;
    }
  }
  if (delay > Duration{}) std::this_thread::sleep_for(std::chrono::nanoseconds(delay.nanoseconds));
}

}  // namespace mobula::host
