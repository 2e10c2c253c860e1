// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "runtime/base/time.h"
#include "runtime/host/local/fd.h"
#include "runtime/host/process/poller.h"

namespace mobula::host {

/// What a thread that runs an event loop of its own (asyncio) waits for besides tasks: the loop's
/// descriptor, an epoll of its files, and the loop's next timer. Whoever reads the process's
/// descriptors learns of them. Not thread-safe: used under the process's lock.
class LoopWatch {
 public:
  /// `file` stays open as long as the poller is used.
  LoopWatch(Poller& poller, int file);

  /// From here on the file and the timer are looked for.
  void Begin(std::optional<Duration> timeout);
  /// Something is ready. Returns whether it is one of these two.
  bool Handle(int number);
  [[nodiscard]] bool IsDue() const { return due_; }

 private:
  Poller& poller_;
  const int file_;
  Fd clock_;
  /// The poller tells of the file once, lest others spin until the loop has seen to it.
  bool told_ = false;
  bool due_ = false;
};

}  // namespace mobula::host
