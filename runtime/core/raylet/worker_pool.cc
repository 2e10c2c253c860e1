// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/worker_pool.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::raylet {
namespace {

constexpr std::uint64_t kWorkerSalt = 0x776F726B6572;  // "worker"

std::size_t CpusOf(const ResourceSet& total) {
  return static_cast<std::size_t>(std::max(0.0, total.Get(ResourceSet::kCpu)));
}

}  // namespace

WorkerPool::WorkerPool(const Options& options)
    : bugs_(options.bugs),
      node_(options.info.node),
      idle_timeout_(options.idle_worker_timeout),
      start_timeout_(options.start_timeout),
      leave_timeout_(options.leave_timeout),
      start_backoff_(options.start_backoff),
      idle_kept_(CpusOf(options.info.total)),
      starting_max_(2 * std::max<std::size_t>(1, CpusOf(options.info.total))) {}

// ---- Starting -----------------------------------------------------------------------------------

void WorkerPool::EnsureStarting(Instant now, const PoolKey& key, std::size_t wanted,
                                const JobConfig& config, Outbox& out) {
  if (const auto failed = failures_.find(key); failed != failures_.end() && wanted > 0) {
    const Instant retry_at = failed->second.retry_at;
    if (now < retry_at) {
      if (!std::exchange(backoff_timer_armed_, true)) {
        out.StartTimer(TimerKind::kStartBackoff, 0, retry_at - now);
      }
      return;
    }
  }
  while (starting_.size() < starting_max_) {
    if (const auto count = starting_of_.find(key); count != starting_of_.end()) {
      if (count->second >= wanted) return;
    } else if (wanted == 0) {
      return;
    }
    const std::uint64_t number = next_number_++;
    Worker worker;
    worker.id = WorkerId::Derive(node_, kWorkerSalt, number);
    worker.key = key;
    worker.number = number;
    starting_.emplace(number, worker.id);
    ++starting_of_[key];
    out.Emit(StartProcess{worker.id, key.language, key.job, config, key.runtime_env});
    // How long an environment may take is its own to say; what makes it sees to that.
    if (key.runtime_env.empty()) out.StartTimer(TimerKind::kStartTimeout, number, start_timeout_);
    workers_.emplace(worker.id, std::move(worker));
  }
}

bool WorkerPool::Register(Instant now, const RegisterWorker& message, Outbox& out) {
  const auto found = workers_.find(message.worker);
  if (found == workers_.end() || found->second.ending) return false;
  Worker& worker = found->second;
  worker.pid = message.pid;
  if (worker.state != WorkerState::kStarting) return true;
  LeaveStarting(worker);
  failures_.erase(worker.key);
  BecomeIdle(now, worker, out);
  return true;
}

void WorkerPool::AddDriver(const RegisterWorker& message) {
  Worker driver;
  driver.id = message.worker;
  driver.key.language = message.language;
  driver.state = WorkerState::kDriver;
  driver.pid = message.pid;
  workers_.emplace(driver.id, std::move(driver));
}

void WorkerPool::SetDriverJob(WorkerId driver, JobId job) {
  const auto found = workers_.find(driver);
  CHECK(found != workers_.end() && found->second.state == WorkerState::kDriver) << driver;
  found->second.key.job = job;
}

void WorkerPool::HandleStartTimeout(Instant now, std::uint64_t number, Outbox& out) {
  const auto found = starting_.find(number);
  if (found == starting_.end()) return;
  Worker& worker = workers_.at(found->second);
  if (worker.ending) return;
  CountFailure(now, worker);
  Kill(
      worker.id,
      "It did not register within " + std::to_string(start_timeout_.Seconds()) + " s of its start.",
      /*intended=*/false, out);
}

// ---- Idle workers -------------------------------------------------------------------------------

void WorkerPool::BecomeIdle(Instant now, Worker& worker, Outbox& out) {
  worker.state = WorkerState::kIdle;
  worker.idle_since = now;
  if (worker.ending) return;
  idle_[worker.key].push_back(worker.id);
  if (finished_jobs_.contains(worker.key.job)) sweep_.insert(worker.key.job);
  ++idle_count_;
  ArmIdleTimer(out);
}

void WorkerPool::LeaveIdle(const Worker& worker) {
  const auto kind = idle_.find(worker.key);
  if (kind == idle_.end() || std::erase(kind->second, worker.id) == 0) return;
  --idle_count_;
  if (kind->second.empty()) idle_.erase(kind);
}

std::optional<WorkerId> WorkerPool::TakeIdle(const PoolKey& key) {
  const auto kind = idle_.find(key);
  if (kind == idle_.end()) return std::nullopt;
  Worker& worker = workers_.at(kind->second.back());
  LeaveIdle(worker);
  worker.state = WorkerState::kLeased;
  worker.used = true;
  return worker.id;
}

void WorkerPool::ReturnToIdle(Instant now, WorkerId id, Outbox& out) {
  Worker& worker = workers_.at(id);
  CHECK(worker.state == WorkerState::kLeased) << id;
  BecomeIdle(now, worker, out);
}

std::vector<std::pair<Instant, WorkerId>> WorkerPool::Surplus() const {
  std::vector<std::pair<Instant, WorkerId>> by_age;
  if (idle_count_ <= idle_kept_) return by_age;
  for (const auto& [key, workers] : idle_) {
    for (const WorkerId id : workers) {
      const Worker& worker = workers_.at(id);
      if (!worker.used) by_age.emplace_back(worker.idle_since, id);
    }
  }
  std::sort(by_age.begin(), by_age.end());
  if (by_age.size() > idle_count_ - idle_kept_) by_age.resize(idle_count_ - idle_kept_);
  return by_age;
}

void WorkerPool::ArmIdleTimer(Outbox& out) {
  if (idle_timer_armed_ || Surplus().empty()) return;
  idle_timer_armed_ = true;
  out.StartTimer(TimerKind::kIdleWorkers, 0, idle_timeout_);
}

void WorkerPool::HandleIdleTimer(Instant now, Outbox& out) {
  idle_timer_armed_ = false;
  for (const auto& [since, id] : Surplus()) {
    if (now < since + idle_timeout_) break;
    Kill(id, "It was idle and not needed.", /*intended=*/true, out);
  }
  ArmIdleTimer(out);
}

void WorkerPool::FinishJob(JobId job, Outbox& out) {
  finished_jobs_.insert(job);
  sweep_.insert(job);
  KillWhere(job, WorkerState::kStarting, out);
}

void WorkerPool::EndSurplus(Outbox& out) {
  for (const JobId job : std::exchange(sweep_, {})) KillWhere(job, WorkerState::kIdle, out);
}

void WorkerPool::KillWhere(JobId job, WorkerState state, Outbox& out) {
  if (bugs_.Has(Bug::kKeepsWorkersOfFinishedJobs)) return;
  for (const auto& [id, worker] : workers_) {
    if (worker.state != state || worker.key.job != job) continue;
    Kill(id, "Its job finished.", /*intended=*/true, out);
  }
}

// ---- End of a worker ----------------------------------------------------------------------------

void WorkerPool::Kill(WorkerId id, const std::string& reason, bool intended, Outbox& out) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  // One that announced its exit may hang on the way out, so it is killed all the same.
  if (worker.ending && !worker.intended) return;
  const bool announced = worker.ending;
  LeaveIdle(worker);
  if (worker.state == WorkerState::kStarting && !worker.ending) {
    if (--starting_of_[worker.key] == 0) starting_of_.erase(worker.key);
  }
  worker.ending = true;
  worker.intended = intended || announced;
  if (!announced) worker.end_reason = reason;
  out.Emit(KillProcess{id, reason});
}

void WorkerPool::EndInOrder(WorkerId id, const std::string& reason, Outbox& out) {
  const auto found = workers_.find(id);
  if (found == workers_.end() || found->second.ending) return;
  if (found->second.state == WorkerState::kStarting) return Kill(id, reason, true, out);
  AnnounceExit(id, reason);
  out.Send({node_, id}, KillWorker{id, reason, /*in_order=*/true});
  out.StartTimer(TimerKind::kLeaveTimeout, found->second.number, leave_timeout_);
}

void WorkerPool::HandleLeaveTimeout(std::uint64_t number, Outbox& out) {
  const auto late = std::find_if(workers_.begin(), workers_.end(), [number](const auto& entry) {
    return entry.second.number == number;
  });
  if (late == workers_.end()) return;
  Kill(late->first,
       "It did not leave within " + std::to_string(leave_timeout_.Seconds()) + " s of being told.",
       /*intended=*/true, out);
}

void WorkerPool::EndForMemory(WorkerId id, const std::string& reason, Outbox& out) {
  Worker& worker = workers_.at(id);
  worker.out_of_memory = !worker.ending;
  Kill(id, reason, /*intended=*/false, out);
}

void WorkerPool::KillAll(const std::string& reason, bool drivers, Outbox& out) {
  for (const auto& [id, worker] : workers_) {
    if (drivers || worker.state != WorkerState::kDriver) Kill(id, reason, /*intended=*/false, out);
  }
}

void WorkerPool::AnnounceExit(WorkerId id, const std::string& reason) {
  const auto found = workers_.find(id);
  if (found == workers_.end() || found->second.ending) return;
  LeaveIdle(found->second);
  found->second.ending = true;
  found->second.intended = true;
  found->second.end_reason = reason;
}

void WorkerPool::LeaveStarting(const Worker& worker) {
  starting_.erase(worker.number);
  if (worker.ending) return;
  if (--starting_of_[worker.key] == 0) starting_of_.erase(worker.key);
}

void WorkerPool::CountFailure(Instant now, const Worker& worker) {
  Failures& failures = failures_[worker.key];
  if (worker.number < failures.count_from) return;
  ++failures.count;
  failures.count_from = next_number_;
  failures.retry_at = now + start_backoff_ * (std::int64_t{1} << (failures.count - 1));
}

std::optional<WorkerExit> WorkerPool::HandleExit(Instant now, WorkerId id,
                                                 const std::string& reason) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return std::nullopt;
  WorkerExit exit{std::move(found->second), reason};
  workers_.erase(found);
  const Worker& worker = exit.worker;
  if (!worker.end_reason.empty()) exit.reason = worker.end_reason;
  LeaveIdle(worker);
  if (worker.state != WorkerState::kStarting) return exit;
  LeaveStarting(worker);
  if (!worker.ending) CountFailure(now, worker);
  const auto failures = failures_.find(worker.key);
  if (failures != failures_.end() && failures->second.count >= kStartAttempts) {
    exit.gave_up = true;
    failures_.erase(failures);
  }
  return exit;
}

// ---- Queries ------------------------------------------------------------------------------------

const Worker* WorkerPool::Find(WorkerId worker) const {
  const auto found = workers_.find(worker);
  return found == workers_.end() ? nullptr : &found->second;
}

bool WorkerPool::IsRegistered(WorkerId worker) const {
  const Worker* found = Find(worker);
  return found != nullptr && found->state != WorkerState::kStarting;
}

bool WorkerPool::HasWorkers() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& entry) { return entry.second.state != WorkerState::kDriver; });
}

void WorkerPool::CheckInvariants() const {
  std::size_t idle = 0;
  for (const auto& [key, workers] : idle_) {
    CHECK(!workers.empty());
    for (const WorkerId id : workers) {
      const Worker& worker = workers_.at(id);
      CHECK(worker.state == WorkerState::kIdle && !worker.ending && worker.key == key) << id;
      ++idle;
    }
  }
  CHECK(idle == idle_count_);
  std::map<PoolKey, std::size_t> starting_of;
  std::size_t starting = 0;
  for (const auto& [id, worker] : workers_) {
    if (worker.state != WorkerState::kStarting) continue;
    ++starting;
    CHECK(starting_.at(worker.number) == id);
    if (!worker.ending) ++starting_of[worker.key];
  }
  CHECK(starting == starting_.size() && starting <= starting_max_);
  CHECK(starting_of == starting_of_);
}

}  // namespace mobula::raylet
