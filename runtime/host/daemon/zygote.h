// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/ids.h"
#include "runtime/host/daemon/spawn.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// What the zygote is to fork.
struct ForkRequest {
  WorkerId worker;
  JobId job;
  std::string socket;
  std::string runtime_env;
  /// Write ends.
  Fd output;
  Fd error;
};

/// The process from which Python workers are forked: started once, warm (modules imported), one
/// thread. It speaks packets of JSON over the socket in MOBULA_ZYGOTE_FD:
///
///   daemon -> zygote  {"op":"fork","worker":HEX,"job":HEX,"socket":NAME,"env":TEXT}, with two
///   descriptors:
///                     standard output and error of the new process
///   zygote -> daemon  {"op":"ready"}  {"op":"forked","worker":HEX,"pid":N}
///                     {"op":"exited","worker":HEX,"pid":N,"status":WAITSTATUS}
///
/// When the socket closes, the zygote kills its children and exits; it dies with the daemon in any
/// case.
class Zygote {
 public:
  struct Handlers {
    std::function<void(WorkerId, pid_t)> on_forked;
    std::function<void(WorkerId, int status)> on_exited;
    /// The zygote and, with it, all its children. It is not started again by itself.
    std::function<void(const std::string& reason)> on_dead;
  };

  Zygote(boost::asio::io_context& loop, Handlers handlers);
  /// Kills it and all its children.
  ~Zygote();

  /// Its own output goes to files of that name, ".out" and ".err".
  [[nodiscard]] absl::Status Start(const std::vector<std::string>& command,
                                   const std::string& log_file);
  [[nodiscard]] bool IsRunning() const { return process_.pid != 0; }
  void Fork(ForkRequest request);

 private:
  void AwaitPacket();
  void AwaitExit();
  bool Receive();
  void Obey(const std::string& packet);
  void SendQueued();

  Handlers handlers_;
  SpawnedProcess process_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::posix::stream_descriptor exit_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  bool ready_ = false;
  /// Until it is ready, and while its socket is full.
  std::deque<ForkRequest> queued_;
  bool waits_writable_ = false;
};

}  // namespace mobula::host
