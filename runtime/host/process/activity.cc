// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/activity.h"

#include "absl/strings/str_cat.h"

namespace mobula::host {

std::unique_ptr<Activity> Activity::Connect(bool is_driver, WorkerId process,
                                            std::function<void()> on_clock) {
  std::unique_ptr<Reporter> reporter =
      Reporter::Connect([on_clock = std::move(on_clock)](const Reporter::Words& order) {
        if (order[0] == "clock") on_clock();
      });
  if (!reporter) return nullptr;
  reporter->Introduce(is_driver ? "driver" : "worker", process.Hex());
  return std::unique_ptr<Activity>(new Activity(std::move(reporter)));
}

void Activity::NoteSent(NodeId node, const Address& target, const Message& message) {
  // Before it is registered, a process writes to its daemon only.
  if (node.IsNil() || target.node == node) reporter_->ReportMessage(message, reporter_->Node());
}

void Activity::NoteAssigned(const TaskSpec& task) {
  tasks_.emplace(task.task, task.header->name);
  reporter_->Tell({"runs", "+", task.header->name});
}

void Activity::NoteStarted(const TaskSpec& task) {
  if (task.header->kind == TaskKind::kActorCreation) {
    actor_class_ = task.header->function.name;
    reporter_->Tell({"actor", actor_class_});
  }
  Observe(faults::Happening::kTaskStarted, task.header->name);
}

void Activity::NoteExecuted(const worker::TaskExecuted& executed) {
  const auto found = tasks_.find(executed.task);
  if (found == tasks_.end()) return;
  const std::string name = found->second;
  Observe(faults::Happening::kTaskFinished, name);
  tasks_.erase(found);
  reporter_->Tell({"runs", "-", name});
  if (actor_class_.empty() || actor_is_up_ || executed.application_error) return;
  actor_is_up_ = true;
  Observe(faults::Happening::kActorStarted, actor_class_);
}

void Activity::NoteRetried(const worker::TaskRetried& retried) {
  reporter_->Tell({"retried", absl::StrCat(retried.name, " (task ", retried.task.Short(),
                                           ", attempt ", retried.attempt, "): ", retried.reason)});
}

void Activity::Observe(faults::Happening event, const std::string& name) {
  reporter_->Report({event, name, reporter_->Node(), ""});
}

}  // namespace mobula::host
