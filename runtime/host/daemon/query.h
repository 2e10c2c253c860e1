// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/host/daemon/options.h"

namespace mobula::host {

/// `mobulad --query`: asks the daemon at the address, and writes its answer to standard output.
[[nodiscard]] absl::Status PrintAnswer(const DaemonOptions& options);

}  // namespace mobula::host
