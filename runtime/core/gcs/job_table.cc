// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/job_table.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace mobula::gcs {

void JobTable::Recover(const Rows& rows) {
  jobs_ = rows.jobs;
  for (const auto& [job, row] : jobs_) {
    answers_[{row.source, row.request}] = job;
    next_job_ = std::max(next_job_, (job.high >> 32) + 1);
  }
}

void JobTable::FillIn(Rows& rows) const { rows.jobs = jobs_; }

void JobTable::Register(const Address& source, const RegisterJob& message, Outbox& out) {
  const auto [answer, added] = answers_.try_emplace({source, message.request});
  if (added) {
    // The running number comes first, so that people can tell jobs apart by the first digits.
    const JobId job{next_job_++ << 32, message.driver.worker.low};
    answer->second = job;
    jobs_[job] = {{job, message.driver, message.config, false}, source, message.request};
    out.Log(jobs_[job]);
    out.Tell("job " + job.Short() + " started");
  }
  out.Send(source, JobRegistered{message.request, answer->second, message.driver});
}

template <class Matches>
JobTable::Ended JobTable::FinishThose(Matches matches, const std::set<NodeId>& living,
                                      Outbox& out) {
  Ended ended;
  for (auto& [job, row] : jobs_) {
    if (row.view.finished || !matches(row.view)) continue;
    row.view.finished = true;
    out.Log(row);
    ended.push_back(job);
    for (const NodeId node : living) out.Send(Address::Daemon(node), JobFinished{job});
    out.Tell("job " + job.Short() + " finished");
  }
  return ended;
}

JobTable::Ended JobTable::Finish(JobId job, const std::set<NodeId>& living, Outbox& out) {
  return FinishThose([job](const JobView& view) { return view.job == job; }, living, out);
}

JobTable::Ended JobTable::WorkerDied(WorkerId worker, const std::set<NodeId>& living, Outbox& out) {
  return FinishThose([worker](const JobView& view) { return view.driver.worker == worker; }, living,
                     out);
}

JobTable::Ended JobTable::Reconcile(NodeId node, const std::set<WorkerId>& processes,
                                    const std::set<NodeId>& living, Outbox& out) {
  const auto is_gone = [&](const JobView& view) {
    return view.driver.node == node && !processes.contains(view.driver.worker);
  };
  return FinishThose(is_gone, living, out);
}

JobTable::Ended JobTable::NodeDied(NodeId node, const std::set<NodeId>& living, Outbox& out) {
  return FinishThose([node](const JobView& view) { return view.driver.node == node; }, living, out);
}

bool JobTable::IsFinished(JobId job) const {
  const auto found = jobs_.find(job);
  return found != jobs_.end() && found->second.view.finished;
}

std::vector<JobView> JobTable::Views() const {
  std::vector<JobView> views;
  for (const auto& [job, row] : jobs_) views.push_back(row.view);
  return views;
}

void JobTable::CheckInvariants() const {
  CHECK(answers_.size() == jobs_.size()) << "a job without an answer, or the other way round";
  for (const auto& [question, job] : answers_) CHECK(jobs_.contains(job)) << job;
}

}  // namespace mobula::gcs
