// SPDX-License-Identifier: Apache-2.0
// Goal: what a process notes on its page is there for its daemon, whole, at any moment.
#include "runtime/host/local/process_page.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "runtime/host/daemon/page_book.h"

namespace mobula::host {
namespace {

TaskTimes Times(std::int64_t number) {
  TaskTimes times;
  times.task = {1, static_cast<std::uint64_t>(number)};
  times.arrived = times.started = times.ended = Instant{number};
  times.SetText(std::to_string(number));
  return times;
}

/// A process's view of a page, and its daemon's.
struct Ends {
  ProcessPage daemon = *ProcessPage::Create();
  ProcessPage process = *ProcessPage::Map(daemon.TakeFile());
};

TEST(ProcessPage, KeepsTheLastExecutions) {
  const Ends ends;
  constexpr auto kMax = static_cast<std::int64_t>(ProcessPage::kTimesMax);
  for (std::int64_t i = 0; i < kMax + 10; ++i) ends.process.Note(Times(i));
  const std::vector<TaskTimes> all = ends.daemon.Times();
  ASSERT_EQ(all.size(), ProcessPage::kTimesMax);
  EXPECT_EQ(all.front().Text(), "10");
  EXPECT_EQ(all.back().Text(), std::to_string(kMax + 9));
}

TEST(ProcessPage, NotesAnEndUnlessItsPlaceWasTaken) {
  const Ends ends;
  const std::uint64_t first = ends.process.Note(Times(1));
  ends.process.NoteEnd(first, Instant{5}, true);
  const TaskTimes noted = ends.daemon.Times()[0];
  EXPECT_TRUE(noted.over && noted.failed);
  EXPECT_EQ(noted.ended, Instant{5});
  for (std::size_t i = 0; i < ProcessPage::kTimesMax; ++i) ends.process.Note(Times(7));
  ends.process.NoteEnd(first, Instant{9}, true);
  for (const TaskTimes& times : ends.daemon.Times()) EXPECT_FALSE(times.over);
}

TEST(ProcessPage, IsNeverReadHalfWritten) {
  const Ends ends;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::int64_t i = 0; !stop; ++i) ends.process.Note(Times(i));
  });
  std::size_t read = 0;
  while (read < 200'000) {
    for (const TaskTimes& times : ends.daemon.Times()) {
      ++read;
      ASSERT_EQ(times.Text(), std::to_string(times.started.nanoseconds));
      ASSERT_EQ(times.task.low, static_cast<std::uint64_t>(times.ended.nanoseconds));
    }
  }
  stop = true;
  writer.join();
}

TEST(ProcessPage, CutsLongNames) {
  TaskTimes times;
  times.SetText(std::string(100, 'x'));
  EXPECT_EQ(times.Text(), std::string(TaskTimes::kTextMax, 'x'));
}

TEST(Latencies, CountsInTheBucketWhoseEndIsNotExceeded) {
  Latencies latencies;
  latencies.Observe(Latencies::kEnds[0]);
  latencies.Observe(Latencies::kEnds[0] + Nanoseconds(1));
  latencies.Observe(Seconds(100));
  const Latencies::Values values = latencies.Read();
  EXPECT_EQ(values.counts[0], 1U);
  EXPECT_EQ(values.counts[1], 1U);
  EXPECT_EQ(values.counts.back(), 1U);
  EXPECT_EQ(values.sum, Latencies::kEnds[0] * 2 + Nanoseconds(1) + Seconds(100));
}

TEST(PageBook, KeepsTheSumsOfThoseThatEndedAndTheLastOfTheirExecutions) {
  PageBook book;
  for (std::uint64_t number = 1; number <= 12; ++number) {
    Ends ends;
    ends.process.Count().started = 3;
    ends.process.Count().finished = 2;
    ends.process.Waited(Rpc::kLease).Observe(Seconds(1));
    for (std::size_t i = 0; i < ProcessPage::kTimesMax; ++i) ends.process.Note(Times(1));
    book.Began({{0, number}, 7, false}, std::move(ends.daemon));
    EXPECT_EQ(book.Sum().running, 1U);
    book.Ended({0, number});
    EXPECT_EQ(book.Sum().running, 0U);
  }
  book.Ended({0, 1});
  EXPECT_EQ(book.Sum().started, 36U);
  EXPECT_EQ(book.Sum().finished, 24U);
  EXPECT_EQ(book.Sum().waited[static_cast<std::size_t>(Rpc::kLease)].sum, Seconds(12));
  const auto executions = book.AllExecutions();
  ASSERT_EQ(executions.size(), 8U);
  EXPECT_EQ(executions.front().process.worker, (WorkerId{0, 5}));
  EXPECT_FALSE(executions.front().alive);
}

TEST(PageBook, TellsQueuedFromRunning) {
  PageBook book;
  Ends ends;
  ProcessPage::Counts& counts = ends.process.Count();
  counts.pushed = 10;
  counts.answered = 4;
  counts.started = 7;
  counts.finished = 3;
  counts.failed = 2;
  book.Began({{0, 1}, 7, false}, std::move(ends.daemon));
  EXPECT_EQ(book.Sum().running, 2U);
  EXPECT_EQ(book.Sum().queued, 4U);
}

}  // namespace
}  // namespace mobula::host
