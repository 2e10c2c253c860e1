// SPDX-License-Identifier: Apache-2.0
// The short form of faults on the command line: what it means, and what is said of wrong ones.
#include "faults/short_form.h"

#include "faults/plan_check.h"

namespace mobula::faults {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(ParseCrash, ReadsANodeAndATime) {
  const Fault expected = At(Milliseconds(500), CrashNode{"n2", false, {}});
  EXPECT_EQ(*ParseCrash("n2@0.5s"), expected);
  EXPECT_EQ(*ParseCrash("n2@500ms"), expected);
  EXPECT_EQ(*ParseCrash("n2@500000us"), expected);
}

TEST(ParseCrash, AddsARestartAfterAPlus) {
  const Fault expected = At(Seconds(1), CrashNode{"n3", false, Milliseconds(250)});
  EXPECT_EQ(*ParseCrash("n3@1s+250ms"), expected);
}

TEST(ParseCrash, ReadsAWorker) {
  EXPECT_EQ(*ParseCrash("worker:n2@1ms"), At(Milliseconds(1), CrashWorker{"n2", ""}));
}

TEST(ParseCrash, SaysWhatIsWrongWithTheTime) {
  EXPECT_THAT(MessageOf(ParseCrash("n2@-1s").status()), HasSubstr("before the start"));
  for (const char* time : {"", "1", "s", "1 s", "1m", "abc", "1es", "nans", "infs", "1e300s"}) {
    const auto crash = ParseCrash(std::string("n2@") + time);
    EXPECT_THAT(MessageOf(crash.status()), HasSubstr("expected a number and its unit")) << time;
  }
}

TEST(ParseCrash, SaysThatNodeOrTimeIsMissing) {
  for (const char* text : {"", "n2", "@1s", "worker:@1s", "n2:1s"}) {
    EXPECT_THAT(MessageOf(ParseCrash(text).status()), HasSubstr("expected NODE@TIME")) << text;
  }
}

TEST(ParseCrash, RefusesToRestartAWorker) {
  EXPECT_THAT(MessageOf(ParseCrash("worker:n2@1s+1s").status()), HasSubstr("does not restart"));
}

TEST(ParseRestart, ReadsANodeAndATime) {
  EXPECT_EQ(*ParseRestart("n2@2s"), At(Seconds(2), RestartNode{"n2"}));
  EXPECT_FALSE(ParseRestart("n2").ok());
  EXPECT_FALSE(ParseRestart("n2@x").ok());
}

}  // namespace
}  // namespace mobula::faults
