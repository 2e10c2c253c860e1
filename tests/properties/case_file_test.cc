// SPDX-License-Identifier: Apache-2.0
// Cases as text: the same case comes back, schema and structs agree, and mistakes are located.
#include "tests/properties/case_file.h"

#include <gmock/gmock.h>

#include "tests/properties/draw.h"

namespace mobula::properties {
namespace {

TEST(CaseFile, GivesBackWhatWasWritten) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    Case one = DrawCase(rng, {.swarm = seed % 2 == 0});
    if (seed % 3 == 0) one.strike = Strike{seed, "n2", true, Milliseconds(20)};
    const std::string text = FormatCase(one);
    const auto read = ParseCase(text, "x.textproto");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, one) << text;
  }
}

TEST(CaseFile, SaysWhereItIsWrong) {
  const auto syntax = ParseCase("seed: 1\nclusters {}\n", "x.textproto");
  EXPECT_THAT(std::string(syntax.status().message()), testing::HasSubstr("x.textproto:2: "));
  const auto time = ParseCase("program { actions { step: SLEEP lasts: \"soon\" } }", "x.textproto");
  EXPECT_THAT(std::string(time.status().message()),
              testing::HasSubstr("x.textproto: program.actions[0].lasts: \"soon\" is no time"));
  const auto kind = ParseCase("plan { fault { at: \"1s\" } }", "x.textproto");
  EXPECT_THAT(std::string(kind.status().message()), testing::HasSubstr("plan.fault[0]"));
  EXPECT_EQ(ReadCase("no/such.textproto").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mobula::properties
