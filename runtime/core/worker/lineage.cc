// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/lineage.h"

#include "runtime/base/check.h"

namespace mobula::worker {

Lineage::Place Lineage::Add(const TaskSpec& spec) {
  // The header is other tasks', too.
  Place place{++last_order_, sizeof(TaskSpec)};
  for (const TaskArgument& argument : spec.arguments) {
    place.bytes += sizeof(TaskArgument) + argument.value.data.Size() +
                   argument.contained.size() * sizeof(ObjectRef);
  }
  tasks_.emplace(place.order, spec.task);
  bytes_ += place.bytes;
  return place;
}

void Lineage::Remove(const Place& place) {
  const auto removed = tasks_.erase(place.order);
  CHECK(removed == 1 && bytes_ >= place.bytes);
  bytes_ -= place.bytes;
}

std::optional<TaskId> Lineage::Excess() const {
  if (bytes_ <= options_.lineage_bytes_max || tasks_.empty()) return std::nullopt;
  return tasks_.begin()->second;
}

}  // namespace mobula::worker
