// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/library.h"

#include "runtime/api/sessions.h"

namespace mobula::api {
namespace {

// Set by MakeLibrary, before anything runs.
int (*program_main)(int argc, char** argv) = nullptr;

int RunDriver(worker::Process& process, int argc, char** argv) {
  return RunAsDriver(process, [&] { return program_main(argc, argv); });
}

}  // namespace

const Library* MakeLibrary(int (*main)(int argc, char** argv)) {
  static const Library library{&RunDriver, &RunTaskIn, &ForgetProcess};
  program_main = main;
  return &library;
}

}  // namespace mobula::api
