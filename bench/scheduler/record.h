// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/base/time.h"

namespace mobula::bench {

/// What the measured tasks of a run say of themselves. There is one: simulated processes share the
/// memory of the real one, and code of tasks has no other way out.
class Record {
 public:
  static Record& Get();

  void Submitted(Instant now);
  /// A task that was submitted then begins now, and will run for `span`.
  void Began(Instant submitted, Instant now, Duration span);

  [[nodiscard]] bool HasBegun() const { return first_submission_.has_value(); }
  [[nodiscard]] std::size_t Tasks() const { return waits_.size(); }
  /// From the first submission to the last end.
  [[nodiscard]] Duration Makespan() const { return last_end_ - first_submission_.value(); }
  /// How long all tasks ran, together.
  [[nodiscard]] Duration Work() const { return work_; }
  /// From submission to begin, of the task at this share of all tasks in the order of their waits.
  [[nodiscard]] Duration Wait(double share);

 private:
  std::optional<Instant> first_submission_;
  Instant last_end_;
  Duration work_;
  std::vector<Duration> waits_;
};

}  // namespace mobula::bench
