// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace mobula::faults {

/// On which line each value of a JSON text stands, by its path: "fault[0].crash_node.node". Field
/// names are as written. InvalidArgument, "LINE: what is wrong", when it is no JSON.
absl::StatusOr<std::map<std::string, int>> LinesOfJson(std::string_view text);

}  // namespace mobula::faults
