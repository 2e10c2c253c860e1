// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "sim/world.h"

namespace mobula::bench {

/// Runs a driver's program of the C++ API in the simulator, to its end; returns how many events
/// that took.
std::uint64_t RunProgram(sim::Options options, const std::function<void()>& code);

}  // namespace mobula::bench
