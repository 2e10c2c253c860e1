// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/run_trace.h"

#include <cstdlib>

namespace mobula::host {
namespace {

std::string Folder() {
  const char* folder = std::getenv("MOBULA_TRACE_DIR");
  return folder == nullptr ? std::string() : std::string(folder);
}

}  // namespace

bool RunTrace::IsWanted() { return !Folder().empty(); }

std::unique_ptr<RunTrace> RunTrace::Open(const std::string& name, WorkerId process) {
  if (!IsWanted()) return nullptr;
  std::unique_ptr<RunTrace> trace(new RunTrace(Folder() + "/" + name + ".jsonl", process));
  return trace->recorder_.IsGood() ? std::move(trace) : nullptr;
}

}  // namespace mobula::host
