// SPDX-License-Identifier: Apache-2.0
/// Events and effects that all machines share.
#pragma once

#include "runtime/core/protocol/messages.h"

namespace mobula {

/// A timer's name, chosen by the machine that starts it: it comes back unchanged. Timers cannot be
/// stopped; a machine ignores one that no longer matters.
struct TimerId {
  /// The machine's own enum.
  std::uint32_t kind = 0;
  std::uint64_t key = 0;
  MOBULA_FIELDS(TimerId, kind, key)
  auto operator<=>(const TimerId&) const = default;
};

/// Event: a message arrived.
struct MessageReceived {
  Address source;
  Message message;
  MOBULA_FIELDS(MessageReceived, source, message)
};

/// Event: a started timer ran out.
struct TimerFired {
  TimerId timer;
  MOBULA_FIELDS(TimerFired, timer)
};

/// Effect: send. The host fills in the source.
struct Send {
  Address target;
  Message message;
  MOBULA_FIELDS(Send, target, message)
};

/// Effect: give `TimerFired{timer}` back after `delay`.
struct StartTimer {
  TimerId timer;
  Duration delay;
  MOBULA_FIELDS(StartTimer, timer, delay)
};

}  // namespace mobula
