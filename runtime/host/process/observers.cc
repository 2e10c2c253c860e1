// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/observers.h"

#include <variant>

namespace mobula::host {

void Observers::Posted(Instant now, const worker::Event& event) {
  if (std::holds_alternative<worker::TaskSubmitted>(event)) {
    tasks_.Submitted();
  } else if (const auto* executed = std::get_if<worker::TaskExecuted>(&event)) {
    tasks_.Executed(now, *executed);
    if (activity_) activity_->NoteExecuted(*executed);
  } else if (const auto* asked = std::get_if<worker::GcsRequested>(&event)) {
    // That a group is placed is awaited, not asked.
    const auto* group = std::get_if<GetPlacementGroup>(&asked->question);
    if (group == nullptr || !group->when_placed) questions_.Asked(now, Rpc::kGcs, asked->request);
  } else if (const auto* wanted = std::get_if<worker::BufferRequested>(&event)) {
    questions_.Asked(now, Rpc::kBuffer, wanted->request);
  }
}

void Observers::Received(Instant now, const Address& source, const Message& message) {
  if (const auto* push = std::get_if<PushTask>(&message)) {
    tasks_.Pushed(now, source, *push);
  } else if (const auto* granted = std::get_if<LeaseGranted>(&message)) {
    questions_.Answered(now, Rpc::kLease, granted->request);
  }
}

void Observers::Sent(Instant now, const Address& self, const Address& target,
                     const Message& message) {
  if (std::holds_alternative<TaskDone>(message) || std::holds_alternative<TaskReturned>(message)) {
    tasks_.Left(target);
  } else if (const auto* lease = std::get_if<RequestLease>(&message)) {
    questions_.Asked(now, Rpc::kLease, lease->request);
  }
  if (activity_) activity_->NoteSent(self.node, target, message);
}

void Observers::Assigned(Instant now, const TaskSpec& task) {
  if (activity_) activity_->NoteAssigned(task);
  tasks_.Started(now, task);
}

void Observers::Started(const TaskSpec& task) {
  if (activity_) activity_->NoteStarted(task);
}

void Observers::Retried(const worker::TaskRetried& retried) {
  if (activity_) activity_->NoteRetried(retried);
}

}  // namespace mobula::host
