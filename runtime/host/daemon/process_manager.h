// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/core/raylet/events.h"
#include "runtime/host/daemon/worker_output.h"
#include "runtime/host/daemon/zygote.h"

namespace mobula::host {

/// Starts and ends the worker processes of a node: Python ones by its zygote, C++ ones by executing
/// a command. View: one incarnation's; what it started ends with it. Drivers are not among them.
///
/// State of a process | meaning                                      | leaves by
/// starting           | asked of the zygote, no pid yet              | forked; ended
/// running            | has a pid                                    | socket closed, killed; ended
/// ending             | SIGKILL was sent, or will be after the grace | ended
class ProcessManager {
 public:
  struct Options {
    std::vector<std::string> zygote_command;
    std::vector<std::string> cpp_worker_command;
    std::string log_dir;
    LogLimits log_limits;
    /// The daemon's socket, for the new process.
    std::string socket_name;
  };
  struct Handlers {
    std::function<void(WorkerId, bool is_error, std::vector<std::string>)> on_lines;
    /// It is gone, and all it wrote was handed over.
    std::function<void(WorkerId, std::string reason)> on_ended;
  };

  ProcessManager(boost::asio::io_context& loop, Options options, Handlers handlers);
  /// Kills everything.
  ~ProcessManager();

  /// So that the first worker need not wait for it. A failure is told with each process that is
  /// wanted.
  void WarmUp();
  void Start(const raylet::StartProcess& wanted);
  void Kill(WorkerId worker);
  /// It has closed its socket: it has some time to end by itself. False when it is none of these.
  bool SocketClosed(WorkerId worker);
  /// 0 when unknown.
  [[nodiscard]] pid_t PidOf(WorkerId worker) const;

 private:
  struct Process;

  absl::Status StartZygote();
  void StartPython(const raylet::StartProcess& wanted);
  void StartCpp(const raylet::StartProcess& wanted);
  absl::StatusOr<Fd> OpenOutput(Process& process, bool is_error);
  void AwaitExit(Process& process);
  void Ended(WorkerId worker, const std::string& reason);
  void EndLater(WorkerId worker, const std::string& reason);
  void ZygoteDied(const std::string& reason);

  boost::asio::io_context& loop_;
  Options options_;
  Handlers handlers_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::map<WorkerId, std::unique_ptr<Process>> processes_;
  Zygote zygote_;
};

}  // namespace mobula::host
