// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/host/daemon/http_server.h"
#include "runtime/host/daemon/node_host.h"

namespace mobula::host {

/// What a daemon's HTTP server answers: "/" a page for people, "/api/nodes" (actors, jobs, workers,
/// objects, timeline) JSON, "/metrics" Prometheus text. The cluster's tables are known beside the
/// GCS only.
[[nodiscard]] HttpAnswer AnswerDashboard(const NodeHost& host, const std::string& path);

}  // namespace mobula::host
