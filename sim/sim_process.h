// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/worker/process.h"
#include "runtime/core/worker/worker.h"
#include "sim/network.h"
#include "sim/store_memory.h"

namespace mobula::sim {

class SimProcess;

/// What a process needs of its world.
class ProcessHost {
 public:
  virtual ~ProcessHost() = default;
  virtual void PostTo(SimProcess& process, worker::Event event) = 0;
  virtual worker::Completion AwaitIn(SimProcess& process, worker::RequestId request) = 0;
  virtual void SleepIn(SimProcess& process, Duration span) = 0;
  /// By the clock of the process's node.
  [[nodiscard]] virtual Instant TimeAt(const SimProcess& process) const = 0;
};

/// A simulated process: a driver or a worker, around its Worker machine. The object stays when the
/// process dies, so that user code that is being unwound can still call it; the machine goes.
class SimProcess : public worker::Process {
 public:
  struct Setup {
    WorkerId id;
    NodeIndex node = 0;
    NodeId node_id;
    std::uint32_t pid = 0;
    Language language = Language::kPython;
    bool is_driver = false;
  };

  SimProcess(ProcessHost& host, const Setup& setup, const worker::Options& options,
             std::shared_ptr<StoreMemory> store);

  // worker::Process
  [[nodiscard]] const WorkerRegistered& Identity() const override;
  worker::RequestId NextRequest() override { return next_request_++; }
  void Post(worker::Event event) override { host_.PostTo(*this, std::move(event)); }
  worker::Completion Await(worker::RequestId request) override {
    return host_.AwaitIn(*this, request);
  }
  std::optional<std::vector<worker::FetchedValue>> Peek(
      const std::vector<ObjectId>& objects) const override {
    return IsAlive() ? machine_->Peek(objects) : std::nullopt;
  }
  std::byte* StoreAt(std::uint64_t offset, std::uint64_t size) override {
    return store_->At(offset, size);
  }
  [[nodiscard]] Instant Now() const override { return host_.TimeAt(*this); }
  void Sleep(Duration span) override { host_.SleepIn(*this, span); }

  // The world's side
  [[nodiscard]] const Setup& About() const { return setup_; }
  [[nodiscard]] bool IsAlive() const { return machine_ != nullptr; }
  /// REQUIRES: alive.
  [[nodiscard]] worker::Worker& Machine() const { return *machine_; }
  [[nodiscard]] Address Self() const { return Address{setup_.node_id, setup_.id}; }
  void Register(const WorkerRegistered& identity) { identity_ = identity; }
  void Die();
  /// Keeps account of what the user code waits for and runs, from what it posts.
  void NotePosted(const worker::Event& event);
  void NoteAnswered(worker::RequestId request) { requests_.erase(request); }
  /// A task was pushed to it.
  void NoteArrived(const TaskSpec& spec, Instant now);
  /// When that was; `now` where a later task took its place in the table, as on a real host.
  [[nodiscard]] Instant ArrivalOf(const TaskSpec& spec, Instant now) const;
  /// The machine handed out a task; it starts when its cost has passed.
  void NoteAssigned(const TaskSpec& spec) { assigned_.emplace(spec.task, spec.header->name); }
  void NoteStarted(const TaskSpec& spec);
  /// The name under which it runs a task that was handed out; empty when it does not.
  [[nodiscard]] std::string NameOfTask(TaskId task) const;
  /// Not before the task's own start: the hub could not know what to interrupt.
  void InterruptOnStart(TaskId task) { interrupted_.insert(task); }
  /// Whether that was asked for; forgets it.
  bool TakeInterrupt(TaskId task) { return interrupted_.erase(task) > 0; }
  [[nodiscard]] bool IsAssigned(TaskId task) const { return assigned_.contains(task); }
  /// Tasks handed out that have not ended.
  [[nodiscard]] std::size_t TaskCount() const { return assigned_.size() + running_.size(); }
  [[nodiscard]] bool IsBusy() const { return TaskCount() > 0 || !actor_class_.empty(); }
  /// Whether a task of this name was handed to it, or it is an actor of this class.
  [[nodiscard]] bool Runs(const std::string& name) const;
  /// Empty when it is no actor.
  [[nodiscard]] const std::string& ActorClass() const { return actor_class_; }
  /// Whether the actor's constructor has returned.
  [[nodiscard]] bool IsActorUp() const { return actor_is_up_; }
  void NoteActorUp() { actor_is_up_ = true; }
  /// One line for each wait of its user code and each task it submitted that has not finished.
  [[nodiscard]] std::vector<std::string> Waits(const std::string& node_name) const;

 private:
  struct Arrival {
    TaskId task;
    Instant time;
  };
  static constexpr std::size_t kArrivals = 256;

  ProcessHost& host_;
  const Setup setup_;
  std::unique_ptr<worker::Worker> machine_;
  std::shared_ptr<StoreMemory> store_;
  WorkerRegistered identity_;
  worker::RequestId next_request_ = 1;
  /// Posted and not answered: what is waited for.
  std::map<worker::RequestId, worker::Event> requests_;
  /// With their names. More than one attempt of a task may be here.
  std::multimap<TaskId, std::string> assigned_;
  std::multimap<TaskId, std::string> running_;
  std::set<TaskId> interrupted_;
  /// By the id's last bits; empty until the first arrives.
  std::vector<Arrival> arrivals_;
  std::string actor_class_;
  bool actor_is_up_ = false;
};

}  // namespace mobula::sim
