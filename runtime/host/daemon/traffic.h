// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "runtime/core/link/frame.h"
#include "runtime/host/local/process_page.h"

namespace mobula::host {

/// What a node exchanges with others, counted: bytes of objects, and how long its frames take until
/// they are acknowledged. Of each peer one frame at a time is watched. An acknowledgement may wait
/// for 20 ms for something to carry it.
class Traffic {
 public:
  struct Counts {
    std::uint64_t chunks = 0;
    std::uint64_t bytes = 0;

    void Add(std::uint64_t size) {
      ++chunks;
      bytes += size;
    }
  };

  void FrameSent(Instant now, const link::Frame& frame) {
    if (frame.sequence == 0) return;
    Watched& watched = watched_[frame.target];
    // One that is repeated would be measured from its repetition.
    if (watched.open || frame.sequence <= watched.sequence) return;
    watched = {frame.sequence, now, true};
  }
  void FrameReceived(Instant now, const link::Frame& frame) {
    const auto found = watched_.find(frame.source);
    if (found == watched_.end()) return;
    Watched& watched = found->second;
    if (!watched.open || frame.acknowledged < watched.sequence) return;
    watched.open = false;
    round_trips_.Observe(now - watched.sent);
  }
  void LinkClosed(NodeId peer) { watched_.erase(peer); }

  Counts sent;
  Counts received;
  [[nodiscard]] Latencies::Values RoundTrips() const { return round_trips_.Read(); }

 private:
  struct Watched {
    std::uint64_t sequence = 0;
    Instant sent;
    bool open = false;
  };

  std::map<NodeId, Watched> watched_;
  Latencies round_trips_;
};

}  // namespace mobula::host
