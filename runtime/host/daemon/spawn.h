// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

struct SpawnOptions {
  std::vector<std::string> argv;
  /// Added to the daemon's own environment.
  std::map<std::string, std::string> environment;
  /// Standard output and error of the child; standard input is empty.
  int output = -1;
  int error = -1;
  /// Kept open in the child under the same numbers.
  std::vector<int> inherited;
  /// The kernel does not kill it with the calling thread: it notices by itself.
  bool outlives_starter = false;
};

struct SpawnedProcess {
  pid_t pid = 0;
  /// Becomes readable when the process ends.
  Fd pidfd;
};

/// Starts a program in a session of its own, which the kernel kills when the calling thread ends,
/// unless it outlives that.
/// NotFound or another error when the program cannot be executed.
[[nodiscard]] absl::StatusOr<SpawnedProcess> Spawn(const SpawnOptions& options);

/// The wait status of a child that has ended; the kernel forgets it then. Nothing while it runs:
/// what a loop says of a pidfd may have been said of a descriptor that was closed in the same turn.
[[nodiscard]] std::optional<int> Reap(pid_t pid);

/// "killed by signal 9 (Killed)" or "exited with code 1", of a wait status.
[[nodiscard]] std::string DescribeExit(int status);

}  // namespace mobula::host
