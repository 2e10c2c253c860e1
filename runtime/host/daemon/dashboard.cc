// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/dashboard.h"

#include <boost/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/metrics.h"
#include "runtime/host/daemon/time_line.h"
#include "runtime/host/daemon/to_json.h"

namespace mobula::host {
namespace {

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::string Row(std::initializer_list<std::string> cells, const char* tag = "td") {
  std::string row = "<tr>";
  for (const std::string& cell : cells)
    absl::StrAppend(&row, "<", tag, ">", Escaped(cell), "</", tag, ">");
  return row + "</tr>\n";
}

std::string NodesTable(const gcs::Gcs& gcs) {
  std::string html = "<h2>Nodes</h2><table>" +
                     Row({"name", "node", "address", "state", "total", "available"}, "th");
  for (const NodeView& node : gcs.Nodes()) {
    html += Row({node.info.name, node.info.node.Hex(), node.info.address,
                 node.alive ? "alive" : "dead: " + node.death_reason, node.info.total.ToString(),
                 node.available.ToString()});
  }
  return html + "</table>\n";
}

std::string ActorsTable(const gcs::Gcs& gcs) {
  std::string html =
      "<h2>Actors</h2><table>" + Row({"class", "name", "actor", "state", "pid", "restarts"}, "th");
  for (const ActorView& actor : gcs.Actors()) {
    html += Row({actor.class_name, actor.name, actor.actor.Hex(),
                 boost::describe::enum_to_string(actor.state, "?"), absl::StrCat(actor.pid),
                 absl::StrCat(actor.incarnation)});
  }
  return html + "</table>\n";
}

std::string WorkersTable(const raylet::Raylet& raylet) {
  std::string html = "<h2>Processes of this node</h2><table>" +
                     Row({"worker", "pid", "state", "runs", "job"}, "th");
  for (const raylet::WorkerView& worker : raylet.Workers()) {
    html += Row({worker.worker.Hex(), absl::StrCat(worker.pid), worker.state, worker.running,
                 worker.job.Short()});
  }
  return html + "</table>\n";
}

std::string Page(const node::Node& node) {
  std::string html =
      "<!DOCTYPE html><html><head><title>mobula</title><style>body{font-family:sans-serif;"
      "margin:2em}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;"
      "text-align:left}</style></head><body><h1>mobula</h1>\n";
  if (node.FindGcs() != nullptr) html += NodesTable(*node.FindGcs()) + ActorsTable(*node.FindGcs());
  if (node.FindRaylet() != nullptr) html += WorkersTable(*node.FindRaylet());
  return html + "<p><a href=\"/metrics\">metrics</a></p></body></html>\n";
}

HttpAnswer Json(const auto& value) {
  return {200, "application/json", boost::json::serialize(ToJson(value)) + "\n"};
}

}  // namespace

HttpAnswer AnswerDashboard(const NodeHost& host, const std::string& path) {
  const node::Node& node = host.Machine();
  if (path == "/") return {.body = Page(node)};
  if (path == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8", NodeMetrics(host)};
  }
  if (path == "/api/timeline") {
    return {200, "application/json", TimeLineJson(host.Pages()) + "\n"};
  }
  if (const gcs::Gcs* gcs = node.FindGcs()) {
    if (path == "/api/nodes") return Json(gcs->Nodes());
    if (path == "/api/actors") return Json(gcs->Actors());
    if (path == "/api/jobs") return Json(gcs->Jobs());
    if (path == "/api/placement_groups") return Json(gcs->PlacementGroups());
  }
  if (const raylet::Raylet* raylet = node.FindRaylet()) {
    if (path == "/api/workers") return Json(raylet->Workers());
    if (path == "/api/objects") return Json(raylet->Objects());
    if (path == "/api/leases") return Json(raylet->Leases());
  }
  return {404, "text/plain",
          "not here; there are / /metrics /logs /api/nodes /api/actors /api/jobs "
          "/api/placement_groups /api/workers /api/objects /api/leases /api/timeline; nodes, "
          "actors, jobs and placement groups are known beside the GCS only\n"};
}

}  // namespace mobula::host
