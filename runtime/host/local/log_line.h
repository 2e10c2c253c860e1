// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "runtime/base/ids.h"

namespace mobula::host {

/// Lines of this process's log are those of that node from now on.
void SetLogNode(NodeId node);

/// Writes one line to standard error, which is the daemon's log:
/// 2026-11-27T01:02:03.456Z node=<id> mobulad: <text>
void LogLine(std::string_view text);

}  // namespace mobula::host
