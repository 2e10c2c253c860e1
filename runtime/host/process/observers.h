// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "runtime/core/worker/events.h"
#include "runtime/host/local/process_page.h"
#include "runtime/host/process/activity.h"
#include "runtime/host/process/rpc_watch.h"
#include "runtime/host/process/task_log.h"

namespace mobula::host {

/// Those who watch what passes through a process and change nothing: the metrics and the time line
/// on its page, and the controller of a fault plan. Not thread-safe.
class Observers {
 public:
  /// `activity`: null when no plan is executed.
  Observers(const ProcessPage& page, std::unique_ptr<Activity> activity)
      : tasks_(page), questions_(page), activity_(std::move(activity)) {}

  /// The language layer posted it to the machine.
  void Posted(Instant now, const worker::Event& event);
  void Received(Instant now, const Address& source, const Message& message);
  /// By the process that `self` is, to another.
  void Sent(Instant now, const Address& self, const Address& target, const Message& message);
  /// The machine handed a task out; it starts when the language layer takes it.
  void Assigned(Instant now, const TaskSpec& task);
  void Started(const TaskSpec& task);
  /// How many tasks of this process are not finished.
  void Pending(std::size_t count) { tasks_.Pending(count); }
  void Retried(const worker::TaskRetried& retried);
  void Answered(Instant now, Rpc what, worker::RequestId request) {
    questions_.Answered(now, what, request);
  }
  /// A span that the program marked itself.
  void Marked(Instant started, Instant ended, std::string_view text) {
    tasks_.Marked(started, ended, text);
  }

  /// To be watched for what the controller says; -1 without one.
  [[nodiscard]] int Number() const { return activity_ ? activity_->Number() : -1; }
  /// False when the controller is gone. REQUIRES: Number() >= 0.
  [[nodiscard]] bool HandleReadable() { return activity_->HandleReadable(); }

 private:
  TaskLog tasks_;
  RpcWatch questions_;
  std::unique_ptr<Activity> activity_;
};

}  // namespace mobula::host
