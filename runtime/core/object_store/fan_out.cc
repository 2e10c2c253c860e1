// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/fan_out.h"

#include <algorithm>

namespace mobula::object_store {

NodeId FanOut::Admit(Instant now, NodeId peer, ObjectId object, std::uint64_t size,
                     std::uint64_t length) {
  if (options_.peers_max == 0 || size < options_.bytes_min) return NodeId{};
  DropIdle(now);
  Served& served = served_[object];
  auto found = std::ranges::find(served.peers, peer, &Peer::node);
  if (found == served.peers.end()) {
    if (served.peers.size() >= options_.peers_max) {
      return served.peers[served.turn++ % served.peers.size()].node;
    }
    found = served.peers.insert(served.peers.end(), Peer{peer, now, size});
  }
  found->asked_at = now;
  found->left -= std::min(found->left, length);
  if (found->left == 0) served.peers.erase(found);
  return NodeId{};
}

void FanOut::HandleNodeDied(NodeId node) {
  for (auto& [object, served] : served_) {
    std::erase_if(served.peers, [node](const Peer& peer) { return peer.node == node; });
  }
}

void FanOut::DropIdle(Instant now) {
  for (auto& [object, served] : served_) {
    std::erase_if(served.peers,
                  [&](const Peer& peer) { return peer.asked_at + options_.patience <= now; });
  }
  std::erase_if(served_, [](const auto& entry) { return entry.second.peers.empty(); });
}

}  // namespace mobula::object_store
