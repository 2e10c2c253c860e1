// SPDX-License-Identifier: Apache-2.0
// The scheduler: where one lease request runs, in clusters of several sizes and loads.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "runtime/base/rng.h"
#include "runtime/core/scheduler/scheduler.h"

namespace mobula::bench {
namespace {

constexpr std::int64_t kCpus = 16;

ResourceSet Cpus(std::int64_t count) {
  ResourceSet set;
  set.SetUnits(ResourceSet::kCpu, count * ResourceSet::kUnit);
  set.SetUnits(ResourceSet::kMemory, (count << 32) * ResourceSet::kUnit);
  return set;
}

/// How busy the nodes of a cluster are.
enum class Load { kIdle, kMixed, kFull };

/// `count` nodes of 16 CPUs, the own in the middle and full unless all are idle.
class Cluster {
 public:
  Cluster(std::int64_t count, Load load) : view_(NodeId{0, Middle(count)}, "self", Cpus(kCpus)) {
    if (load != Load::kIdle) view_.AcquireLocal(Cpus(kCpus));
    for (std::uint64_t number = 1; number <= static_cast<std::uint64_t>(count); ++number) {
      if (number != Middle(count)) Report(number, load);
    }
  }

  /// The node says what it has, with a new version.
  void Report(std::uint64_t number, Load load) {
    auto told = std::make_shared<NodeView>();
    told->info.node = NodeId{0, number};
    told->info.total = Cpus(kCpus);
    const std::int64_t free = load == Load::kIdle    ? kCpus
                              : load == Load::kMixed ? static_cast<std::int64_t>(rng_.Below(kCpus))
                                                     : 0;
    told->available = Cpus(free);
    told->version = ++version_;
    view_.Apply(std::move(told));
  }
  scheduler::ClusterView& View() { return view_; }

 private:
  static std::uint64_t Middle(std::int64_t count) { return static_cast<std::uint64_t>(count) / 2; }

  scheduler::ClusterView view_;
  Rng rng_{1};
  std::uint64_t version_ = 0;
};

RequestLease OneCpu() {
  RequestLease request;
  request.resources.SetUnits(ResourceSet::kCpu, ResourceSet::kUnit);
  return request;
}

/// Decisions only.
void Decide(benchmark::State& state, Load load, StrategyKind strategy) {
  Cluster cluster(state.range(0), load);
  scheduler::Scheduler scheduler(0.5);
  RequestLease request = OneCpu();
  request.strategy.kind = strategy;
  for (auto _ : state) benchmark::DoNotOptimize(scheduler.Decide(request, cluster.View()));
  state.SetItemsProcessed(state.iterations());
}
#define DECIDE_BENCHMARK(Name, load, strategy) \
  BENCHMARK_CAPTURE(Decide, Name, load, strategy)->RangeMultiplier(10)->Range(100, 10'000)
DECIDE_BENCHMARK(Idle, Load::kIdle, StrategyKind::kDefault);
DECIDE_BENCHMARK(Mixed, Load::kMixed, StrategyKind::kDefault);
DECIDE_BENCHMARK(Full, Load::kFull, StrategyKind::kDefault);
DECIDE_BENCHMARK(SpreadMixed, Load::kMixed, StrategyKind::kSpread);
DECIDE_BENCHMARK(SpreadFull, Load::kFull, StrategyKind::kSpread);

/// As a raylet does it that sends on a flood of requests: every decision is debited, and after
/// every fourth, one of the nodes reports.
void DecideAndDebit(benchmark::State& state) {
  Cluster cluster(state.range(0), Load::kMixed);
  scheduler::Scheduler scheduler(0.5);
  const RequestLease request = OneCpu();
  Rng rng(2);
  std::uint64_t decisions = 0;
  for (auto _ : state) {
    const scheduler::Decision decision = scheduler.Decide(request, cluster.View());
    if (decision.kind == scheduler::Decision::Kind::kSpill)
      cluster.View().Debit(decision.node, request.resources);
    if (++decisions % 4 != 0) continue;
    const std::uint64_t number = 1 + rng.Below(static_cast<std::uint64_t>(state.range(0)));
    if (number != static_cast<std::uint64_t>(state.range(0)) / 2)
      cluster.Report(number, Load::kMixed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DecideAndDebit)->RangeMultiplier(10)->Range(100, 10'000);

}  // namespace
}  // namespace mobula::bench
