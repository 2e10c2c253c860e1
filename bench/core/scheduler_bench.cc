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

/// `count` nodes of 16 CPUs, the own in the middle and full unless all are idle. It is the head.
class Cluster {
 public:
  Cluster(std::int64_t count, Load load) : view_(Head(Middle(count))) {
    if (load != Load::kIdle) view_.AcquireLocal(Cpus(kCpus));
    for (std::uint64_t number = 1; number <= static_cast<std::uint64_t>(count); ++number) {
      if (number != Middle(count)) Report(number, load);
    }
  }

  /// The node says what it has, with a new version.
  void Report(std::uint64_t number, Load load) {
    NodeView told;
    told.info = InfoOf(number);
    const std::int64_t free = load == Load::kIdle    ? kCpus
                              : load == Load::kMixed ? static_cast<std::int64_t>(rng_.Below(kCpus))
                                                     : 0;
    told.available = Cpus(free);
    told.version = ++version_;
    view_.Apply(std::vector{std::make_shared<const NodeView>(std::move(told))});
  }
  scheduler::ClusterView& View() { return view_; }

 private:
  static NodeInfo InfoOf(std::uint64_t number) {
    NodeInfo info;
    info.node = NodeId{0, number};
    info.total = Cpus(kCpus);
    return info;
  }
  static NodeInfo Head(std::uint64_t number) {
    NodeInfo info = InfoOf(number);
    info.is_head = true;
    return info;
  }
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
void Decide(benchmark::State& state, Load load, scheduler::PolicyKind policy) {
  Cluster cluster(state.range(0), load);
  scheduler::Scheduler scheduler({.policy = policy}, cluster.View().Self().node);
  const RequestLease request = OneCpu();
  for (auto _ : state) benchmark::DoNotOptimize(scheduler.Decide(request, cluster.View()));
  state.SetItemsProcessed(state.iterations());
}
#define DECIDE_BENCHMARK(Name, load, policy) \
  BENCHMARK_CAPTURE(Decide, Name, load, policy)->RangeMultiplier(10)->Range(100, 10'000)
DECIDE_BENCHMARK(Idle, Load::kIdle, scheduler::PolicyKind::kHybrid);
DECIDE_BENCHMARK(Mixed, Load::kMixed, scheduler::PolicyKind::kHybrid);
DECIDE_BENCHMARK(Full, Load::kFull, scheduler::PolicyKind::kHybrid);
DECIDE_BENCHMARK(SpreadMixed, Load::kMixed, scheduler::PolicyKind::kSpread);
DECIDE_BENCHMARK(SpreadFull, Load::kFull, scheduler::PolicyKind::kSpread);

/// As a raylet does it that sends on a flood of requests: every decision is debited, and after
/// every fourth, one of the nodes reports. `holders` nodes hold the arguments of a request.
void DecideAndDebit(benchmark::State& state, scheduler::PolicyKind policy, std::size_t holders) {
  Cluster cluster(state.range(0), Load::kMixed);
  scheduler::Scheduler scheduler({.policy = policy}, cluster.View().Self().node);
  RequestLease request = OneCpu();
  Rng rng(2);
  const auto any_node = [&] { return 1 + rng.Below(static_cast<std::uint64_t>(state.range(0))); };
  std::uint64_t decisions = 0;
  for (auto _ : state) {
    request.preferred.clear();
    while (request.preferred.size() < holders) request.preferred.push_back(NodeId{0, any_node()});
    const scheduler::Decision decision = scheduler.Decide(request, cluster.View());
    if (decision.kind == scheduler::Decision::Kind::kSpill)
      cluster.View().Debit(decision.node, request.resources);
    if (++decisions % 4 != 0) continue;
    const std::uint64_t number = any_node();
    if (number != static_cast<std::uint64_t>(state.range(0)) / 2)
      cluster.Report(number, Load::kMixed);
  }
  state.SetItemsProcessed(state.iterations());
}
#define DEBIT_BENCHMARK(Name, policy, holders) \
  BENCHMARK_CAPTURE(DecideAndDebit, Name, policy, holders)->RangeMultiplier(10)->Range(10, 10'000)
DEBIT_BENCHMARK(Hybrid, scheduler::PolicyKind::kHybrid, 0);
DEBIT_BENCHMARK(Locality, scheduler::PolicyKind::kHybrid, 2);
DEBIT_BENCHMARK(Spread, scheduler::PolicyKind::kSpread, 0);
DEBIT_BENCHMARK(Random, scheduler::PolicyKind::kRandom, 0);
DEBIT_BENCHMARK(PowerOfTwo, scheduler::PolicyKind::kPowerOfTwo, 0);
DEBIT_BENCHMARK(Central, scheduler::PolicyKind::kCentral, 0);

}  // namespace
}  // namespace mobula::bench
