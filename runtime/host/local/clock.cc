// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/clock.h"

#include <mutex>

namespace mobula::host {
namespace {

std::mutex law_mutex;
ClockLaw the_law;

ClockLaw CurrentLaw() {
  const std::lock_guard lock(law_mutex);
  return the_law;
}
Duration Stretch(Duration span, double rate) { return FromSeconds(span.Seconds() * rate); }

}  // namespace

namespace internal {

std::atomic<bool> has_clock_law = false;

Instant NodeTimeAt(Instant machine) {
  const ClockLaw law = CurrentLaw();
  return law.shown + Stretch(machine - law.machine, law.rate);
}

Instant MachineTimeAt(Instant node) {
  const ClockLaw law = CurrentLaw();
  return law.machine + Stretch(node - law.shown, 1 / law.rate);
}

}  // namespace internal

void SetClockLaw(const ClockLaw& law) {
  const std::lock_guard lock(law_mutex);
  the_law = law;
  internal::has_clock_law.store(true, std::memory_order_release);
}

}  // namespace mobula::host
