// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/library.h"

#include <cstdio>

#include "runtime/api/registry.h"
#include "runtime/api/sessions.h"

namespace mobula::api {
namespace {

// Set by MakeLibrary, before anything runs.
int (*program_main)(int argc, char** argv) = nullptr;

int RunDriver(worker::Process& process, int argc, char** argv) {
  if (program_main == nullptr) {
    std::fputs("the library is no program: it has no MOBULA_MAIN\n", stderr);
    return 2;
  }
  return RunAsDriver(process, [&] { return program_main(argc, argv); });
}

bool Has(const std::string& function) { return Registry::Get().Find(function) != nullptr; }

std::vector<std::string> Names() { return Registry::Get().Names(); }

}  // namespace

const Library* MakeLibrary(int (*main)(int argc, char** argv)) {
  static const Library library{&RunDriver, &Has, &Names, &RunTaskIn, &ForgetProcess};
  program_main = main;
  return &library;
}

}  // namespace mobula::api
