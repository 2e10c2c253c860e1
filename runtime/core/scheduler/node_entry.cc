// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/node_entry.h"

#include <algorithm>
#include <string_view>

namespace mobula::scheduler {

double NodeEntry::Utilisation() const {
  double busiest = 0;
  for (const std::string_view name :
       {ResourceSet::kCpu, ResourceSet::kMemory, ResourceSet::kObjectStoreMemory}) {
    const auto total = static_cast<double>(Total().Units(name));
    if (total <= 0) continue;
    busiest = std::max(busiest, 1 - static_cast<double>(Available().Units(name)) / total);
  }
  return busiest;
}

}  // namespace mobula::scheduler
