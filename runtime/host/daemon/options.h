// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/resources.h"
#include "runtime/host/daemon/rotating_file.h"

namespace mobula::host {

/// What `mobulad` was asked for; `kUsage` in options.cc describes each.
struct DaemonOptions {
  bool head = false;
  bool gcs_only = false;
  bool no_gcs = false;
  std::string address;
  std::string listen = "127.0.0.1";
  std::uint16_t port = 0;
  ResourceSet resources;
  std::map<std::string, std::string> labels;
  std::uint64_t object_store_memory = 0;
  /// Where objects are spilled for which the store has no room: a folder, or a URL; empty for a
  /// folder of the session.
  std::string spill_directory;
  std::vector<std::string> spill_command;
  std::uint64_t min_spilling_size = 100ull << 20;
  bool no_spilling = false;
  std::uint32_t transfer_fan_out = 2;
  /// Of the GCS: how long a node may be silent, and how long one whose link broke.
  std::uint32_t node_timeout_ms = 1800;
  std::uint32_t suspicion_timeout_ms = 800;
  double memory_usage_threshold = 0.95;
  std::uint32_t memory_monitor_period_ms = 250;
  std::string node_name;
  std::string session_dir;
  LogLimits log_limits;
  /// Where the GCS keeps its log; empty for nowhere.
  std::string storage;
  std::vector<std::string> zygote_command;
  std::vector<std::string> cpp_worker_command;
  /// Files of secrets; empty for none.
  std::string token_file;
  std::string tls_dir;
  /// Not to be a daemon, but to ask the one at `address` for this path and to print its answer.
  std::string query;
  std::string dashboard_host = "127.0.0.1";
  /// -1: no HTTP server.
  int dashboard_port = 0;
  /// What drivers of this host are told that the cluster's version is.
  std::string client_version;
  int lifeline_fd = -1;
  int ready_fd = -1;
  /// The socket of the controller of a fault plan; empty for none.
  std::string fault_control;
  std::uint64_t fault_seed = 0;
  bool help = false;
  bool version = false;

  /// The GCS lives in this daemon.
  [[nodiscard]] bool HasGcs() const { return gcs_only || (head && !no_gcs); }
};

/// Whether it is the URL of something, rather than the path of a folder.
[[nodiscard]] inline bool IsUrl(std::string_view place) {
  return place.find("://") != std::string_view::npos;
}
/// InvalidArgument says which option is wrong, and what was expected. Amounts that were not given
/// are those of the machine.
[[nodiscard]] absl::StatusOr<DaemonOptions> ParseDaemonOptions(
    const std::vector<std::string>& arguments);
/// For --help.
[[nodiscard]] const char* DaemonUsage();

}  // namespace mobula::host
