// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "runtime/base/ordered_hash_map.h"
#include "runtime/core/worker/object_record.h"

namespace mobula::worker {

/// How often each object should be counted, and why: what the parts of a process can point at,
/// collected for CheckInvariants. Holds only objects that something points at, because every check
/// makes it anew.
class ExpectedCounts {
 public:
  using Counts = std::array<std::uint32_t, kCountKinds>;

  void Add(ObjectId id, Count count) {
    ++counts_.try_emplace(id).first->second[static_cast<std::size_t>(count)];
  }
  [[nodiscard]] Counts Of(ObjectId id) const {
    const auto found = counts_.find(id);
    return found == counts_.end() ? Counts{} : found->second;
  }
  [[nodiscard]] auto begin() const { return counts_.begin(); }
  [[nodiscard]] auto end() const { return counts_.end(); }

 private:
  OrderedHashMap<ObjectId, Counts> counts_;
};

}  // namespace mobula::worker
