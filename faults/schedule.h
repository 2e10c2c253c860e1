// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/fault.h"

namespace mobula::faults {

/// The command line's forms, times in seconds, milliseconds or microseconds (`0.5s`, `20ms`,
/// `7us`):
///
///     --crash n2@0.5s            CrashNode
///     --crash n2@0.5s+2s         CrashNode, and a RestartNode two seconds later
///     --crash worker:n2@0.5s     CrashWorker
///     --restart n2@2s            RestartNode
///
/// InvalidArgument, with what was expected, for anything else.
absl::StatusOr<Schedule> ParseCrash(std::string_view text);
absl::StatusOr<Fault> ParseRestart(std::string_view text);

/// InvalidArgument when a fault names no node of `nodes`, or would end the head: the GCS and the
/// driver live there.
absl::Status Validate(const Schedule& schedule, const std::vector<std::string>& nodes,
                      std::string_view head);

}  // namespace mobula::faults
