// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/core/node/node.h"
#include "runtime/host/daemon/http_server.h"

namespace mobula::host {

/// What a daemon's HTTP server answers: "/" a page for people, "/api/nodes" (actors, jobs, workers,
/// objects) JSON, "/metrics" Prometheus text. The cluster's tables are known beside the GCS only.
[[nodiscard]] HttpAnswer AnswerDashboard(const node::Node& node, const std::string& path);

}  // namespace mobula::host
