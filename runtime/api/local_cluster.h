// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mobula::api {

/// Daemons on this machine, started for one program. They end with this object, and with this
/// process however it ends: each holds the reading end of a pipe whose writing end is only here.
class LocalCluster {
 public:
  struct Options {
    /// Where mobulad and mobula_cpp_worker are.
    std::string binaries;
    /// The interpreter that Python workers run in, which has the package mobula; empty for none.
    std::string python;
    std::uint32_t nodes = 1;
    /// Of each node; negative for all of the machine's.
    double cpus = -1;
  };

  LocalCluster() = default;
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  /// Returns when every node is a member. Unavailable: why a daemon did not come up.
  absl::Status Start(const Options& options);
  /// The head's socket, for the driver.
  [[nodiscard]] const std::string& SocketName() const { return socket_name_; }

 private:
  struct Daemon {
    pid_t pid = 0;
    int lifeline = -1;
    /// Its session folder, if this object made it.
    std::string folder;
  };

  absl::Status StartDaemon(const Options& options);

  std::vector<Daemon> daemons_;
  std::string socket_name_;
  std::string gcs_address_;
};

}  // namespace mobula::api
