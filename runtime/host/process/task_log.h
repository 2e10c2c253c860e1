// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "runtime/core/worker/events.h"
#include "runtime/host/local/process_page.h"

namespace mobula::host {

/// Notes on the process's page what the time line and the metrics of the node tell of tasks. It
/// finds what it knows of a task in tables of fixed size, where a later task may have taken the
/// place: then it knows a little less. Not thread-safe.
class TaskLog {
 public:
  explicit TaskLog(const ProcessPage& page) : page_(page) {}

  void Submitted() { Add(page_.Count().submitted); }
  void Pending(std::size_t count) { page_.Count().pending.store(count, std::memory_order_relaxed); }
  void Pushed(Instant now, const Address& source, const PushTask& push);
  void Started(Instant now, const TaskSpec& spec);
  void Executed(Instant now, const worker::TaskExecuted& event);
  /// Answered, or given back.
  void Left(const Address& target) {
    if (!target.IsGcs()) Add(page_.Count().answered);
  }
  void Marked(Instant started, Instant ended, std::string_view text);

 private:
  static constexpr std::size_t kPlaces = 256;
  struct Arrival {
    TaskId task;
    Instant time;
  };
  struct Execution {
    TaskId task;
    std::uint64_t number = 0;
  };

  /// There is one writer, so no locked instruction is needed.
  static void Add(std::atomic<std::uint64_t>& count) {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  static std::size_t PlaceOf(TaskId task) { return task.low % kPlaces; }

  const ProcessPage& page_;
  std::array<Arrival, kPlaces> arrivals_{};
  std::array<Execution, kPlaces> executions_{};
};

}  // namespace mobula::host
