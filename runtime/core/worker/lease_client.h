// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/worker/dispatcher.h"
#include "runtime/core/worker/task_queue.h"
#include "runtime/core/worker/views.h"
#include "runtime/core/worker/watch_list.h"

namespace mobula::worker {

/// Gets workers for normal tasks and keeps them busy. Tasks that can share a worker form a
/// scheduling class: same resources, strategy, language, environment and function. View: one
/// process's.
///
/// State of a lease | meaning                                              | leaves by
/// open             | takes tasks up to the class's depth                  | its worker blocks, is
///                  |                                                      | reclaimed, idle or
///                  dead
/// blocked          | its worker gave tasks back, and takes none           | the next TaskDone
/// reclaimed        | finishes what it has                                 | being empty: returned
/// idle             | open, nothing to do; kept for lease_linger           | a task, or the timer
///
/// A class never has more requests under way than tasks in its queue; a grant it has no use for
/// goes back.
class LeaseClient {
 public:
  LeaseClient(Context& context, WatchList& watch_list, Dispatcher& dispatcher)
      : context_(context), watch_list_(watch_list), dispatcher_(dispatcher) {}

  /// Queues a ready task; `order` is its place among the tasks of this process.
  void Enqueue(TaskId task, const TaskSpec& spec, std::uint64_t order);
  /// A queued task is wanted no more. Nothing when it is not queued.
  void Remove(const TaskSpec& spec, std::uint64_t order);
  /// The worker answered a task.
  void Finished(const Address& worker, TaskId task, Duration run_time);
  /// The worker gave a task back that it had not started.
  void Returned(const Address& worker, TaskId task);
  /// Pushes and requests what the events so far call for.
  void Pump();

  void OnGranted(const Address& source, const LeaseGranted& message);
  void OnSpilled(const LeaseSpilled& message);
  void OnRefused(const LeaseRefused& message);
  void OnInfeasible(const LeaseInfeasible& message);
  void OnReclaimed(const ReclaimLease& message);
  void OnLinger(std::uint64_t timer);
  /// Drops the leases of dead workers, and asks elsewhere for what a dead node was asked for.
  /// Returns the tasks that were there, in no special order.
  std::vector<TaskId> ForgetDead();
  /// Of `worker`, or nothing.
  [[nodiscard]] bool HasLease(const Address& worker) const { return by_worker_.contains(worker); }
  [[nodiscard]] std::vector<LeaseView> Leases() const;
  [[nodiscard]] std::vector<LeaseRequestView> Requests() const;
  void CheckInvariants() const;

 private:
  using ClassKey =
      std::tuple<FunctionId, std::string, Language, std::string, ResourceSet, SchedulingStrategy>;
  /// The same, in the header: a class that is known is found without copying its key.
  using KeyView = std::tuple<const FunctionId&, const std::string&, const Language&,
                             const std::string&, const ResourceSet&, const SchedulingStrategy&>;
  struct Lease {
    std::size_t scheduling_class = 0;
    Address worker;
    NodeId raylet;
    /// Their numbers.
    std::vector<std::uint32_t> gpus;
    /// In the order of their pushes, which is mostly that of their answers.
    std::deque<TaskId> in_flight;
    bool blocked = false;
    bool reclaimed = false;
    Instant idle_since;
    /// A linger timer is running; 0 for none.
    std::uint64_t timer = 0;

    [[nodiscard]] bool IsOpen() const { return !blocked && !reclaimed; }
  };
  using LeaseEntry = std::map<LeaseId, Lease>::iterator;
  struct Request {
    NodeId raylet;
    RequestLease message;
  };
  struct Class {
    TaskQueue queue;
    std::map<std::uint64_t, Request> requests;
    /// Leases that take tasks, least loaded first; of the same load, by their ids.
    std::vector<LeaseEntry> open;
    /// Moving average; nothing before the first task has run.
    std::optional<Duration> run_time;
    bool warned = false;
    bool dirty = false;
  };

  static KeyView KeyOf(const TaskHeader& header);
  static std::pair<std::size_t, LeaseId> KeyInOrder(LeaseEntry lease) {
    return {lease->second.in_flight.size(), lease->first};
  }
  /// Nothing when the class is new.
  std::optional<std::size_t> FindClass(const TaskSpec& spec);
  void MarkDirty(std::size_t index);
  void PumpClass(std::size_t index);
  [[nodiscard]] std::size_t DepthOf(const Class& state) const;
  void BalanceRequests(Class& state);
  void RequestOne(Class& state);
  void CancelOne(Class& state);
  /// Whether the lease had the task.
  bool TakeOut(LeaseEntry lease, TaskId task);
  /// Lists the lease among the open ones if it takes tasks, or takes it off.
  void Open(LeaseEntry lease);
  void Close(LeaseEntry lease);
  void SetBlocked(LeaseEntry lease, bool blocked);
  /// Its place among the open ones, or where it would be.
  std::vector<LeaseEntry>::iterator PlaceOf(LeaseEntry lease);
  /// The load of the lease at this place has changed.
  void Sift(std::vector<LeaseEntry>& open, std::vector<LeaseEntry>::iterator place);
  /// Returns a reclaimed lease that is empty, starts the linger timer of an idle one.
  void Rest(LeaseEntry lease);
  void Return(LeaseEntry lease);
  void Drop(LeaseEntry lease);
  Class* FindRequest(std::uint64_t request);

  Context& context_;
  WatchList& watch_list_;
  Dispatcher& dispatcher_;
  std::map<ClassKey, std::size_t, std::less<>> class_index_;
  /// Most tasks have the header of the one before, and with it its class.
  struct {
    Shared<TaskHeader> header;
    std::size_t index = 0;
  } last_;
  std::vector<Class> classes_;
  /// Classes in which something changed in this event.
  std::vector<std::size_t> dirty_;
  std::map<LeaseId, Lease> leases_;
  std::map<Address, LeaseEntry> by_worker_;
  /// Requests under way: to their class.
  std::map<std::uint64_t, std::size_t> requests_;
  std::map<std::uint64_t, LeaseId> timers_;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_timer_ = 0;
};

}  // namespace mobula::worker
