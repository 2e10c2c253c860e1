// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "faults/plan.h"

namespace mobula::faults {

namespace proto {
class Fault;
}

/// What a field of a plan file cannot be.
struct WrongField {
  /// Within the fault: "crash_node.restart_after"; empty for the fault itself.
  std::string field;
  std::string what;
};

/// Between the structs and their messages in plan.proto, field by field of the same name: neither
/// side is listed a second time. Fields that are absent keep the struct's default.
std::optional<WrongField> FromProto(const proto::Fault& message, Fault& fault);
/// Fields that have their default stay absent.
void ToProto(const Fault& fault, proto::Fault& message);

}  // namespace mobula::faults
