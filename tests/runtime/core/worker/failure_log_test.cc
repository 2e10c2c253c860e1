// SPDX-License-Identifier: Apache-2.0
/// Goal: the last failures of a process can be told, and only so many of them are kept.
#include "runtime/core/worker/failure_log.h"

#include <gtest/gtest.h>

#include <string>

namespace mobula::worker {
namespace {

TaskSpec Named(const std::string& name) {
  TaskSpec spec;
  spec.header.Edit().name = name;
  return spec;
}

Payload Raised(const std::string& what) { return {PayloadKind::kException, Bytes(what), {}}; }

TEST(FailureLog, TellsWhatFailedAndHow) {
  FailureLog log;
  TaskSpec spec = Named("f");
  spec.attempt = 2;
  log.Add(spec, Raised("oh"));
  const std::vector<FailedTask> tasks = log.Tasks();
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].number, 1u);
  EXPECT_EQ(tasks[0].name, "f");
  EXPECT_EQ(tasks[0].attempt, 2u);
  EXPECT_EQ(tasks[0].failure.data.View(), "oh");
}

TEST(FailureLog, ForgetsTheOldestAndCountsOn) {
  FailureLog log;
  for (std::size_t i = 0; i < FailureLog::kKept + 5; ++i) log.Add(Named("f"), Raised(""));
  const std::vector<FailedTask> tasks = log.Tasks();
  ASSERT_EQ(tasks.size(), FailureLog::kKept);
  EXPECT_EQ(tasks.front().number, 6u);
  EXPECT_EQ(tasks.back().number, FailureLog::kKept + 5);
}

}  // namespace
}  // namespace mobula::worker
