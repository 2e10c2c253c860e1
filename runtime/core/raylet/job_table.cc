// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/job_table.h"

namespace mobula::raylet {
namespace {

constexpr Duration kRepeat = Milliseconds(500);

}  // namespace

void JobTable::RegisterDriver(const RegisterWorker& driver, Outbox& out) {
  const std::uint64_t request = next_request_++;
  const RegisterJob question{request, {node_, driver.worker}, driver.job_config};
  registrations_.emplace(request, question);
  out.SendGcs(question);
  ArmTimer(out);
}

std::optional<WorkerId> JobTable::HandleRegistered(const JobRegistered& message) {
  const auto registration = registrations_.extract(message.request);
  if (registration.empty()) return std::nullopt;
  const RegisterJob& question = registration.mapped();
  jobs_[message.job] = JobView{message.job, question.driver, question.config, /*finished=*/false};
  return question.driver.worker;
}

void JobTable::HandleList(const ListJobsReply& message) {
  for (const JobView& job : message.jobs) {
    wanted_.erase(job.job);
    jobs_.emplace(job.job, job);
  }
}

const JobView* JobTable::FindOrAsk(JobId job, Outbox& out) {
  if (const JobView* known = Find(job)) return known;
  if (wanted_.insert(job).second) {
    out.SendGcs(ListJobs{next_request_++});
    ArmTimer(out);
  }
  return nullptr;
}

void JobTable::HandleTimer(Outbox& out) {
  timer_armed_ = false;
  Repeat(out);
  ArmTimer(out);
}

void JobTable::Repeat(Outbox& out) {
  for (const auto& [request, question] : registrations_) out.SendGcs(question);
  if (!wanted_.empty()) out.SendGcs(ListJobs{next_request_++});
}

std::vector<JobId> JobTable::Running() const {
  std::vector<JobId> running;
  for (const auto& [job, view] : jobs_) {
    if (!view.finished && !finished_.contains(job)) running.push_back(job);
  }
  return running;
}

void JobTable::ArmTimer(Outbox& out) {
  if (timer_armed_ || (registrations_.empty() && wanted_.empty())) return;
  timer_armed_ = true;
  out.StartTimer(TimerKind::kJobs, 0, kRepeat);
}

const JobView* JobTable::Find(JobId job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

}  // namespace mobula::raylet
