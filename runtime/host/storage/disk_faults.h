// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "absl/status/status.h"
#include "faults/disk_faults.h"

namespace mobula::host {

/// The disk faults of a plan that are under way on this node: whoever is about to use the disk asks
/// here first, and is told what the operating system would say. Thread-safe.
class DiskFaults {
 public:
  void Begin(faults::FaultId id, const faults::DiskFault& fault);
  void End(faults::FaultId id);

  /// Waits for as long as a slow disk takes. REQUIRES: not kAll.
  [[nodiscard]] absl::Status BeforeWrite(faults::DiskFiles files) const;
  [[nodiscard]] absl::Status BeforeRead(faults::DiskFiles files) const;
  /// What is written now is acknowledged and cannot be read.
  [[nodiscard]] bool Lies(faults::DiskFiles files) const;

 private:
  [[nodiscard]] bool Suffers(faults::DiskFiles files, faults::DiskMode mode) const;
  void Delay(faults::DiskFiles files) const;

  mutable std::mutex mutex_;
  faults::DiskFaults faults_;
};

}  // namespace mobula::host
