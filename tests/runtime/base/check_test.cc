// SPDX-License-Identifier: Apache-2.0
// Goal: a failed CHECK says where and what, and nothing happens while it holds.
#include "runtime/base/check.h"

#include <gtest/gtest.h>

namespace mobula {
namespace {

TEST(Check, DoesNotEvaluateItsTextWhileTheConditionHolds) {
  int evaluated = 0;
  CHECK(1 + 1 == 2) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}

TEST(CheckDeathTest, SaysTheConditionAndTheDetail) {
  EXPECT_DEATH(CHECK(1 + 1 == 3) << "sum " << 2, "CHECK failed: 1 \\+ 1 == 3: sum 2");
}

TEST(CheckDeathTest, CallsTheHookBeforeItAborts) {
  EXPECT_DEATH(
      {
        SetCheckFailureHook(
            [](const std::string& text) { std::fprintf(stderr, "hook: %s", text.c_str()); });
        CHECK(false) << "seed 7";
      },
      "hook: .*seed 7");
}

TEST(Check, BindsToTheRightElse) {
  bool took_else = false;
  if (false)
    CHECK(true);
  else
    took_else = true;
  EXPECT_TRUE(took_else);
}

}  // namespace
}  // namespace mobula
