// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/memory_watch.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::raylet {
namespace {

/// So many processes are told of, the largest first.
constexpr std::size_t kToldMax = 5;

std::string Text(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = 1ull << 20;
  return std::to_string((bytes + kMebibyte / 2) / kMebibyte) + " MiB";
}

bool IsLarger(const ProcessMemory& one, const ProcessMemory& other) {
  return std::tie(one.bytes, one.worker) > std::tie(other.bytes, other.worker);
}

}  // namespace

MemoryWatch::MemoryWatch(const Options& options, WorkerPool& pool, const LeaseManager& leases)
    : options_(options.memory), node_name_(options.info.name), pool_(pool), leases_(leases) {}

void MemoryWatch::Start(Outbox& out) {
  if (options_.watched) out.StartTimer(TimerKind::kMemory, 0, options_.period);
}

void MemoryWatch::HandleTimer(Outbox& out) {
  asked_for_workers_ = false;
  out.Emit(MeasureMemory{});
}

void MemoryWatch::HandleMeasured(const MemoryMeasured& event, Outbox& out) {
  const bool is_gone = pool_.Find(victim_) == nullptr;
  if (IsTooMuch(event) && is_gone) {
    if (!asked_for_workers_) {
      std::vector<WorkerId> workers = Leased();
      asked_for_workers_ = !workers.empty();
      if (asked_for_workers_) return out.Emit(MeasureMemory{std::move(workers)});
    } else if (const auto victim = Choose(event)) {
      victim_ = victim->worker;
      pool_.EndForMemory(victim_, Reason(event, *victim), out);
    }
  }
  out.StartTimer(TimerKind::kMemory, 0, options_.period);
}

bool MemoryWatch::IsTooMuch(const MemoryMeasured& event) const {
  return static_cast<double>(event.used) > options_.usage_max * static_cast<double>(event.limit);
}

std::vector<WorkerId> MemoryWatch::Leased() const {
  std::vector<WorkerId> workers;
  for (const auto& [number, lease] : leases_.Granted().InOrder()) {
    if (!lease.ending) workers.push_back(lease.worker);
  }
  return workers;
}

std::optional<ProcessMemory> MemoryWatch::Choose(const MemoryMeasured& event) const {
  const auto largest = std::ranges::max_element(
      event.processes, {}, [](const ProcessMemory& process) { return process.bytes; });
  struct Candidate {
    const RequestLease* request;
    ProcessMemory process;
  };
  std::vector<Candidate> candidates;
  std::map<Address, std::size_t> retriable_of;
  for (const auto& [number, lease] : leases_.Granted().InOrder()) {
    const auto process = std::ranges::find(event.processes, lease.worker, &ProcessMemory::worker);
    if (lease.ending || process == event.processes.end()) continue;
    if (process->bytes < largest->bytes / 2) continue;
    candidates.push_back({&lease.request, *process});
    if (lease.request.retriable) ++retriable_of[lease.request.owner];
  }
  // What may not run again counts 0, so any that may goes before it.
  const auto rank = [&](const Candidate& candidate) {
    return candidate.request->retriable ? retriable_of.at(candidate.request->owner) : 0;
  };
  std::optional<Candidate> chosen;
  // The newest lease comes last, and the last of equals is taken.
  for (const Candidate& candidate : candidates) {
    if (!chosen || rank(candidate) >= rank(*chosen)) chosen = candidate;
  }
  if (!chosen) return std::nullopt;
  return chosen->process;
}

std::string MemoryWatch::Reason(const MemoryMeasured& event, const ProcessMemory& victim) const {
  std::string text = "The memory of node " + node_name_ + " ran out: " + Text(event.used) + " of " +
                     Text(event.limit) + " were used, more than the " +
                     std::to_string(std::lround(options_.usage_max * 100)) +
                     " % allowed. Ended was the worker of " + Describe(victim);
  std::vector<ProcessMemory> others = event.processes;
  std::erase(others, victim);
  std::ranges::sort(others, IsLarger);
  if (others.size() > kToldMax) others.resize(kToldMax);
  const char* before = "; others: ";
  for (const ProcessMemory& other : others) text += std::exchange(before, ", ") + Describe(other);
  return text +
         ". Run fewer such tasks at a time (a larger num_cpus, or memory=), let each use "
         "less, or start the node with a higher memory_usage_threshold";
}

std::string MemoryWatch::Describe(const ProcessMemory& process) const {
  const Lease* lease = leases_.FindByWorker(process.worker);
  const Worker* worker = pool_.Find(process.worker);
  const std::string name = lease == nullptr ? "nothing" : lease->request.name;
  const std::string pid = worker == nullptr ? "gone" : "pid " + std::to_string(worker->pid);
  return name + " (" + pid + ") with " + Text(process.bytes);
}

}  // namespace mobula::raylet
