// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/gcs/gcs.h"

namespace mobula::host {

/// Where a GCS keeps its log. Not thread-safe; every call may wait.
class GcsLog {
 public:
  virtual ~GcsLog() = default;

  /// What the log comes to.
  [[nodiscard]] virtual absl::StatusOr<gcs::Rows> Read() = 0;
  /// Returns when the write is kept for sure. After an error it may be tried again.
  [[nodiscard]] virtual absl::Status Append(const gcs::WriteLog& write) = 0;
};

}  // namespace mobula::host
