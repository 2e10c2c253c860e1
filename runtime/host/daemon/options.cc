// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/options.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/credentials.h"
#include "runtime/host/daemon/machine.h"
#include "runtime/host/daemon/memory_use.h"

namespace mobula::host {
namespace {

namespace json = boost::json;

constexpr int kDefaultDashboardPort = 8265;

constexpr char kUsage[] = R"(mobulad: the daemon of one node of a mobula cluster

Which cluster:
  --head                     start a new cluster; this node holds the GCS
  --address=HOST:PORT        join the cluster whose head listens there
  --gcs-only                 with --head: only the GCS, no raylet; the head node's raylet then
                             joins it with --head --no-gcs --address
  --no-gcs                   with --head: only the raylet of the head node
  --storage=PLACE            with the GCS: where it keeps its log, a folder or redis://[[USER]:
                             PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME]; started again with the
                             same place and port it goes on where it was. The password may be in
                             MOBULA_REDIS_PASSWORD, where nobody sees it (nowhere)
  --node-timeout-ms=N        with the GCS: a node that was silent for so long is dead (1800)
  --suspicion-timeout-ms=N   the same after its link broke (800)
This node:
  --listen=HOST              where other daemons reach this one; other addresses than the loopback
                             interface's need a token (127.0.0.1)
  --port=N                   0 for any (0)
  --node-name=TEXT           for people (the host's name)
  --num-cpus=N --num-gpus=N  what it offers (all CPUs, no GPUs)
  --memory=BYTES             for tasks that ask for memory (what the store leaves of the machine's)
  --resources=JSON           further resources, e.g. {"accelerator": 2}
  --labels=JSON              e.g. {"zone": "a"}
  --object-store-memory=BYTES  of the shared object store (30 % of the machine's memory)
  --spill-directory=PATH|URL  where objects go for which the store has no room; what is there is
                             gone with the daemon (spill in the session's folder)
  --min-spilling-size=BYTES  small objects are spilled together until a file has this size (100 MB)
  --no-spilling              a full store stays full
  --transfer-fan-out=N       so many nodes at a time get one large object from this one, and pass it
                             on to the others that want it (2); 0: it is sent to each of them
  --memory-usage-threshold=SHARE  when more of the machine's memory, or of the control group's, is
                             used, a worker is ended (0.95)
  --memory-monitor-period-ms=N  between two looks at it (250); 0: none, nothing is ended
  --log-bytes-max=BYTES      then a log is continued in a new file (64 MiB); 0: never
  --log-older-max=N          full logs are kept (3)
Processes:
  --zygote-command=JSON      argv of the process that Python workers are forked from
  --spill-command=JSON       argv of the process that writes to the URL of --spill-directory
  --cpp-worker-command=JSON  argv of C++ workers; --socket and --worker are appended
  --session-dir=PATH         for logs
  --dashboard-port=N         page and metrics; -1 for none (8265 or the next free one on the head,
                             any elsewhere)
  --dashboard-host=IP        where they are served (127.0.0.1)
  --client-version=TEXT      of the package that started it, for drivers that compare it with theirs
  --lifeline-fd=N            shut down when this pipe closes
  --ready-fd=N               write one line of JSON there when up, or why not
Security:
  --token-file=PATH          holds the token of the cluster, which every call must show; the file
                             must be private (what MOBULA_TOKEN says, or none)
  --tls-dir=PATH             holds ca.pem, node.pem and node.key, made by `mobula tls init`: daemons
                             prove to each other that they are of the cluster (no TLS)
Tools:
  --query=PATH               with --address: print what the daemon there answers, such as
                             /api/nodes, and end
Tests:
  --fault-control=PATH       obey the controller of a fault plan that listens at this socket, and
                             end with the process that started the daemon
  --fault-seed=N             of what link faults draw (0)
)";

absl::Status Wrong(const std::string& name, const std::string& value, const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, "=", value, " is wrong: expected ", expected));
}

template <class T>
absl::Status ParseNumber(const std::string& name, const std::string& value, T smallest, T& number) {
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && stop == end && number >= smallest) return absl::OkStatus();
  return Wrong(name, value, absl::StrCat("a number of at least ", smallest));
}

absl::Status ParseAmount(const std::string& name, const std::string& value,
                         std::string_view resource, ResourceSet& resources) {
  double amount = 0;
  if (absl::Status status = ParseNumber(name, value, 0.0, amount); !status.ok()) return status;
  resources.SetUnits(resource, std::llround(amount * ResourceSet::kUnit));
  return absl::OkStatus();
}

absl::Status ParseArgv(const std::string& name, const std::string& value,
                       std::vector<std::string>& argv) {
  boost::system::error_code error;
  const json::value parsed = json::parse(value, error);
  if (error || !parsed.is_array() || parsed.as_array().empty()) {
    return Wrong(name, value, "a JSON array of strings");
  }
  for (const json::value& part : parsed.as_array()) {
    if (!part.is_string()) return Wrong(name, value, "a JSON array of strings");
    argv.emplace_back(part.as_string());
  }
  return absl::OkStatus();
}

absl::Status ParseResources(const std::string& value, ResourceSet& resources) {
  boost::system::error_code error;
  const json::value parsed = json::parse(value, error);
  if (error || !parsed.is_object()) return Wrong("resources", value, "a JSON object of numbers");
  for (const auto& [name, amount] : parsed.as_object()) {
    if (!amount.is_number() || amount.to_number<double>() < 0) {
      return Wrong("resources", value, "amounts of at least 0");
    }
    const std::int64_t units = std::llround(amount.to_number<double>() * ResourceSet::kUnit);
    resources.SetUnits(std::string(name), units);
  }
  return absl::OkStatus();
}

absl::Status ParseLabels(const std::string& value, std::map<std::string, std::string>& labels) {
  boost::system::error_code error;
  const json::value parsed = json::parse(value, error);
  if (error || !parsed.is_object()) return Wrong("labels", value, "a JSON object of strings");
  for (const auto& [name, label] : parsed.as_object()) {
    if (!label.is_string()) return Wrong("labels", value, "a JSON object of strings");
    labels[std::string(name)] = std::string(label.as_string());
  }
  return absl::OkStatus();
}

using Parse = std::function<absl::Status(const std::string& name, const std::string& value)>;

Parse Flag(bool& target) {
  return [&target](const std::string& name, const std::string& value) {
    if (!value.empty()) return Wrong(name, value, "no value");
    target = true;
    return absl::OkStatus();
  };
}

Parse Text(std::string& target) {
  return [&target](const std::string& name, const std::string& value) {
    if (value.empty()) return Wrong(name, value, "a value");
    target = value;
    return absl::OkStatus();
  };
}

template <class T>
Parse Number(T& target, T smallest) {
  return [&target, smallest](const std::string& name, const std::string& value) {
    return ParseNumber(name, value, smallest, target);
  };
}

Parse Amount(ResourceSet& resources, std::string_view resource) {
  return [&resources, resource](const std::string& name, const std::string& value) {
    return ParseAmount(name, value, resource, resources);
  };
}

Parse Argv(std::vector<std::string>& argv) {
  return [&argv](const std::string& name, const std::string& value) {
    return ParseArgv(name, value, argv);
  };
}

std::map<std::string, Parse> Parsers(DaemonOptions& options) {
  return {
      {"help", Flag(options.help)},
      {"version", Flag(options.version)},
      {"head", Flag(options.head)},
      {"gcs-only", Flag(options.gcs_only)},
      {"no-gcs", Flag(options.no_gcs)},
      {"address", Text(options.address)},
      {"listen", Text(options.listen)},
      {"port", Number<std::uint16_t>(options.port, 0)},
      {"node-name", Text(options.node_name)},
      {"num-cpus", Amount(options.resources, ResourceSet::kCpu)},
      {"num-gpus", Amount(options.resources, ResourceSet::kGpu)},
      {"memory", Amount(options.resources, ResourceSet::kMemory)},
      {"resources",
       [&](const std::string&, const std::string& value) {
         return ParseResources(value, options.resources);
       }},
      {"labels", [&](const std::string&,
                     const std::string& value) { return ParseLabels(value, options.labels); }},
      {"spill-directory", Text(options.spill_directory)},
      {"min-spilling-size", Number<std::uint64_t>(options.min_spilling_size, 0)},
      {"no-spilling", Flag(options.no_spilling)},
      {"node-timeout-ms", Number<std::uint32_t>(options.node_timeout_ms, 1000)},
      {"suspicion-timeout-ms", Number<std::uint32_t>(options.suspicion_timeout_ms, 1)},
      {"transfer-fan-out", Number<std::uint32_t>(options.transfer_fan_out, 0)},
      {"memory-usage-threshold", Number<double>(options.memory_usage_threshold, 0)},
      {"memory-monitor-period-ms", Number<std::uint32_t>(options.memory_monitor_period_ms, 0)},
      {"log-bytes-max", Number<std::uint64_t>(options.log_limits.bytes_max, 0)},
      {"log-older-max", Number<std::uint32_t>(options.log_limits.older_max, 0)},
      {"object-store-memory", Number<std::uint64_t>(options.object_store_memory, 1)},
      {"session-dir", Text(options.session_dir)},
      {"storage", Text(options.storage)},
      {"zygote-command", Argv(options.zygote_command)},
      {"spill-command", Argv(options.spill_command)},
      {"cpp-worker-command", Argv(options.cpp_worker_command)},
      {"token-file", Text(options.token_file)},
      {"tls-dir", Text(options.tls_dir)},
      {"query", Text(options.query)},
      {"dashboard-host", Text(options.dashboard_host)},
      {"dashboard-port", Number<int>(options.dashboard_port, -1)},
      {"client-version", Text(options.client_version)},
      {"lifeline-fd", Number<int>(options.lifeline_fd, 0)},
      {"ready-fd", Number<int>(options.ready_fd, 0)},
      {"fault-control", Text(options.fault_control)},
      {"fault-seed", Number<std::uint64_t>(options.fault_seed, 0)},
  };
}

absl::Status Check(const DaemonOptions& options) {
  const bool joins = !options.address.empty();
  if (!options.query.empty() && !joins) {
    return absl::InvalidArgumentError("--query needs --address: whom to ask");
  }
  if (options.listen == "0.0.0.0" || options.listen == "::") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen=", options.listen, " is wrong: expected the address by which other hosts reach ",
        "this one, which they are told, too"));
  }
  if (!options.tls_dir.empty() && !IsLoopback(options.dashboard_host)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--dashboard-host=", options.dashboard_host,
        " and --tls-dir exclude each other: the page "
        "is served without TLS; leave it on the loopback interface and reach it through ssh -L"));
  }
  if (IsUrl(options.spill_directory) && options.spill_command.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--spill-directory=", options.spill_directory,
                                                   " needs --spill-command: who writes there"));
  }
  if (options.memory_usage_threshold > 1) {
    return Wrong("memory-usage-threshold", absl::StrCat(options.memory_usage_threshold),
                 "a share from 0 to 1");
  }
  if (options.gcs_only && options.no_gcs) {
    return absl::InvalidArgumentError("--gcs-only and --no-gcs leave nothing to do");
  }
  if (options.HasGcs() && joins) {
    return absl::InvalidArgumentError(
        "--head and --address exclude each other: a node starts a cluster or joins one");
  }
  if (!options.HasGcs() && !options.storage.empty()) {
    return absl::InvalidArgumentError("--storage is for the daemon that holds the GCS");
  }
  if (!options.HasGcs() && !joins) {
    return absl::InvalidArgumentError(
        "expected --head to start a cluster or --address to join one");
  }
  return absl::OkStatus();
}

/// What the machine has, where nothing was said.
void FillIn(DaemonOptions& options, std::map<std::string, bool> given) {
  const std::uint64_t memory = MemoryGauge().Limit();
  if (options.object_store_memory == 0) options.object_store_memory = memory / 10 * 3;
  if (!given["num-cpus"]) {
    options.resources.SetUnits(ResourceSet::kCpu,
                               static_cast<std::int64_t>(MachineCpus()) * ResourceSet::kUnit);
  }
  if (!given["memory"]) {
    const std::uint64_t left = memory - std::min(memory, options.object_store_memory);
    options.resources.SetUnits(ResourceSet::kMemory,
                               static_cast<std::int64_t>(left) * ResourceSet::kUnit);
  }
  options.resources.SetUnits(
      ResourceSet::kObjectStoreMemory,
      static_cast<std::int64_t>(options.object_store_memory) * ResourceSet::kUnit);
  // As in Ray: a resource by which tasks can be bound to the node, and one for the head.
  options.resources.SetUnits("node:" + options.listen, ResourceSet::kUnit);
  if (options.head) options.resources.SetUnits("node:__internal_head__", ResourceSet::kUnit);
  if (options.node_name.empty()) options.node_name = HostName();
  if (!given["dashboard-port"] && options.head && !options.gcs_only) {
    options.dashboard_port = kDefaultDashboardPort;
  }
}

}  // namespace

const char* DaemonUsage() { return kUsage; }

absl::StatusOr<DaemonOptions> ParseDaemonOptions(const std::vector<std::string>& arguments) {
  DaemonOptions options;
  const std::map<std::string, Parse> parsers = Parsers(options);
  std::map<std::string, bool> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const std::string name = argument.starts_with("--") ? argument.substr(2, equals - 2) : "";
    const auto parser = parsers.find(name);
    if (parser == parsers.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown option ", argument, "; mobulad --help lists those there are"));
    }
    std::string value = argument.substr(std::min(equals + 1, argument.size()));
    const bool is_flag = name == "help" || name == "version" || name == "head" ||
                         name == "gcs-only" || name == "no-gcs" || name == "no-spilling";
    // Both --port=1 and --port 1.
    if (equals == argument.size() && !is_flag && i + 1 < arguments.size()) value = arguments[++i];
    if (absl::Status status = parser->second(name, value); !status.ok()) return status;
    given[name] = true;
  }
  if (options.help || options.version) return options;
  if (absl::Status status = Check(options); !status.ok()) return status;
  FillIn(options, std::move(given));
  return options;
}

}  // namespace mobula::host
