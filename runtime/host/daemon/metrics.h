// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/host/daemon/node_host.h"

namespace mobula::host {

/// What "/metrics" tells Prometheus: of the node, of the cluster beside the GCS, of the daemon, and
/// what the programs of the node's processes measure (`ray.util.metrics`).
[[nodiscard]] std::string NodeMetrics(const NodeHost& host);

}  // namespace mobula::host
