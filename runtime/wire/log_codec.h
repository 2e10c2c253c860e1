// SPDX-License-Identifier: Apache-2.0
/// The records of the GCS's log as bytes: as messages, in the format of protobuf. Not a part of the
/// published protocol: only a GCS reads what a GCS wrote.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/core/gcs/gcs.h"

namespace mobula::wire {

/// Appends the encoding to `out`.
void Encode(const gcs::WriteLog& write, std::string& out);
/// InvalidArgument says which field is wrong.
[[nodiscard]] absl::StatusOr<gcs::WriteLog> DecodeWriteLog(std::string_view bytes);

}  // namespace mobula::wire
