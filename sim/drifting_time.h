// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <map>

#include "faults/injector.h"
#include "runtime/base/time.h"

namespace mobula::sim {

/// A node's clock: the world's time, unless faults let it drift. It never jumps and never runs
/// backwards. It belongs to the host, so it goes on through the incarnations of the node.
class DriftingTime {
 public:
  /// What the node takes the time to be.
  [[nodiscard]] Instant Read(Instant now) const {
    if (IsTrue()) return now;
    return local_ + FromSeconds((now - true_).Seconds() * rate_);
  }
  /// How much time really passes while `span` passes on this clock: rounded up, so that a timer
  /// that rings is due, and one that is set again for what was left gets on.
  [[nodiscard]] Duration Real(Duration span) const {
    if (rate_ == 1) return span;
    return {static_cast<std::int64_t>(std::ceil(static_cast<double>(span.nanoseconds) / rate_))};
  }

  void Drift(Instant now, faults::FaultId id, double rate) {
    Anchor(now);
    rates_.emplace(id, rate);
    SetRate();
  }
  void Steady(Instant now, faults::FaultId id) {
    Anchor(now);
    rates_.erase(id);
    SetRate();
  }

 private:
  [[nodiscard]] bool IsTrue() const { return rate_ == 1 && local_ == true_; }
  void Anchor(Instant now) {
    local_ = Read(now);
    true_ = now;
  }
  /// Of several faults at once the latest holds.
  void SetRate() { rate_ = rates_.empty() ? 1 : rates_.rbegin()->second; }

  /// Two readings of one moment: the world's and this clock's.
  Instant true_;
  Instant local_;
  std::map<faults::FaultId, double> rates_;
  double rate_ = 1;
};

}  // namespace mobula::sim
