// SPDX-License-Identifier: Apache-2.0
#include "faults/disk_faults.h"

#include <algorithm>

namespace mobula::faults {

bool DiskFaults::Suffer(DiskFiles files, DiskMode mode) const {
  return std::ranges::any_of(faults_, [=](const auto& each) {
    return each.second.Concerns(files) && each.second.mode == mode;
  });
}

Duration DiskFaults::Delay(DiskFiles files) const {
  Duration delay;
  for (const auto& [id, fault] : faults_) {
    if (fault.Concerns(files)) delay = std::max(delay, fault.delay);
  }
  return delay;
}

}  // namespace mobula::faults
