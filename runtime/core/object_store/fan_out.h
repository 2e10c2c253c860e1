// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/base/ids.h"
#include "runtime/base/time.h"

namespace mobula::object_store {

struct FanOutOptions {
  /// Peers that get one object from this node at a time. 0: any number.
  std::uint32_t peers_max = 2;
  /// Smaller objects are sent to whoever asks.
  std::uint64_t bytes_min = 10ull << 20;
  /// A peer that asks for nothing for so long has gone elsewhere.
  Duration patience = Seconds(4);
};

/// Makes a tree of the nodes that fetch one large object at the same time: this node serves a few
/// of them, and sends the others to these, which pass on what they have got so far. So many nodes
/// take little longer than one, where the network of the first would be shared by all. View: one
/// node's, of the objects that it serves.
class FanOut {
 public:
  explicit FanOut(FanOutOptions options) : options_(options) {}

  /// A peer asks for `length` bytes of an object of `size` bytes. Nil: it is served. Else whom it
  /// should ask: one of those that are served, in turns.
  [[nodiscard]] NodeId Admit(Instant now, NodeId peer, ObjectId object, std::uint64_t size,
                             std::uint64_t length);
  void HandleNodeDied(NodeId node);

 private:
  struct Peer {
    NodeId node;
    Instant asked_at;
    /// Bytes that it has not asked for.
    std::uint64_t left = 0;
  };
  struct Served {
    std::vector<Peer> peers;
    std::uint64_t turn = 0;
  };

  void DropIdle(Instant now);

  FanOutOptions options_;
  /// Objects that are being fetched from here. Added by Admit; removed when their peers have all of
  /// it, are dead or are idle for too long, which each Admit looks at.
  std::map<ObjectId, Served> served_;
};

}  // namespace mobula::object_store
