// SPDX-License-Identifier: Apache-2.0
/// How a host (mobula_cpp_run, mobula_cpp_worker, mobula_cpp_sim) calls a library that holds a
/// program. The library contains its own copy of the C++ layer; the two meet only here and in
/// `worker::Process`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/core/worker/process.h"

namespace mobula::api {

struct Library {
  /// Runs the program as the driver of its process. Returns its exit code; writes what it throws to
  /// standard error.
  int (*run_driver)(worker::Process& process, int argc, char** argv);
  /// Whether it has a remote function of that name; all names.
  bool (*has)(const std::string& function);
  std::vector<std::string> (*names)();
  /// Runs one task and posts `TaskExecuted`.
  void (*run_task)(worker::Process& process, worker::RunTask run);
  /// The process is gone: drops what belongs to it.
  void (*forget)(worker::Process& process);
};

/// The name of the function, of type `const Library* ()`, that MOBULA_MAIN and MOBULA_LIBRARY
/// define.
inline constexpr char kLibraryFunction[] = "mobula_library";

/// Loads a program for the rest of the process's life. InvalidArgument: it is none.
absl::StatusOr<const Library*> LoadProgram(const std::string& path);

/// What that function returns: `main`, if there is one, wrapped for hosts.
const Library* MakeLibrary(int (*main)(int argc, char** argv));

}  // namespace mobula::api
