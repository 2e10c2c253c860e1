// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/disk_faults.h"

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
  faults_.Begin(id, fault);
}

void DiskFaults::End(faults::FaultId id) {
  const std::lock_guard lock(mutex_);
  faults_.End(id);
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
  return faults_.Suffer(files, mode);
}

void DiskFaults::Delay(DiskFiles files) const {
  Duration delay;
  {
    const std::lock_guard lock(mutex_);
    delay = faults_.Delay(files);
  }
  if (delay > Duration{}) std::this_thread::sleep_for(std::chrono::nanoseconds(delay.nanoseconds));
}

}  // namespace mobula::host
