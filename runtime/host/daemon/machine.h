// SPDX-License-Identifier: Apache-2.0
/// What this machine has and is called.
#pragma once

#include <cstdint>
#include <string>

namespace mobula::host {

/// Those the process may run on.
[[nodiscard]] unsigned MachineCpus();
[[nodiscard]] std::string HostName();

}  // namespace mobula::host
