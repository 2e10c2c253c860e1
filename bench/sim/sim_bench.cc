// SPDX-License-Identifier: Apache-2.0
// How fast the simulator is, in real time: its queue alone, and the whole runtime.
#include <benchmark/benchmark.h>

#include "bench/heap.h"
#include "bench/nothing.h"
#include "bench/sim/run_program.h"
#include "runtime/base/rng.h"
#include "sim/event_queue.h"
#include "sim/occurrence.h"
#include "sim/world.h"

namespace mobula::sim {
namespace {

/// Pushes and pops with `range(0)` items waiting, at random times.
void BM_EventQueue_PushPop(benchmark::State& state) {
  Rng rng(1);
  EventQueue<Occurrence> queue;
  std::int64_t now = 0;
  const auto push = [&] {
    queue.Push(Instant{now + static_cast<std::int64_t>(rng.Below(1'000'000))},
               Occurrence{SleepEnd{}});
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) push();
  for (auto _ : state) {
    push();
    now = queue.NextTime().nanoseconds;
    benchmark::DoNotOptimize(queue.Pop());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EventQueue_PushPop)->Arg(100)->Arg(10'000);

void GetTasks(int count) {
  std::vector<Ref<int>> refs;
  for (int i = 0; i < count; ++i) refs.push_back(Task(bench::Nothing).Remote(i));
  Get(refs);
}

void CountEvents(benchmark::State& state, std::uint64_t events) {
  state.counters["events"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

/// One driver gets 10,000 no-op tasks at once on `range(0)` nodes of two CPUs; invariants are
/// checked after every event when `range(1)` says so.
void BM_World_NoOpTasks(benchmark::State& state) {
  const int tasks = state.range(1) != 0 ? 1000 : 10'000;
  std::uint64_t events = 0;
  for (auto _ : state) {
    Options options;
    options.nodes.resize(static_cast<std::size_t>(state.range(0)));
    options.check_invariants = state.range(1) != 0;
    events += bench::RunProgram(std::move(options), [tasks] { GetTasks(tasks); });
  }
  state.SetItemsProcessed(state.iterations() * tasks);
  CountEvents(state, events);
}
BENCHMARK(BM_World_NoOpTasks)
    ->Args({1, 0})
    ->Args({4, 0})
    ->Args({32, 0})
    ->Args({1, 1})
    ->Args({4, 1})
    ->Unit(benchmark::kMillisecond);

/// 100,000 tasks on 1,000 nodes.
void BM_World_ThousandNodes(benchmark::State& state) {
  constexpr int kTasks = 100'000;
  std::uint64_t events = 0;
  for (auto _ : state) {
    Options options;
    options.nodes.resize(1000);
    events += bench::RunProgram(std::move(options), [] { GetTasks(kTasks); });
  }
  state.SetItemsProcessed(state.iterations() * kTasks);
  CountEvents(state, events);
}
BENCHMARK(BM_World_ThousandNodes)->Unit(benchmark::kSecond)->Iterations(1);

/// Ten nodes at rest for a virtual hour.
void BM_World_IdleHour(benchmark::State& state) {
  std::uint64_t events = 0;
  for (auto _ : state) {
    Options options;
    options.nodes.resize(10);
    events += bench::RunProgram(std::move(options), [] { Sleep(Seconds(3600)); });
  }
  CountEvents(state, events);
}
BENCHMARK(BM_World_IdleHour)->Unit(benchmark::kSecond)->Iterations(1);

/// What a node at rest takes in a cluster of `range(0)`, after ten virtual seconds. Each knows all
/// others, so it grows with the cluster.
void BM_World_MemoryOfANode(benchmark::State& state) {
  double bytes = 0;
  for (auto _ : state) {
    const std::uint64_t before = bench::BytesInUse();
    Options options;
    options.nodes.resize(static_cast<std::size_t>(state.range(0)));
    bench::RunProgram(std::move(options), [&] {
      Sleep(Seconds(10));
      bytes =
          static_cast<double>(bench::BytesInUse() - before) / static_cast<double>(state.range(0));
    });
  }
  state.counters["bytes_per_node"] = bytes;
}
BENCHMARK(BM_World_MemoryOfANode)->Arg(100)->Arg(1000)->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
}  // namespace mobula::sim
