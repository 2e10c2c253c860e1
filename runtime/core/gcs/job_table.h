// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// The jobs: one per run of a driver.
///
/// State of a job | meaning          | leaves by
/// running        | its driver lives | JobFinished, the driver's death, or its node's
/// finished       | for ever; kept   | -
class JobTable {
 public:
  /// Jobs that this event ended.
  using Ended = std::vector<JobId>;

  /// Takes over the rows of an earlier life.
  void Recover(const Rows& rows);
  void FillIn(Rows& rows) const;

  /// Answers `JobRegistered`; with the same job when repeated.
  void Register(const Address& source, const RegisterJob& message, Outbox& out);
  [[nodiscard]] Ended Finish(JobId job, const std::set<NodeId>& living, Outbox& out);
  [[nodiscard]] Ended WorkerDied(WorkerId worker, const std::set<NodeId>& living, Outbox& out);
  /// A node that was out of sight says which processes live there: the other drivers are dead.
  [[nodiscard]] Ended Reconcile(NodeId node, const std::set<WorkerId>& processes,
                                const std::set<NodeId>& living, Outbox& out);
  [[nodiscard]] Ended NodeDied(NodeId node, const std::set<NodeId>& living, Outbox& out);

  [[nodiscard]] bool IsFinished(JobId job) const;
  [[nodiscard]] std::vector<JobView> Views() const;
  void CheckInvariants() const;

 private:
  template <class Matches>
  Ended FinishThose(Matches matches, const std::set<NodeId>& living, Outbox& out);

  std::map<JobId, JobRow> jobs_;
  /// Answers given, by who asked and the request's number.
  std::map<std::pair<Address, std::uint64_t>, JobId> answers_;
  std::uint64_t next_job_ = 1;
};

}  // namespace mobula::gcs
