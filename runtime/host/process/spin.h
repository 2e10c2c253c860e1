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
/// So of a pause nothing is spent but the first look. Pure: the caller has the clock.
class Spin {
 public:
  static constexpr Duration kSpinMax = Microseconds(50);
  /// What an answer takes that would have been found by looking: waking up comes on top.
  static constexpr Duration kQuick = Microseconds(100);

  [[nodiscard]] Duration Budget() const { return warm_ ? kSpinMax : Duration{}; }
  /// A wait was over after `waited`.
  void Waited(Duration waited) { warm_ = waited < (warm_ ? kSpinMax : kQuick); }

 private:
  bool warm_ = false;
};

}  // namespace mobula::host
