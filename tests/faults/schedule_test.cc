// SPDX-License-Identifier: Apache-2.0
// The short form of faults on the command line: what it means, and what is said of wrong ones.
#include "faults/schedule.h"

namespace mobula::faults {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(ParseCrash, ReadsANodeAndATime) {
  const Schedule expected{CrashNode{"n2", Milliseconds(500)}};
  EXPECT_EQ(*ParseCrash("n2@0.5s"), expected);
  EXPECT_EQ(*ParseCrash("n2@500ms"), expected);
  EXPECT_EQ(*ParseCrash("n2@500000us"), expected);
}

TEST(ParseCrash, AddsARestartAfterAPlus) {
  const Schedule expected{CrashNode{"n3", Seconds(1)}, RestartNode{"n3", Milliseconds(1250)}};
  EXPECT_EQ(*ParseCrash("n3@1s+250ms"), expected);
}

TEST(ParseCrash, ReadsAWorker) {
  EXPECT_EQ(*ParseCrash("worker:n2@1ms"), Schedule{(CrashWorker{"n2", Milliseconds(1)})});
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
  EXPECT_EQ(*ParseRestart("n2@2s"), Fault(RestartNode{"n2", Seconds(2)}));
  EXPECT_FALSE(ParseRestart("n2").ok());
  EXPECT_FALSE(ParseRestart("n2@x").ok());
}

TEST(Validate, NamesTheNodesWhenOneIsUnknown) {
  const auto status = Validate({CrashWorker{"n9", Seconds(1)}}, {"n1", "n2"}, "n1");
  EXPECT_THAT(MessageOf(status), AllOf(HasSubstr("\"n9\""), HasSubstr("n1, n2")));
}

TEST(Validate, RefusesToCrashTheHead) {
  EXPECT_THAT(MessageOf(Validate({CrashNode{"n1", Seconds(1)}}, {"n1", "n2"}, "n1")),
              HasSubstr("n1 is the head"));
  EXPECT_TRUE(Validate({CrashWorker{"n1", Seconds(1)}}, {"n1", "n2"}, "n1").ok());
}

}  // namespace
}  // namespace mobula::faults
