// SPDX-License-Identifier: Apache-2.0
// Every case under tests/plans passes: each once showed a bug that is mended (faults/FOUND.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "tests/properties/apart.h"
#include "tests/properties/case_file.h"

namespace mobula::properties {
namespace {

constexpr char kFolder[] = "tests/plans";

std::vector<std::string> Files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".textproto") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Regression : public testing::TestWithParam<std::string> {};

TEST_P(Regression, Passes) {
  const std::string file = std::string(kFolder) + "/" + GetParam() + ".textproto";
  const auto one = ReadCase(file);
  ASSERT_TRUE(one.ok()) << one.status();
  const Outcome outcome = RunTwiceApart(*one);
  EXPECT_TRUE(outcome.Passed()) << absl::StrJoin(outcome.problems, "\n")
                                << "\nReplay: bash tools/soak --replay " << file;
}

INSTANTIATE_TEST_SUITE_P(Plans, Regression, testing::ValuesIn(Files()), [](const auto& one) {
  std::string name;
  for (const char c : one.param) {
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  }
  return name;
});

}  // namespace
}  // namespace mobula::properties
