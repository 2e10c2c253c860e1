// SPDX-License-Identifier: Apache-2.0
#pragma once

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
/// no core has to be woken: then it sleeps `kContendedWaits` times. Pure: the caller has the clock.
class Spin {
 public:
  static constexpr Duration kSpinMax = Microseconds(50);
  /// What an answer takes that would have been found by looking: waking up comes on top.
  static constexpr Duration kQuick = Microseconds(100);

  /// Longer than that and somebody else ran.
  static constexpr Duration kYieldMax = Microseconds(10);
  static constexpr int kContendedWaits = 5;

  [[nodiscard]] Duration Budget() const { return warm_ && rest_ == 0 ? kSpinMax : Duration{}; }
  /// A wait was over after `waited`.
  void Waited(Duration waited) {
    warm_ = waited < (warm_ ? kSpinMax : kQuick);
    if (rest_ > 0) --rest_;
  }
  /// A yield took as long as that. Returns whether to go on looking.
  bool Yielded(Duration took) {
    if (took <= kYieldMax) return true;
    rest_ = kContendedWaits;
    return false;
  }

 private:
  bool warm_ = false;
  int rest_ = 0;
};

}  // namespace mobula::host
