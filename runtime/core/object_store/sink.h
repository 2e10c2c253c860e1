// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/object_store/spill.h"
#include "runtime/core/protocol/messages.h"

namespace mobula::object_store {

/// Where the output of the store's machines goes; the raylet turns it into its own effects.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Send(const Address& target, Message message) = 0;
  /// Give `key` back to ObjectStore::HandleCreateTimer after `delay`.
  virtual void StartCreateTimer(std::uint64_t key, Duration delay) = 0;
  /// Give `key` back to PullManager::HandleTimer after `delay`.
  virtual void StartPullTimer(std::uint64_t key, Duration delay) = 0;
  /// Call ObjectStore::HandleSpillTimer after `delay`.
  virtual void StartSpillTimer(Duration delay) = 0;
  /// Send bytes of `object` to the daemon of `target`. The object begins at `start` of the store's
  /// memory, or of a spill file, if one is named.
  virtual void SendChunk(NodeId target, const RequestChunk& range, std::uint64_t start,
                         std::uint64_t file) = 0;
  virtual void Spill(SpillObjects write) = 0;
  virtual void Restore(RestoreObject read) = 0;
  virtual void Delete(DeleteSpilled file) = 0;
  /// The range holds nothing and may go back to the operating system.
  virtual void DiscardMemory(std::uint64_t offset, std::uint64_t size) = 0;
};

}  // namespace mobula::object_store
