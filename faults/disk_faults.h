// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "faults/injector.h"

namespace mobula::faults {

/// The disk faults under way on one node, and what they come to: both worlds' disks ask it.
/// REQUIRES of all questions: not kAll.
class DiskFaults {
 public:
  void Begin(FaultId id, const DiskFault& fault) { faults_[id] = fault; }
  /// False for a fault that is no disk's.
  bool End(FaultId id) { return faults_.erase(id) > 0; }
  [[nodiscard]] bool Suffer(DiskFiles files, DiskMode mode) const;
  /// How much longer each access takes: what the worst of them says.
  [[nodiscard]] Duration Delay(DiskFiles files) const;

 private:
  std::map<FaultId, DiskFault> faults_;
};

}  // namespace mobula::faults
