// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/raylet/options.h"
#include "runtime/core/raylet/outbox.h"

namespace mobula::raylet {

/// Workers of one kind are interchangeable.
struct PoolKey {
  JobId job;
  Language language = Language::kPython;
  std::string runtime_env;
  /// An actor ends with its process, so it gets a new one: a process that ran tasks may own
  /// objects, which must not end with the actor.
  bool for_actor = false;
  auto operator<=>(const PoolKey&) const = default;
};

enum class WorkerState {
  kStarting,  ///< StartProcess was said; it has not registered.
  kIdle,      ///< Registered, holds no lease.
  kLeased,    ///< Holds one lease.
  kDriver,    ///< A driver; never leased.
};

struct Worker {
  WorkerId id;
  PoolKey key;
  WorkerState state = WorkerState::kStarting;
  std::uint32_t pid = 0;
  /// The how-manieth worker of this node; orders starts and names timers.
  std::uint64_t number = 0;
  Instant idle_since;
  /// It had a lease: it may own objects that others still use, so it is not surplus while its job
  /// runs.
  bool used = false;
  /// It is on its way out and gets no lease any more: KillProcess was said, it was told to leave,
  /// or it announced its exit.
  bool ending = false;
  /// Its death is no failure.
  bool intended = false;
  bool out_of_memory = false;
  /// Why it ends, when that was known before it did.
  std::string end_reason;
};

/// What ProcessExited means for the rest of the raylet.
struct WorkerExit {
  Worker worker;
  std::string reason;
  /// It was starting, like others of its kind before it, and no further attempt is made for those
  /// who wait.
  bool gave_up = false;
};

/// The worker processes of one node: starts them when leases wait for one, keeps idle ones for
/// reuse, ends the surplus. View: one node's. It knows nothing of resources; the lease manager
/// decides who gets what.
///
/// State    | meaning                       | collection     | leaves by
/// starting | process started               | starting_      | Register; exit, timeout (then exit)
/// idle     | no lease                      | idle_          | TakeIdle; surplus or job end; exit
/// leased   | one lease                     | workers_       | ReturnToIdle; exit
/// driver   | registered itself             | workers_       | exit
/// A worker leaves workers_ only by HandleExit. `ending` ones stay in their state, but not in
/// idle_.
class WorkerPool {
 public:
  /// Failed starts of one kind in a row until those who wait for it are refused.
  static constexpr std::uint32_t kStartAttempts = 3;

  explicit WorkerPool(const Options& options);

  /// Starts processes so that `wanted` of this kind are on their way, within the bound on
  /// simultaneous starts. After a failed start it waits first; `HandleBackoffTimer` is the time to
  /// ask again.
  void EnsureStarting(Instant now, const PoolKey& key, std::size_t wanted, const JobConfig& config,
                      Outbox& out);
  void HandleBackoffTimer() { backoff_timer_armed_ = false; }
  /// The most recently used idle worker of the kind becomes leased.
  [[nodiscard]] std::optional<WorkerId> TakeIdle(const PoolKey& key);
  void ReturnToIdle(Instant now, WorkerId worker, Outbox& out);
  /// A started worker answers. False when it is unknown, or is on its way out.
  [[nodiscard]] bool Register(Instant now, const RegisterWorker& message, Outbox& out);
  void AddDriver(const RegisterWorker& message);
  /// The GCS named the driver's job. REQUIRES: a registered driver.
  void SetDriverJob(WorkerId driver, JobId job);
  /// Does nothing when it is unknown or being killed.
  void Kill(WorkerId worker, const std::string& reason, bool intended, Outbox& out);
  /// Tells it to leave, which is no failure; kills it when it has not left after a while.
  void EndInOrder(WorkerId worker, const std::string& reason, Outbox& out);
  void HandleLeaveTimeout(std::uint64_t number, Outbox& out);
  /// As Kill, unless its end is under way already; its death is told as what it is.
  void EndForMemory(WorkerId worker, const std::string& reason, Outbox& out);
  void AnnounceExit(WorkerId worker, const std::string& reason);
  /// Empty when the worker is unknown.
  std::optional<WorkerExit> HandleExit(Instant now, WorkerId worker, const std::string& reason);
  void HandleStartTimeout(Instant now, std::uint64_t number, Outbox& out);
  void HandleIdleTimer(Instant now, Outbox& out);
  /// From now on workers of the job are not kept idle: EndSurplus ends them unless they were taken.
  void FinishJob(JobId job, Outbox& out);
  /// Ends idle workers of finished jobs. Call after leases were served.
  void EndSurplus(Outbox& out);
  /// Ends all but drivers; those too when `drivers`.
  void KillAll(const std::string& reason, bool drivers, Outbox& out);

  /// Null when unknown.
  [[nodiscard]] const Worker* Find(WorkerId worker) const;
  [[nodiscard]] bool IsRegistered(WorkerId worker) const;
  [[nodiscard]] const std::map<WorkerId, Worker>& Workers() const { return workers_; }
  /// Any process that is not a driver.
  [[nodiscard]] bool HasWorkers() const;
  void CheckInvariants() const;

 private:
  void KillWhere(JobId job, WorkerState state, Outbox& out);
  void BecomeIdle(Instant now, Worker& worker, Outbox& out);
  void LeaveIdle(const Worker& worker);
  void LeaveStarting(const Worker& worker);
  void CountFailure(Instant now, const Worker& worker);
  /// Idle workers beyond one per CPU that surely own nothing, the one idle for longest first.
  [[nodiscard]] std::vector<std::pair<Instant, WorkerId>> Surplus() const;
  void ArmIdleTimer(Outbox& out);

  Bugs bugs_;
  NodeId node_;
  Duration idle_timeout_;
  Duration start_timeout_;
  Duration leave_timeout_;
  Duration start_backoff_;
  /// Idle workers that are kept for ever: one per CPU.
  std::size_t idle_kept_;
  /// Processes that may be starting at once: two per CPU, at least two.
  std::size_t starting_max_;
  std::map<WorkerId, Worker> workers_;
  /// Idle workers that may be leased, per kind, oldest idleness first.
  std::map<PoolKey, std::vector<WorkerId>> idle_;
  std::size_t idle_count_ = 0;
  /// Starting workers by number.
  std::map<std::uint64_t, WorkerId> starting_;
  /// The same, counted per kind, without those being killed.
  std::map<PoolKey, std::size_t> starting_of_;
  /// Failed starts since the last success.
  struct Failures {
    std::uint32_t count = 0;
    /// Starts before this one were under way when the last failure was counted: that they fail,
    /// too, is the same mishap (the zygote died), not one more attempt.
    std::uint64_t count_from = 0;
    /// No start before: whatever made the last one fail (a killed zygote, a full machine) gets time
    /// to pass.
    Instant retry_at;
  };
  std::map<PoolKey, Failures> failures_;
  std::set<JobId> finished_jobs_;
  /// Finished jobs that got an idle worker since the last EndSurplus.
  std::set<JobId> sweep_;
  std::uint64_t next_number_ = 1;
  bool idle_timer_armed_ = false;
  bool backoff_timer_armed_ = false;
};

}  // namespace mobula::raylet
