// SPDX-License-Identifier: Apache-2.0
/// Plans as text: the text format of Protocol Buffers, or JSON; the schema is faults/plan.proto.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "faults/plan.h"

namespace mobula::faults {

enum class PlanFormat { kText, kJson };

/// The plan in `text`, checked as CheckPlan does. `file` is named in errors. InvalidArgument with
/// file, line and what was expected.
absl::StatusOr<Plan> ParsePlan(std::string_view text, const std::string& file, PlanFormat format);
/// Reads a file; JSON when its name ends in ".json". NotFound when it cannot be read.
absl::StatusOr<Plan> ReadPlan(const std::string& file);
/// What ParsePlan reads as an equal plan; only fields that differ from their defaults.
std::string FormatPlan(const Plan& plan, PlanFormat format);

/// "0.5s", "20ms" or "7us". InvalidArgument with what was expected.
absl::StatusOr<Duration> ParseTime(std::string_view text);
std::string FormatTime(Duration span);

}  // namespace mobula::faults
