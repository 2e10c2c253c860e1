// SPDX-License-Identifier: Apache-2.0
/// scheduler_simulation: runs one workload under one policy on a simulated cluster, and prints a
/// row of CSV.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>
#include <string>

#include "bench/scheduler/message_meter.h"
#include "bench/scheduler/record.h"
#include "bench/scheduler/workloads.h"
#include "bench/sim/run_program.h"

namespace mobula::bench {
namespace {

constexpr char kColumns[] =
    "workload,policy,nodes,seed,tasks,makespan_s,utilisation,wait_p50_ms,wait_p90_ms,wait_p99_ms,"
    "wait_max_ms,leases,spillbacks,messages_per_task,lease_messages_per_task,"
    "view_messages_per_task,moved_mb,events,cpu_s";

constexpr char kUsage[] =
    "usage: scheduler_simulation WORKLOAD POLICY NODES SEED [TASKS_PER_CPU]\n"
    "       scheduler_simulation --columns\n"
    "WORKLOAD: batch, arrivals, tree, data\n"
    "POLICY:   hybrid, spread, random, power_of_two, central; with +locality, nodes that hold a\n"
    "          task's arguments go first\n";

/// Nothing when there is no such policy.
std::optional<scheduler::Options> ParsePolicy(std::string text) {
  using scheduler::PolicyKind;
  static const std::map<std::string, PolicyKind> kinds = {
      {"hybrid", PolicyKind::kHybrid},   {"spread", PolicyKind::kSpread},
      {"random", PolicyKind::kRandom},   {"power_of_two", PolicyKind::kPowerOfTwo},
      {"central", PolicyKind::kCentral},
  };
  static const std::string suffix = "+locality";
  scheduler::Options options;
  options.locality = text.ends_with(suffix);
  if (options.locality) text.resize(text.size() - suffix.size());
  const auto kind = kinds.find(text);
  if (kind == kinds.end()) return std::nullopt;
  options.policy = kind->second;
  return options;
}

double InMilliseconds(Duration span) { return span.Seconds() * 1e3; }

void Run(const Workload& workload, const std::string& policy, const scheduler::Options& scheduling,
         const Scale& scale) {
  MessageMeter meter;
  Record& record = Record::Get();
  sim::Options options = ClusterFor(workload, scale, scheduling);
  options.on_message = [&](const Message& message) {
    if (record.HasBegun()) meter.Count(message);
  };
  const std::uint64_t events = RunProgram(std::move(options), [&] { workload.run(scale); });
  const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  const auto tasks = static_cast<double>(record.Tasks());
  const double makespan = record.Makespan().Seconds();
  const auto per_task = [tasks](std::uint64_t count) { return static_cast<double>(count) / tasks; };
  const auto whole = [](std::uint64_t count) { return static_cast<unsigned long long>(count); };
  std::printf("%s,%s,%d,%llu,%zu,%.4f,%.4f,", workload.name.c_str(), policy.c_str(), scale.nodes,
              whole(scale.seed), record.Tasks(), makespan,
              record.Work().Seconds() / (makespan * scale.nodes * kCpusOfNode));
  for (const double share : {0.5, 0.9, 0.99, 1.0}) {
    std::printf("%.3f,", InMilliseconds(record.Wait(share)));
  }
  std::printf("%llu,%llu,%.3f,%.3f,%.3f,%.1f,%llu,%.2f\n", whole(meter.grants),
              whole(meter.spillbacks), per_task(meter.all), per_task(meter.of_leases),
              per_task(meter.of_views), static_cast<double>(meter.bytes_moved) * 1e-6,
              whole(events), cpu);
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--columns") {
    std::puts(kColumns);
    return 0;
  }
  if (argc == 5 || argc == 6) {
    const Workload* workload = FindWorkload(argv[1]);
    const auto scheduling = ParsePolicy(argv[2]);
    Scale scale{std::atoi(argv[3]), std::strtoull(argv[4], nullptr, 10), 0};
    if (workload != nullptr && scheduling && scale.nodes > 0) {
      scale.tasks_per_cpu = argc == 6 ? std::atoi(argv[5]) : workload->tasks_per_cpu;
      Run(*workload, argv[2], *scheduling, scale);
      return 0;
    }
  }
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace
}  // namespace mobula::bench

int main(int argc, char** argv) { return mobula::bench::Main(argc, argv); }
