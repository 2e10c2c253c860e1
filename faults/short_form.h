// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "faults/plan.h"

namespace mobula::faults {

/// The command line's forms, times as ParseTime reads them:
///
///     --crash n2@0.5s            CrashNode
///     --crash n2@0.5s+2s         CrashNode that restarts two seconds later
///     --crash worker:n2@0.5s     CrashWorker
///     --restart n2@2s            RestartNode
///
/// InvalidArgument, with what was expected, for anything else.
absl::StatusOr<Fault> ParseCrash(std::string_view text);
absl::StatusOr<Fault> ParseRestart(std::string_view text);

}  // namespace mobula::faults
