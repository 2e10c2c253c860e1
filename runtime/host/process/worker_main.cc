// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/worker_main.h"

#include <sys/prctl.h>

#include <csignal>
#include <iostream>
#include <string_view>

#include "runtime/host/process/process_runtime.h"

namespace mobula::host {
namespace {

ConnectOptions ParseArguments(int argc, char** argv) {
  constexpr std::string_view kSocket = "--socket=";
  constexpr std::string_view kWorker = "--worker=";
  ConnectOptions options;
  options.language = Language::kCpp;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kSocket)) options.socket_name = argument.substr(kSocket.size());
    if (argument.starts_with(kWorker)) {
      options.worker_id = WorkerId::FromHex(argument.substr(kWorker.size()));
    }
  }
  return options;
}

}  // namespace

int RunWorkerProcess(int argc, char** argv, const TaskHandler& handler) {
  ConnectOptions options = ParseArguments(argc, argv);
  if (options.socket_name.empty() || options.worker_id.IsNil()) {
    std::cerr
        << "mobula: a worker needs --socket=NAME and --worker=HEX; daemons start it with both\n";
    return 2;
  }
  absl::StatusOr<std::unique_ptr<ProcessRuntime>> process = ConnectProcess(std::move(options));
  if (!process.ok()) {
    std::cerr << "mobula: the worker cannot join: " << process.status() << "\n";
    return 1;
  }
  while (std::optional<TaskEvent> next = (*process)->NextTask()) {
    // One thread runs the tasks, so that an interrupt comes after the task that it was for.
    if (auto* task = std::get_if<worker::RunTask>(&*next)) handler(**process, std::move(*task));
  }
  return 0;
}

}  // namespace mobula::host
