// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "runtime/host/local/process_page.h"

namespace mobula::host {

/// The pages of a node's processes, and what those that have ended left. View: one incarnation's.
class PageBook {
 public:
  struct Process {
    WorkerId worker;
    std::uint32_t pid = 0;
    bool is_driver = false;
  };
  /// Sums over all processes there are or were.
  struct Totals {
    std::uint64_t submitted = 0;
    std::uint64_t started = 0;
    std::uint64_t finished = 0;
    std::uint64_t failed = 0;
    /// Now: at a worker, and its turn has not come; in the hands of the program.
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    /// Now: submitted by the node's processes and not finished.
    std::uint64_t pending = 0;
    std::array<Latencies::Values, kRpcs> waited;
  };
  struct Executions {
    Process process;
    bool alive = true;
    std::vector<TaskTimes> times;
  };

  void Began(const Process& process, ProcessPage page);
  /// Its socket is closed. Nothing if it is not known.
  void Ended(WorkerId worker);

  [[nodiscard]] Totals Sum() const;
  /// Of the living, and of the last ones that ended.
  [[nodiscard]] std::vector<Executions> AllExecutions() const;

  struct Living {
    Process process;
    ProcessPage page;
  };
  [[nodiscard]] const std::map<WorkerId, Living>& All() const { return living_; }

 private:
  /// Of processes that have ended, so many executions are kept; the oldest processes go first.
  static constexpr std::size_t kLeftMax = 8 * ProcessPage::kTimesMax;

  std::map<WorkerId, Living> living_;
  Totals left_totals_;
  std::deque<Executions> left_;
  std::size_t left_times_ = 0;
};

}  // namespace mobula::host
