// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <iostream>

#include "runtime/host/daemon/daemon.h"
#include "runtime/host/daemon/query.h"
#include "runtime/host/daemon/version.h"

int main(int argc, char** argv) {
  using mobula::host::DaemonOptions;
  const absl::StatusOr<DaemonOptions> options =
      mobula::host::ParseDaemonOptions({argv + 1, argv + argc});
  if (!options.ok()) {
    std::cerr << "mobulad: " << options.status().message() << "\n";
    return 2;
  }
  if (options->help) {
    std::cout << mobula::host::DaemonUsage();
    return 0;
  }
  if (options->version) {
    std::cout << mobula::host::kVersion << "\n";
    return 0;
  }
  // What goes wrong in gRPC is reported by mobula, in its own words.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const absl::Status status = options->query.empty() ? mobula::host::Daemon(*options).Run()
                                                     : mobula::host::PrintAnswer(*options);
  if (!status.ok()) std::cerr << "mobulad: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
