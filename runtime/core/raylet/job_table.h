// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "runtime/core/raylet/outbox.h"

namespace mobula::raylet {

/// What one node knows of jobs: those of its drivers, and those whose leases it serves. Asks the
/// GCS, and asks again until it answers, because the GCS may restart.
class JobTable {
 public:
  explicit JobTable(NodeId node) : node_(node) {}

  /// A driver of this node wants a job; the answer is `HandleRegistered`.
  void RegisterDriver(const RegisterWorker& driver, Outbox& out);
  /// The driver that the job is for; empty when this is a repetition.
  [[nodiscard]] std::optional<WorkerId> HandleRegistered(const JobRegistered& message);
  void HandleList(const ListJobsReply& message);
  void HandleFinished(JobId job) { finished_.insert(job); }
  void HandleTimer(Outbox& out);
  /// Asks once more what is not answered.
  void Repeat(Outbox& out);
  /// Null while it is not known; the GCS is asked then.
  [[nodiscard]] const JobView* FindOrAsk(JobId job, Outbox& out);

  [[nodiscard]] const JobView* Find(JobId job) const;
  [[nodiscard]] bool IsFinished(JobId job) const { return finished_.contains(job); }
  /// Those known of whose end nothing was heard.
  [[nodiscard]] std::vector<JobId> Running() const;

 private:
  void ArmTimer(Outbox& out);

  NodeId node_;
  /// Added when the GCS tells; kept, because detached actors outlive their job and start tasks in
  /// it.
  std::map<JobId, JobView> jobs_;
  std::set<JobId> finished_;
  /// Drivers' unanswered registrations by request number.
  std::map<std::uint64_t, RegisterJob> registrations_;
  /// Jobs asked for and not known yet.
  std::set<JobId> wanted_;
  std::uint64_t next_request_ = 1;
  bool timer_armed_ = false;
};

}  // namespace mobula::raylet
