// SPDX-License-Identifier: Apache-2.0
/// mobula_cpp_worker: a worker process that runs the tasks of C++ libraries: those that the driver
/// of its job names. Daemons start it with --socket, --worker and --runtime-env.
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/api/programs.h"
#include "runtime/api/runtime_env.h"
#include "runtime/host/process/worker_main.h"

namespace {

/// Before there is any other thread.
void ApplyEnvironment(int argc, char** argv) {
  constexpr std::string_view kRuntimeEnv = "--runtime-env=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kRuntimeEnv)) continue;
    const std::string runtime_env(argument.substr(kRuntimeEnv.size()));
    for (const auto& [name, value] : mobula::api::EnvVarsOf(runtime_env))
      setenv(name.c_str(), value.c_str(), 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  ApplyEnvironment(argc, argv);
  mobula::api::Programs programs;
  return mobula::host::RunWorkerProcess(
      argc, argv,
      [&](mobula::worker::Process& process) { programs.LoadFor(process.Identity().job_config); },
      [&](mobula::worker::Process& process, mobula::worker::RunTask task) {
        programs.RunTask(process, std::move(task));
      });
}
