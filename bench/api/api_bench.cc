// SPDX-License-Identifier: Apache-2.0
/// C++ tasks and actors on real processes: this program is the driver, its tasks run in workers.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/nothing.h"

namespace mobula::bench {
namespace {

/// One call after the other, each waited for. Reports how long the middle one took.
template <class Call>
void RoundTrips(benchmark::State& state, const Call& call) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> microseconds;
  for (int i = 0; i < 1000; ++i) Get(call());
  for (auto _ : state) {
    const auto start = Clock::now();
    benchmark::DoNotOptimize(Get(call()));
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  const auto middle = microseconds.begin() + static_cast<std::ptrdiff_t>(microseconds.size() / 2);
  std::nth_element(microseconds.begin(), middle, microseconds.end());
  state.counters["median_us"] = *middle;
}

/// `range(0)` calls at once, then all their results.
template <class Call>
void Batches(benchmark::State& state, const Call& call) {
  std::vector<Ref<int>> refs;
  const auto run = [&] {
    refs.clear();
    for (std::int64_t i = 0; i < state.range(0); ++i) refs.push_back(call());
    benchmark::DoNotOptimize(Get(refs));
  };
  run();
  for (auto _ : state) run();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

Ref<int> CallTask() { return Task(Nothing).Remote(1); }

void BM_Tasks_RoundTrip(benchmark::State& state) { RoundTrips(state, CallTask); }
BENCHMARK(BM_Tasks_RoundTrip)->UseRealTime();

void BM_Tasks(benchmark::State& state) { Batches(state, CallTask); }
BENCHMARK(BM_Tasks)->Arg(1000)->Arg(10'000)->Arg(100'000)->UseRealTime()->Unit(
    benchmark::kMillisecond);

void BM_ActorCalls_RoundTrip(benchmark::State& state) {
  const auto counter = Actor(MakeCounter).Remote();
  RoundTrips(state, [&] { return counter.Task(&Counter::Add).Remote(1); });
}
BENCHMARK(BM_ActorCalls_RoundTrip)->UseRealTime();

void BM_ActorCalls(benchmark::State& state) {
  const auto counter = Actor(MakeCounter).Remote();
  Batches(state, [&] { return counter.Task(&Counter::Add).Remote(1); });
}
BENCHMARK(BM_ActorCalls)->Arg(1000)->Arg(10'000)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_PutAndGet(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Get(Put(1)));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PutAndGet)->UseRealTime();

}  // namespace
}  // namespace mobula::bench

MOBULA_MAIN(argc, argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
