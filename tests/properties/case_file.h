// SPDX-License-Identifier: Apache-2.0
/// Cases as text: the text format of Protocol Buffers; the schema is case.proto.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/properties/case.h"

namespace mobula::properties {

/// InvalidArgument with file, line and what was expected.
absl::StatusOr<Case> ParseCase(std::string_view text, const std::string& file);
/// NotFound when it cannot be read.
absl::StatusOr<Case> ReadCase(const std::string& file);
/// What ParseCase reads as an equal case; only fields that differ from their defaults.
std::string FormatCase(const Case& one);

}  // namespace mobula::properties
