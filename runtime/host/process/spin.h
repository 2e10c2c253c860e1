// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "runtime/base/time.h"

namespace mobula::host {

/// Decides how long a thread looks for news before it lets the processor go. A thread that sleeps
/// is woken through an interrupt to another core, which can cost ten times the exchange of messages
/// itself; a thread that spins for long takes the core from whoever has the work.
///
/// State | meaning                                    | leaves by
/// warm  | answers come at once: look for `kSpinMax`  | an answer that took longer
/// cold  | they do not: sleep without looking         | an answer within `kQuick`, sleeping
///
/// So of a pause nothing is spent but the first look. Where more want to run than there are cores
/// (a yield takes long), looking takes a core from who has the work, and sleeping costs little, as
/// no core has to be woken: then it sleeps `kContendedWaits` times, and twice as often each time
/// that looking again shows the same. Pure: the caller has the clock.
class Spin {
 public:
  static constexpr Duration kSpinMax = Microseconds(50);
  /// What an answer takes that would have been found by looking: waking up comes on top.
  static constexpr Duration kQuick = Microseconds(100);

  /// Longer than that and somebody else ran.
  static constexpr Duration kYieldMax = Microseconds(10);
  static constexpr int kContendedWaits = 5;
  static constexpr int kContendedWaitsMax = 640;

  [[nodiscard]] Duration Budget() const { return warm_ && rest_ == 0 ? kSpinMax : Duration{}; }
  /// A wait was over after `waited`.
  void Waited(Duration waited) {
    if (Budget() != Duration{} && waited < kSpinMax) contended_waits_ = kContendedWaits;
    warm_ = waited < (warm_ ? kSpinMax : kQuick);
    if (rest_ > 0) --rest_;
  }
  /// A yield took as long as that. Returns whether to go on looking.
  bool Yielded(Duration took) {
    if (took <= kYieldMax) return true;
    rest_ = contended_waits_;
    contended_waits_ = std::min(2 * contended_waits_, kContendedWaitsMax);
    return false;
  }

 private:
  bool warm_ = false;
  /// Waits that sleep without looking, from now on; and how many the next contention brings.
  int rest_ = 0;
  int contended_waits_ = kContendedWaits;
};

}  // namespace mobula::host
