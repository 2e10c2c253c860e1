// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/create_queue.h"

#include <utility>

namespace mobula::object_store {

std::uint64_t CreateQueue::Add(PendingCreate create) {
  waiting_.emplace(next_, std::move(create));
  return next_++;
}

PendingCreate CreateQueue::Take(std::uint64_t number) {
  auto found = waiting_.extract(number);
  return found.empty() ? PendingCreate{} : std::move(found.mapped());
}

void CreateQueue::RemoveClient(WorkerId client) {
  std::erase_if(waiting_,
                [client](const auto& entry) { return entry.second.client.worker == client; });
}

std::vector<PendingCreate> CreateQueue::TakeOwnedBy(WorkerId owner) {
  std::vector<PendingCreate> taken;
  std::erase_if(waiting_, [&](const auto& entry) {
    const bool is_owned = entry.second.message.object.owner.worker == owner;
    if (is_owned) taken.push_back(entry.second);
    return is_owned;
  });
  return taken;
}

}  // namespace mobula::object_store
