// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace mobula {
namespace {

// Set once at start-up, before any machine runs.
CheckFailureHook failure_hook = nullptr;

}  // namespace

void SetCheckFailureHook(CheckFailureHook hook) { failure_hook = hook; }

void CheckFailed(const char* file, int line, const char* condition, const std::string& detail) {
  std::ostringstream text;
  text << file << ":" << line << ": CHECK failed: " << condition;
  if (!detail.empty()) text << ": " << detail;
  std::fprintf(stderr, "%s\n", text.str().c_str());
  if (failure_hook != nullptr) failure_hook(text.str());
  std::abort();
}

}  // namespace mobula
