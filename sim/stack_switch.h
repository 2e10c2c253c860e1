// SPDX-License-Identifier: Apache-2.0
/// Tells the address sanitizer when another stack is switched to, without which it takes the frames
/// of fibers for wild writes. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace mobula::sim {

/// The lowest address of a stack, and its bytes.
struct StackBounds {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

/// A new stack, where another may have been: what that one left forbidden is allowed again.
inline void PrepareStack([[maybe_unused]] const StackBounds& stack) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack.bottom, stack.size);
#endif
}

/// Before a switch to `target`. `saved` keeps what the sanitizer needs on the way back; null when
/// this stack is left for ever.
inline void BeginStackSwitch([[maybe_unused]] void** saved,
                             [[maybe_unused]] const StackBounds& target) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(saved, target.bottom, target.size);
#endif
}

/// First thing on the stack switched to. `saved` is what `BeginStackSwitch` kept here, null on a
/// new stack. Returns the stack that was left.
inline StackBounds EndStackSwitch([[maybe_unused]] void* saved) {
  StackBounds left;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(saved, &left.bottom, &left.size);
#endif
  return left;
}

}  // namespace mobula::sim
