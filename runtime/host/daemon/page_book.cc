// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/page_book.h"

#include <utility>

namespace mobula::host {
namespace {

std::uint64_t Difference(std::uint64_t all, std::uint64_t less) {
  // The two are read one after the other.
  return all > less ? all - less : 0;
}

void Add(PageBook::Totals& totals, const ProcessPage& page, bool alive) {
  const ProcessPage::Counts& counts = page.Count();
  const std::uint64_t started = counts.started.load();
  const std::uint64_t finished = counts.finished.load();
  const std::uint64_t failed = counts.failed.load();
  totals.submitted += counts.submitted.load();
  totals.started += started;
  totals.finished += finished;
  totals.failed += failed;
  for (std::size_t rpc = 0; rpc < kRpcs; ++rpc) {
    totals.waited[rpc].Add(page.Waited(static_cast<Rpc>(rpc)).Read());
  }
  if (!alive) return;
  totals.pending += counts.pending.load();
  const std::uint64_t running = Difference(started, finished + failed);
  totals.running += running;
  totals.queued += Difference(Difference(counts.pushed.load(), counts.answered.load()), running);
}

}  // namespace

void PageBook::Began(const Process& process, ProcessPage page) {
  living_.insert_or_assign(process.worker, Living{process, std::move(page)});
}

void PageBook::Ended(WorkerId worker) {
  const auto entry = living_.extract(worker);
  if (entry.empty()) return;
  const auto& [process, page] = entry.mapped();
  Add(left_totals_, page, false);
  std::vector<TaskTimes> times = page.Times();
  if (times.empty()) return;
  left_times_ += times.size();
  left_.push_back({process, false, std::move(times)});
  while (left_times_ > kLeftMax) {
    left_times_ -= left_.front().times.size();
    left_.pop_front();
  }
}

PageBook::Totals PageBook::Sum() const {
  Totals totals = left_totals_;
  for (const auto& [worker, living] : living_) Add(totals, living.page, true);
  return totals;
}

std::vector<PageBook::Executions> PageBook::AllExecutions() const {
  std::vector<Executions> all(left_.begin(), left_.end());
  for (const auto& [worker, living] : living_) {
    all.push_back({living.process, true, living.page.Times()});
  }
  return all;
}

}  // namespace mobula::host
