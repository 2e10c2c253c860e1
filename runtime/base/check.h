// SPDX-License-Identifier: Apache-2.0
/// CHECK: for bugs of mobula itself. Always on, in the simulator and in production; never for bad
/// input.
#pragma once

#include <sstream>
#include <string>

namespace mobula {

/// Called with the whole text before the process aborts; the simulator adds the seed and the event.
using CheckFailureHook = void (*)(const std::string& text);
void SetCheckFailureHook(CheckFailureHook hook);

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const std::string& detail);

namespace internal {

/// Collects the text streamed behind a failed CHECK and aborts at the end of the statement.
class CheckStream {
 public:
  CheckStream(const char* file, int line, const char* condition)
      : file_(file), line_(line), condition_(condition) {}
  [[noreturn]] ~CheckStream() { CheckFailed(file_, line_, condition_, detail_.str()); }
  template <class T>
  CheckStream& operator<<(const T& value) {
    detail_ << value;
    return *this;
  }

 private:
  const char* file_;
  int line_;
  const char* condition_;
  std::ostringstream detail_;
};

}  // namespace internal
}  // namespace mobula

#define CHECK(condition) \
  if (condition) {       \
  } else                 \
    ::mobula::internal::CheckStream(__FILE__, __LINE__, #condition)
