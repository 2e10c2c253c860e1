// SPDX-License-Identifier: Apache-2.0
#include "bench/scheduler/record.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace mobula::bench {

Record& Record::Get() {
  static Record record;
  return record;
}

void Record::Submitted(Instant now) {
  if (!first_submission_) first_submission_ = now;
}

void Record::Began(Instant submitted, Instant now, Duration span) {
  waits_.push_back(now - submitted);
  work_ = work_ + span;
  last_end_ = std::max(last_end_, now + span);
}

Duration Record::Wait(double share) {
  CHECK(!waits_.empty()) << "no task has run";
  const auto last = static_cast<double>(waits_.size() - 1);
  const auto place = waits_.begin() + static_cast<std::ptrdiff_t>(share * last);
  std::nth_element(waits_.begin(), place, waits_.end());
  return *place;
}

}  // namespace mobula::bench
