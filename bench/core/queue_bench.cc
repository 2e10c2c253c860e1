// SPDX-License-Identifier: Apache-2.0
// Tasks that wait for a lease: what each takes, and how long it takes to add one.
#include <benchmark/benchmark.h>

#include <deque>
#include <memory>

#include "bench/core/process.h"
#include "bench/heap.h"

namespace mobula::bench {
namespace {

/// `range(0)` tasks are submitted and none is granted a worker. An item is a task.
void BM_Queue_Submit(benchmark::State& state) {
  double bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint64_t before = BytesInUse();
    auto process = std::make_unique<Process>();
    state.ResumeTiming();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      process->Handle(worker::TaskSubmitted{NoOpTask(static_cast<std::uint64_t>(i))});
    }
    state.PauseTiming();
    bytes = static_cast<double>(BytesInUse() - before) / static_cast<double>(state.range(0));
    process.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_task"] = bytes;
}
BENCHMARK(BM_Queue_Submit)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

/// Keeps what was pushed, in order.
void TakePushes(worker::Effects& effects, std::deque<TaskSpec>& pushed) {
  for (worker::Effect& effect : effects) {
    auto* send = std::get_if<Send>(&effect);
    if (send == nullptr) continue;
    if (auto* push = std::get_if<PushTask>(&send->message)) pushed.push_back(std::move(push->spec));
  }
}

/// A task's life on a leased worker, at its owner: submission, push, answer, the end of its
/// reference, while `range(0)` others are queued before it. An item is a task.
void BM_Queue_WarmTask(benchmark::State& state) {
  Process process;
  std::deque<TaskSpec> pushed;
  std::uint64_t next = 0;
  const auto submit = [&] {
    TakePushes(process.Handle(worker::TaskSubmitted{NoOpTask(next++)}), pushed);
  };
  submit();
  TakePushes(process.Receive(kDaemon, LeaseGranted{1, LeaseId{1, 9}, kLeased, 1}), pushed);
  for (std::int64_t i = 0; i < state.range(0); ++i) submit();
  for (auto _ : state) {
    submit();
    const TaskSpec spec = std::move(pushed.front());
    pushed.pop_front();
    TakePushes(process.Receive(kLeased, AnswerTo(spec)), pushed);
    process.Handle(worker::ReferenceRemoved{spec.Return(0)});
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Queue_WarmTask)->Arg(0)->Arg(100'000);

}  // namespace
}  // namespace mobula::bench
