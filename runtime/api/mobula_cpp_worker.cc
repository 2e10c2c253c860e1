// SPDX-License-Identifier: Apache-2.0
/// mobula_cpp_worker: a worker process that runs the tasks of a C++ program. Daemons start it with
/// --library FILE.so from their --cpp-worker-command, and add --socket and --worker.
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/api/library.h"
#include "runtime/host/process/worker_main.h"

int main(int argc, char** argv) {
  constexpr std::string_view kLibrary = "--library=";
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kLibrary)) path = argument.substr(kLibrary.size());
  }
  const auto library = mobula::api::LoadProgram(path);
  if (!library.ok()) {
    std::fprintf(stderr, "mobula_cpp_worker: --library=%s: %s\n", path.c_str(),
                 std::string(library.status().message()).c_str());
    return 2;
  }
  return mobula::host::RunWorkerProcess(argc, argv, (*library)->run_task);
}
