// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/core/worker/events.h"
#include "runtime/host/local/reporter.h"

namespace mobula::host {

/// What the controller of a fault plan is told about one driver or worker: the messages that it
/// sends within its node, its tasks, its actor. (What leaves the node is seen by the daemon.)
/// Functions that begin with Note stand still while the controller carries out what follows.
class Activity {
 public:
  /// Null when no plan is executed. `on_clock`: the node's clock goes at another speed now.
  static std::unique_ptr<Activity> Connect(bool is_driver, WorkerId process,
                                           std::function<void()> on_clock);

  /// `node` is this process's; nil before it knows.
  void NoteSent(NodeId node, const Address& target, const Message& message);
  /// The machine handed a task out; it starts when the language layer takes it.
  void NoteAssigned(const TaskSpec& task);
  void NoteStarted(const TaskSpec& task);
  void NoteExecuted(const worker::TaskExecuted& executed);
  void NoteRetried(const worker::TaskRetried& retried);

  [[nodiscard]] int Number() const { return reporter_->Number(); }
  [[nodiscard]] bool HandleReadable() { return reporter_->HandleReadable(); }

 private:
  explicit Activity(std::unique_ptr<Reporter> reporter) : reporter_(std::move(reporter)) {}
  void Observe(faults::Happening event, const std::string& name);

  std::unique_ptr<Reporter> reporter_;
  /// Handed out and not executed; more than one attempt of a task may be here.
  std::multimap<TaskId, std::string> tasks_;
  /// Of the actor that lives here.
  std::string actor_class_;
  bool actor_is_up_ = false;
};

}  // namespace mobula::host
