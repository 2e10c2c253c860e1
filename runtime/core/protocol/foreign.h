// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/core/protocol/task_spec.h"

namespace mobula {

/// The id of every function and method that another language calls: its code is found by its name,
/// and arguments and results travel in the form that all languages read. No code lies in the
/// key-value store under it.
inline constexpr FunctionId kForeignFunction{0x666F726569676E, 1};

/// Whether the function runs in another language than the one that calls it.
[[nodiscard]] inline bool IsForeign(const FunctionRef& function) {
  return function.id == kForeignFunction;
}

}  // namespace mobula
