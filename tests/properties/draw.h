// SPDX-License-Identifier: Apache-2.0
/// Cases at random.
#pragma once

#include "runtime/base/rng.h"
#include "tests/properties/case.h"

namespace mobula::properties {

/// What cases are drawn.
struct Shape {
  /// How large, from 1 to 100; programs and plans grow with it.
  int size = 100;
  /// Each case draws from a random subset of steps and fault kinds only: what always happens
  /// together hides what only shows when one of them is absent (Groce et al., *Swarm Testing*,
  /// ISSTA 2012).
  bool swarm = true;
  bool faults = true;
  /// Everything belongs to the driver, which does not die, and every task may be retried without
  /// end: the value of each must come, whatever breaks.
  bool answer_must_come = false;
};

/// What the parts of one program have in common.
struct Style {
  /// About how long it takes.
  Duration tempo;
  /// Of its values one in so many is large, and has this many numbers at most.
  std::uint64_t large_one_in = 1;
  std::uint64_t size_max = 2 * kStored;
  /// They are more than the stores of its cluster may have room for.
  bool fills_stores = false;
};

/// Of a wait or a sleep, in a program of this tempo.
Duration DrawSpan(Rng& rng, Duration tempo);
Case DrawCase(Rng& rng, const Shape& shape);

}  // namespace mobula::properties
