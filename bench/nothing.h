// SPDX-License-Identifier: Apache-2.0
/// What the C++ programs here call: a task and an actor that do next to nothing. Include it in one
/// source file of a program.
#pragma once

#include "runtime/api/mobula.h"

namespace mobula::bench {

class Counter {
 public:
  int Add(int amount) { return count_ += amount; }

 private:
  int count_ = 0;
};

inline int Nothing(int value) { return value; }
inline Counter* MakeCounter() { return new Counter; }
MOBULA_REMOTE(Nothing, MakeCounter, &Counter::Add)

}  // namespace mobula::bench
