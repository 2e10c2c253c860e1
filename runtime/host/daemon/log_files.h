// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/host/daemon/http_server.h"

namespace mobula::host {

/// What is read of a log at once.
inline constexpr std::uint64_t kLogPartBytes = 1 << 20;

/// Of the logs of this node's processes: "/logs" lists the files in the folder as JSON,
/// "/logs/FILE" is the last part of one, "/logs/FILE/OFFSET" the part from there. Nothing outside
/// of the folder is read, nor what a link there leads to.
[[nodiscard]] HttpAnswer AnswerLogs(const std::string& folder, const std::string& path);

}  // namespace mobula::host
