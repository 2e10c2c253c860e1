// SPDX-License-Identifier: Apache-2.0
/// What this machine has and is called.
#pragma once

#include <cstdint>
#include <string>

namespace mobula::host {

/// Of the machine, or of the control group that the process is confined to.
[[nodiscard]] std::uint64_t MachineMemoryBytes();
/// Those the process may run on.
[[nodiscard]] unsigned MachineCpus();
[[nodiscard]] std::string HostName();

}  // namespace mobula::host
