// SPDX-License-Identifier: Apache-2.0
/// The one interface through which a language layer (the C++ API, the Python binding) uses the
/// process it lives in. The real host and the simulator each implement it; both put a Worker
/// machine behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "runtime/core/worker/events.h"

namespace mobula::worker {

/// The answer to a blocking request.
using Completion = std::variant<FulfilGet, FulfilWait, FulfilCreate, FulfilGcs, FulfilStream>;

class Process {
 public:
  virtual ~Process() = default;

  /// Address, job, driver and node. REQUIRES: registered.
  [[nodiscard]] virtual const WorkerRegistered& Identity() const = 0;
  /// A fresh request number.
  virtual RequestId NextRequest() = 0;
  /// Hands an event to the machine. Never blocks. Thread-safe on the real host.
  virtual void Post(Event event) = 0;
  /// Blocks the calling thread (real) or fiber (simulated) until the request is answered.
  /// REQUIRES: a request event with this number was posted, and nobody else awaits it.
  virtual Completion Await(RequestId request) = 0;
  /// What a get of these objects would be answered at once, without an event: nothing unless each
  /// is an inline value that is here.
  [[nodiscard]] virtual std::optional<std::vector<FetchedValue>> Peek(
      const std::vector<ObjectId>& objects) const = 0;
  /// The node's store at `offset`: valid while the object there is being written or is pinned.
  virtual std::byte* StoreAt(std::uint64_t offset, std::uint64_t size) = 0;
  /// Steady time on the real host, virtual time in the simulator.
  [[nodiscard]] virtual Instant Now() const = 0;
  /// Sleeps in real or virtual time.
  virtual void Sleep(Duration span) = 0;
};

}  // namespace mobula::worker
