// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mobula::host {

/// All daemons of a cluster have the same.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace mobula::host
