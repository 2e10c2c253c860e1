// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula::object_store {

/// A process that waits for room.
struct PendingCreate {
  Address client;
  CreateObject message;
};

/// Creates that wait for room, served in the order they came: a large one is not overtaken for ever
/// by small ones. Added when the store is full; removed when served, timed out, or its client or
/// the owner of the object is dead.
class CreateQueue {
 public:
  /// Returns the number under which it waits.
  std::uint64_t Add(PendingCreate create);
  [[nodiscard]] bool Has(std::uint64_t number) const { return waiting_.contains(number); }
  [[nodiscard]] bool IsEmpty() const { return waiting_.empty(); }
  /// REQUIRES: not empty.
  [[nodiscard]] const PendingCreate& Front() const { return waiting_.begin()->second; }
  void PopFront() { waiting_.erase(waiting_.begin()); }
  /// Takes one out; null `client.worker` when it is not there any more.
  [[nodiscard]] PendingCreate Take(std::uint64_t number);
  void RemoveClient(WorkerId client);
  /// Takes out those of objects that this process owns.
  [[nodiscard]] std::vector<PendingCreate> TakeOwnedBy(WorkerId owner);

 private:
  std::map<std::uint64_t, PendingCreate> waiting_;
  std::uint64_t next_ = 1;
};

}  // namespace mobula::object_store
