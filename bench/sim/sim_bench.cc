// SPDX-License-Identifier: Apache-2.0
// How fast the simulator is, in real time: its queue alone, and the whole runtime.
#include <benchmark/benchmark.h>

#include "runtime/api/mobula.h"
#include "runtime/api/sessions.h"
#include "runtime/base/rng.h"
#include "sim/event_queue.h"
#include "sim/fiber_hub.h"
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

int Nothing(int value) { return value; }
MOBULA_REMOTE(Nothing)

/// One driver gets 10,000 no-op tasks at once on `range(0)` nodes of two CPUs.
void BM_World_NoOpTasks(benchmark::State& state) {
  constexpr int kTasks = 10'000;
  std::uint64_t events = 0;
  for (auto _ : state) {
    Options options;
    options.nodes.resize(static_cast<std::size_t>(state.range(0)));
    auto world = *World::Create(std::move(options));
    FiberProgram program;
    program.driver = [](worker::Process& process) {
      api::RunAsDriver(process, [] {
        std::vector<Ref<int>> refs;
        for (int i = 0; i < kTasks; ++i) refs.push_back(Task(Nothing).Remote(i));
        Get(refs);
        return 0;
      });
    };
    program.task = &api::RunTaskIn;
    program.forget = &api::ForgetProcess;
    FiberHub hub(*world, program);
    DriverOptions driver;
    driver.language = Language::kCpp;
    if (!hub.RunDriver(driver).empty()) state.SkipWithError("the program did not end");
    events += world->GetReport().events;
  }
  state.SetItemsProcessed(state.iterations() * kTasks);
  state.counters["events"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_World_NoOpTasks)->Arg(1)->Arg(4)->Arg(32)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mobula::sim
