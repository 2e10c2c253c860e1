// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/daemon.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "faults/plan_file.h"
#include "runtime/base/check.h"
#include "runtime/host/daemon/dashboard.h"
#include "runtime/host/daemon/log_files.h"
#include "runtime/host/daemon/machine.h"
#include "runtime/host/daemon/rotating_file.h"
#include "runtime/host/local/log_line.h"

namespace mobula::host {
namespace {

constexpr auto kJoinTimeout = std::chrono::seconds(30);
/// For the workers to end in order; then they are killed.
constexpr auto kStopTimeout = std::chrono::seconds(5);
/// Between two looks at the length of the own log.
constexpr auto kLogPeriod = std::chrono::seconds(10);

NodeId FreshNodeId() {
  NodeId id;
  CHECK(getrandom(&id, sizeof(id), 0) == static_cast<ssize_t>(sizeof(id)));
  return id;
}

/// session_<date>_<time>_<pid>, as people look for it.
std::string FreshSessionFolder() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 64> text;
  std::strftime(text.data(), text.size(), "session_%Y-%m-%d_%H-%M-%S_", &local);
  return absl::StrCat("/tmp/mobula-", geteuid(), "/", text.data(), getpid());
}

/// Each worker costs a few descriptors.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Objects pass through a daemon in buffers that one thread makes and another frees. With a heap
/// for each thread of gRPC what is free lies in all of them: a daemon that moves objects of 100 MB
/// had 300 MB instead of 100.
void ShareHeaps() { mallopt(M_ARENA_MAX, 2); }

}  // namespace

Daemon::Daemon(DaemonOptions options)
    : options_(std::move(options)),
      http_(loop_, [this](const std::string& path) { return Answer(path); }),
      links_(loop_, {
                        .on_frame =
                            [this](link::Frame frame) {
                              if (node_) node_->FrameArrived(std::move(frame));
                            },
                        .on_chunk =
                            [this](ObjectBytes chunk) {
                              if (node_) node_->ChunkArrived(std::move(chunk));
                            },
                        .on_broken =
                            [this](NodeId peer, const std::string& reason, bool refused) {
                              if (node_ && fault_links_.MayLearnOfBreak(peer)) {
                                node_->LinkBroke(peer, reason, refused);
                              }
                            },
                        .on_query =
                            [this](const std::string& path) {
                              HttpAnswer answer = Answer(path);
                              return QueryResult{answer.status, std::move(answer.body)};
                            },
                    }),
      fault_links_(loop_, links_, options_.fault_seed) {}

Daemon::~Daemon() {
  if (orders_.is_open()) orders_.release();
}

HttpAnswer Daemon::Answer(const std::string& path) const {
  if (path.starts_with("/logs")) return AnswerLogs(options_.session_dir + "/logs", path);
  if (!node_) return {503, "text/plain", "the node is between two lives\n"};
  return AnswerDashboard(*node_, path);
}

absl::Status Daemon::Run() {
  RaiseDescriptorLimit();
  ShareHeaps();
  std::signal(SIGPIPE, SIG_IGN);
  // A file that has become as large as it may is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  if (absl::Status status = Start(); !status.ok()) {
    ReportFailure(status);
    return status;
  }
  loop_.run();
  node_.reset();
  return outcome_;
}

absl::Status Daemon::Start() {
  WatchForEnd();
  WatchOwnLog();
  if (absl::Status status = LoadSecrets(); !status.ok()) return status;
  if (absl::Status status = ConnectToController(); !status.ok()) return status;
  if (!options_.HasGcs()) {
    if (absl::Status status = JoinCluster(); !status.ok()) return status;
  }
  if (absl::Status status = MakeSessionFolder(); !status.ok()) return status;
  if (!options_.storage.empty()) {
    absl::StatusOr<std::unique_ptr<GcsStorage>> storage =
        GcsStorage::Open(loop_, options_.storage, disk_faults_);
    if (!storage.ok()) return storage.status();
    storage_ = *std::move(storage);
  }
  absl::StatusOr<std::string> address = links_.Listen(options_.listen, options_.port);
  if (!address.ok()) return address.status();
  address_ = *address;
  if (options_.dashboard_port >= 0) {
    const auto wanted = static_cast<std::uint16_t>(options_.dashboard_port);
    absl::StatusOr<std::uint16_t> port =
        http_.Listen(options_.dashboard_host, wanted, credentials_.token);
    if (!port.ok()) return port.status();
    http_port_ = *port;
  }
  return StartNode();
}

absl::Status Daemon::LoadSecrets() {
  absl::StatusOr<Credentials> credentials = LoadCredentials(options_.token_file, options_.tls_dir);
  if (!credentials.ok()) return credentials.status();
  credentials_ = *std::move(credentials);
  links_.SetCredentials(credentials_);
  if (!credentials_.token.empty()) return absl::OkStatus();
  for (const auto& [option, host] : {std::pair("listen", options_.listen),
                                     std::pair("dashboard-host", options_.dashboard_host)}) {
    if (IsLoopback(host)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--", option, "=", host, " can be reached from other hosts, so ",
        options_.address.empty() ? "a token is needed; `mobula start --head` makes one, or"
                                 : "the cluster's token is needed; copy the head's token file and",
        " name a file with --token-file, or set ", kTokenVariable));
  }
  return absl::OkStatus();
}

absl::Status Daemon::JoinCluster() {
  absl::StatusOr<ClusterIdentity> cluster = NodeLinks::Ask(options_.address, credentials_);
  if (!cluster.ok()) return cluster.status();
  cluster_ = *std::move(cluster);
  // A plan may cut it off for longer.
  if (reporter_) return absl::OkStatus();
  deadline_.expires_after(kJoinTimeout);
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    outcome_ = absl::DeadlineExceededError(absl::StrCat(
        "the head at ", cluster_.gcs_address, " did not admit this node; can it reach ", address_,
        "? If not, pass the address of this machine that it can reach with --listen"));
    ReportFailure(outcome_);
    loop_.stop();
  });
  return absl::OkStatus();
}

absl::Status Daemon::MakeSessionFolder() {
  if (options_.session_dir.empty()) options_.session_dir = FreshSessionFolder();
  std::error_code error;
  const std::filesystem::path session = options_.session_dir;
  std::filesystem::create_directories(session.parent_path(), error);
  // Logs, spilled objects and the token are nobody else's business.
  (void)mkdir(session.c_str(), 0700);
  std::filesystem::create_directories(session / "logs", error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("cannot make ", options_.session_dir, "/logs: ",
                                                  error.message(), "; pass another --session-dir"));
}

node::Options Daemon::NodeOptions() const {
  node::Options options;
  NodeInfo& info = options.raylet.info;
  info.node = FreshNodeId();
  info.name = options_.node_name;
  info.address = address_;
  info.total = options_.resources;
  info.labels = options_.labels;
  info.is_head = options_.head;
  info.details = {
      {"node_ip_address", options_.listen},
      {"hostname", HostName()},
      {"session_dir", options_.session_dir},
      {"raylet_socket_name", options_.session_dir + "/sockets/raylet"},
      {"object_store_address", options_.session_dir + "/sockets/plasma_store"},
      {"metrics_export_port", absl::StrCat(http_port_)},
      {"pid", absl::StrCat(getpid())},
  };
  options.raylet.store_capacity = options_.object_store_memory;
  options.raylet.spill.enabled = !options_.no_spilling;
  options.raylet.spill.file_bytes_min = options_.min_spilling_size;
  options.raylet.transfer_fan_out = options_.transfer_fan_out;
  options.raylet.memory.watched = options_.memory_monitor_period_ms > 0;
  options.raylet.memory.usage_max = options_.memory_usage_threshold;
  options.raylet.memory.period = Milliseconds(options_.memory_monitor_period_ms);
  options.has_raylet = !options_.gcs_only;
  options.has_gcs = options_.HasGcs();
  options.gcs_node = options.has_gcs ? info.node : cluster_.gcs_node;
  options.gcs_address = options.has_gcs ? address_ : cluster_.gcs_address;
  options.gcs.node_timeout = Milliseconds(options_.node_timeout_ms);
  options.gcs.suspicion_timeout = Milliseconds(options_.suspicion_timeout_ms);
  options.gcs.keeps_log = storage_ != nullptr;
  return options;
}

absl::Status Daemon::StartNode() {
  NodeHost::Options options;
  options.node = NodeOptions();
  options.zygote_command = options_.zygote_command;
  options.cpp_worker_command = options_.cpp_worker_command;
  options.session_dir = options_.session_dir;
  options.log_limits = options_.log_limits;
  options.storage = storage_.get();
  options.spill_command = options_.spill_command;
  options.spill_place =
      options_.spill_directory.empty() ? options_.session_dir + "/spill" : options_.spill_directory;
  options.disk_faults = &disk_faults_;
  options.reporter = reporter_.get();
  if (options.node.has_gcs) {
    cluster_ = {options.node.gcs_node,
                address_,
                std::filesystem::path(options_.session_dir).filename().string(),
                {}};
  }
  cluster_.node = options.node.raylet.info.node;
  SetLogNode(cluster_.node);
  if (reporter_) reporter_->Introduce("daemon", cluster_.node.Hex());
  absl::StatusOr<std::unique_ptr<NodeHost>> node =
      NodeHost::Create(loop_, fault_links_, std::move(options),
                       {
                           .on_joined = [this] { ReportReady(); },
                           .on_fenced = [this](const std::string& reason) { Rejoin(reason); },
                           .on_stopped = [this] { loop_.stop(); },
                       });
  if (!node.ok()) return node.status();
  node_ = *std::move(node);
  links_.SetIdentity(cluster_);
  return node_->Start();
}

/// The cluster has given this node up: everything of it ends here, and a new node comes up.
void Daemon::Rejoin(const std::string& reason) {
  if (stopping_) return;
  LogLine(absl::StrCat("this node was declared dead (", reason, "); joining as a new one"));
  if (reporter_) {
    reporter_->Tell({"cluster", absl::StrCat(options_.node_name, " learned of its own death (",
                                             reason, ") and comes back as a new node")});
  }
  node_.reset();
  if (absl::Status status = StartNode(); !status.ok()) {
    outcome_ = status;
    loop_.stop();
  }
}

void Daemon::WatchForEnd() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) Stop(strsignal(signal));
  });
  if (options_.lifeline_fd < 0) return;
  lifeline_.assign(options_.lifeline_fd);
  lifeline_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (!error) Stop("the process that started it has ended");
                       });
}

void Daemon::WatchOwnLog() {
  RotateOwnLog(options_.log_limits);
  log_timer_.expires_after(kLogPeriod);
  log_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) WatchOwnLog();
  });
}

absl::Status Daemon::ConnectToController() {
  if (options_.fault_control.empty()) {
    // Of a cluster that a program under a plan starts for itself: it is none of the plan's.
    unsetenv(Reporter::kVariable);
    return absl::OkStatus();
  }
  // The plan may stop this process, and only a signal ends one that stands still.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // For the workers, too.
  const std::string place = absl::StrCat(options_.node_name, ":", options_.fault_control);
  setenv(Reporter::kVariable, place.c_str(), 1);
  reporter_ = Reporter::Connect([this](const Reporter::Words& order) { Obey(order); });
  if (!reporter_) {
    return absl::UnavailableError(
        absl::StrCat("no controller of a fault plan listens at ", options_.fault_control));
  }
  fault_links_.SetSelf(options_.node_name);
  orders_.assign(reporter_->Number());
  AwaitOrders();
  return absl::OkStatus();
}

void Daemon::AwaitOrders() {
  orders_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error) return;
                       if (!reporter_->HandleReadable()) {
                         Stop("the controller of the fault plan has gone");
                       } else {
                         AwaitOrders();
                       }
                     });
}

void Daemon::Obey(const Reporter::Words& order) {
  const std::string& what = order[0];
  faults::FaultId id = 0;
  if (what == "clock" && node_) {
    node_->ClockChanged();
  } else if (what == "names") {
    std::map<NodeId, std::string> names;
    for (std::size_t i = 2; i + 1 < order.size(); i += 2) {
      names[NodeId::FromHex(order[i])] = order[i + 1];
    }
    fault_links_.SetNames(std::move(names));
  } else if (what == "silence" && order.size() == 3) {
    fault_links_.Silence(NodeId::FromHex(order[2]));
  } else if (what == "begin" && order.size() == 4 && absl::SimpleAtoi(order[2], &id)) {
    const auto plan = faults::ParsePlan(order[3], "order", faults::PlanFormat::kText);
    CHECK(plan.ok()) << plan.status();
    for (const faults::Fault& fault : plan->faults) Begin(id, fault.kind);
  } else if (what == "end" && order.size() == 3 && absl::SimpleAtoi(order[2], &id)) {
    fault_links_.End(id);
    disk_faults_.End(id);
  }
}

void Daemon::Begin(faults::FaultId id, const faults::Kind& kind) {
  const auto* disk_fault = std::get_if<faults::DiskFault>(&kind);
  if (disk_fault == nullptr) {
    fault_links_.Begin(id, kind);
  } else if (disk_fault->node == options_.node_name) {
    disk_faults_.Begin(id, *disk_fault);
  }
}

void Daemon::Stop(const std::string& reason) {
  if (std::exchange(stopping_, true)) return;
  deadline_.expires_after(kStopTimeout);
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) loop_.stop();
  });
  if (node_) {
    node_->Stop(reason);
  } else {
    loop_.stop();
  }
}

void Daemon::ReportReady() {
  deadline_.cancel();
  boost::json::object facts{
      {"node_id", node_->Machine().Self().Hex()},
      {"address", cluster_.gcs_address},
      {"gcs_address", cluster_.gcs_address},
      {"node_address", address_},
      {"node_ip_address", options_.listen},
      {"socket_name", node_->SocketName()},
      {"session_dir", options_.session_dir},
      {"object_store_address", options_.session_dir + "/sockets/plasma_store"},
      {"raylet_socket_name", options_.session_dir + "/sockets/raylet"},
      {"metrics_export_port", http_port_},
      {"webui_url", http_port_ == 0 ? "" : absl::StrCat(options_.dashboard_host, ":", http_port_)},
      {"pid", getpid()},
      {"version", options_.client_version},
      {"cluster_address", options_.HasGcs() ? address_ : options_.address},
      {"is_head", options_.head},
      {"outlives_starter", options_.lifeline_fd < 0},
      {"token_file", options_.token_file},
      {"tls_dir", options_.tls_dir},
  };
  // A GCS without a raylet is nothing to connect to.
  if (!options_.gcs_only) WriteRecord(facts);
  WriteReady(boost::json::serialize(facts));
}

/// For drivers and tools of this machine. Written at each life of the node: its socket has a new
/// name then.
void Daemon::WriteRecord(boost::json::object facts) const {
  facts["started"] = std::time(nullptr);
  const std::string path = options_.session_dir + "/node.json";
  std::ofstream(path + ".new") << boost::json::serialize(facts) << "\n";
  std::error_code error;
  std::filesystem::rename(path + ".new", path, error);
  if (error) LogLine(absl::StrCat("cannot write ", path, ": ", error.message()));
}

void Daemon::ReportFailure(const absl::Status& status) {
  WriteReady(boost::json::serialize(boost::json::object{{"error", std::string(status.message())}}));
}

void Daemon::WriteReady(const std::string& line) {
  if (options_.ready_fd < 0) return;
  const std::string text = line + "\n";
  [[maybe_unused]] const ssize_t written = write(options_.ready_fd, text.data(), text.size());
  close(std::exchange(options_.ready_fd, -1));
}

}  // namespace mobula::host
