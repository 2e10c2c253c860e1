// SPDX-License-Identifier: Apache-2.0
// A canary: with a deliberate bug the property runner must fail, and say all that is needed to go
// on from there. If this test fails, that all others pass means nothing.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <regex>
#include <string>

#include "gmock/gmock.h"

namespace mobula::bugs {
namespace {

using testing::HasSubstr;

struct Ended {
  int status = -1;
  std::string output;
};

/// The runner lies beside this test.
Ended RunSoak(const std::string& arguments) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  FILE* pipe = popen((folder / "mobula_soak").string().append(" ").append(arguments).c_str(), "r");
  Ended ended;
  if (pipe == nullptr) return ended;
  std::array<char, 4096> buffer;
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) ended.status = WEXITSTATUS(status);
  return ended;
}

TEST(Canary, IsReportedWithItsSeedItsShrunkCaseAndACommandThatReplaysIt) {
  const Ended found = RunSoak("--quiet --seeds 60 --most 1 --bug never_removes_borrowers");
  EXPECT_EQ(found.status, 1) << found.output;
  EXPECT_THAT(found.output, HasSubstr("== seed "));
  EXPECT_THAT(found.output, HasSubstr("TEST(Regression, "));
  EXPECT_THAT(found.output, HasSubstr("step: SUBMIT"));
  std::smatch command;
  ASSERT_TRUE(
      std::regex_search(found.output, command, std::regex("Replay: bash tools/soak (--replay .*)")))
      << found.output;

  const Ended again = RunSoak(command[1].str());
  EXPECT_EQ(again.status, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("still knows"));
  EXPECT_THAT(again.output, testing::Not(HasSubstr("another run"))) << command[1];
}

TEST(Canary, PassesWithoutTheBug) {
  const Ended none = RunSoak("--quiet --seeds 5");
  EXPECT_EQ(none.status, 0) << none.output;
}

}  // namespace
}  // namespace mobula::bugs
