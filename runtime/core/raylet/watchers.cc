// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/watchers.h"

namespace mobula::raylet {

Watchers::Watchers(const WorkerPool& pool, const scheduler::ClusterView& view)
    : pool_(pool), view_(view) {}

void Watchers::AddWatcher(const Address& watcher, WorkerId worker, Outbox& out) {
  if (pool_.IsRegistered(worker)) {
    watchers_[worker].insert(watcher);
    return;
  }
  out.Send(watcher, WorkerDied{{view_.Self().node, worker},
                               "no such process lives on node " + view_.Self().Name(),
                               /*intended=*/false});
}

void Watchers::HandleLocalDeath(const WorkerDied& death, Outbox& out) {
  const auto watchers = watchers_.extract(death.worker.worker);
  if (watchers.empty()) return;
  const NodeId self = view_.Self().node;
  for (const Address& watcher : watchers.mapped()) {
    const bool gone =
        watcher.node == self && !watcher.worker.IsNil() && !pool_.Find(watcher.worker);
    if (!gone && !view_.IsDead(watcher.node)) out.Send(watcher, death);
  }
}

void Watchers::ReportToGcs(const ReportWorkerDied& report, Outbox& out) {
  unrecorded_[report.worker.worker] = report;
  out.SendGcs(report);
}

void Watchers::RepeatReports(Outbox& out) const {
  for (const auto& [worker, report] : unrecorded_) out.SendGcs(report);
}

void Watchers::Watch(const Address& process, Outbox& out) {
  if (process.IsGcs() || process.IsDaemon()) return;
  const bool local = process.node == view_.Self().node;
  if (local ? !pool_.IsRegistered(process.worker) : view_.IsDead(process.node)) {
    found_dead_.push_back(process);
  } else if (!local && watched_.insert(process).second) {
    out.Send(Address::Daemon(process.node), WatchWorker{process.worker});
  }
}

bool Watchers::HandleRemoteDeath(const Address& process) { return watched_.erase(process) > 0; }

std::vector<Address> Watchers::HandleNodeDied(NodeId node) {
  std::vector<Address> dead;
  for (auto process = watched_.begin(); process != watched_.end();) {
    if (process->node == node) {
      dead.push_back(*process);
      process = watched_.erase(process);
    } else {
      ++process;
    }
  }
  return dead;
}

}  // namespace mobula::raylet
