// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "runtime/host/local/ring_stream.h"

namespace mobula::host {

/// The rings that a process looks at while it is awake, so that nobody has to ring it. Those that
/// are not here ring the socket of their connection, which brings them here. Not thread-safe: used
/// by whoever reads, that is the leader, or the background thread while nobody leads.
class Lookout {
 public:
  /// Its socket rang.
  void Add(RingStream& ring);
  void Remove(const RingStream& ring);

  [[nodiscard]] bool HasNews() const;
  /// The sockets of those that have something to read; valid until it is called again.
  [[nodiscard]] std::span<const int> WithNews();
  /// From here on each one rings. False when one has something to read: then they do not.
  [[nodiscard]] bool Sleep();
  void Wake();

 private:
  struct Entry {
    RingStream* ring;
    /// How often the process has gone to sleep since it had something.
    int idle_sleeps = 0;
  };
  std::vector<Entry> rings_;
  /// What `WithNews` returned last.
  std::vector<int> with_news_;
};

}  // namespace mobula::host
