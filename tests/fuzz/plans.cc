// SPDX-License-Identifier: Apache-2.0
// Goal: no text that is given as a fault plan does worse than an error, and a plan that is
// understood is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "faults/plan_file.h"
#include "runtime/base/check.h"

namespace mobula::faults {
namespace {

void Try(std::string_view text, PlanFormat format) {
  const auto first = ParsePlan(text, "plan", format);
  if (!first.ok()) return;
  const std::string written = FormatPlan(*first, format);
  const auto second = ParsePlan(written, "written", format);
  CHECK(second.ok()) << second.status().message() << " in " << written;
  CHECK(FormatPlan(*second, format) == written);
}

}  // namespace
}  // namespace mobula::faults

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mobula::faults::Try(text, mobula::faults::PlanFormat::kText);
  mobula::faults::Try(text, mobula::faults::PlanFormat::kJson);
  return 0;
}
