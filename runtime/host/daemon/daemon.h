// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "runtime/host/daemon/fault_links.h"
#include "runtime/host/daemon/http_server.h"
#include "runtime/host/daemon/node_host.h"
#include "runtime/host/daemon/node_links.h"
#include "runtime/host/daemon/options.h"
#include "runtime/host/local/reporter.h"

namespace mobula::host {

/// The process `mobulad`: its links to other daemons, its HTTP server, one incarnation of its node
/// after the other, and the reasons to end (a signal, a closed lifeline). Where a fault plan is
/// executed, it also obeys the plan's controller.
class Daemon {
 public:
  explicit Daemon(DaemonOptions options);
  ~Daemon();

  /// Serves until told to end. An error when it could not start; it was reported to the ready pipe
  /// as well.
  [[nodiscard]] absl::Status Run();

 private:
  HttpAnswer Answer(const std::string& path) const;
  absl::Status Start();
  absl::Status MakeSessionFolder();
  absl::Status LoadSecrets();
  absl::Status JoinCluster();
  absl::Status StartNode();
  node::Options NodeOptions() const;
  void WatchForEnd();
  void WatchOwnLog();
  absl::Status ConnectToController();
  void AwaitOrders();
  void Obey(const Reporter::Words& order);
  void Begin(faults::FaultId id, const faults::Kind& kind);
  void Stop(const std::string& reason);
  void Rejoin(const std::string& reason);
  void ReportReady();
  void WriteRecord(boost::json::object facts) const;
  void ReportFailure(const absl::Status& status);
  void WriteReady(const std::string& line);

  DaemonOptions options_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_{loop_};
  boost::asio::posix::stream_descriptor lifeline_{loop_};
  boost::asio::steady_timer deadline_{loop_};
  boost::asio::steady_timer log_timer_{loop_};
  HttpServer http_;
  NodeLinks links_;
  Credentials credentials_;
  /// What the storage below asks.
  DiskFaults disk_faults_;
  /// Null without --storage.
  std::unique_ptr<GcsStorage> storage_;
  FaultLinks fault_links_;
  /// Null where no plan is executed.
  std::unique_ptr<Reporter> reporter_;
  boost::asio::posix::stream_descriptor orders_{loop_};
  ClusterIdentity cluster_;
  /// Where this daemon listens, as host:port.
  std::string address_;
  std::uint16_t http_port_ = 0;
  std::unique_ptr<NodeHost> node_;
  bool stopping_ = false;
  absl::Status outcome_;
};

}  // namespace mobula::host
