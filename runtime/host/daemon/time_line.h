// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/host/daemon/page_book.h"

namespace mobula::host {

/// When tasks ran on this node, as JSON: for each process its last executions, in nanoseconds of
/// the wall clock.
[[nodiscard]] std::string TimeLineJson(const PageBook& pages);

}  // namespace mobula::host
