// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/context/fiber.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/stack_pool.h"
#include "sim/stack_switch.h"
#include "sim/world.h"

namespace mobula::sim {

/// The C++ code that a simulated cluster runs.
struct FiberProgram {
  /// A driver's program.
  std::function<void(worker::Process&)> driver;
  /// Runs one task to its end and posts `TaskExecuted`.
  std::function<void(worker::Process&, worker::RunTask)> task;
  /// The process is dead and its fibers are unwound: drop what belongs to it. May be empty.
  std::function<void(worker::Process&)> forget;
};

/// Runs C++ programs in a World: every driver program and every task on a fiber of its own. A
/// blocking call switches to the hub, which goes on with the world; the death of a process unwinds
/// its fibers (their destructors run, their code does not go on).
///
/// Interrupts are ignored: nothing can be raised in C++ code that does not ask for it.
class FiberHub : private Blocker {
 public:
  /// `world` must outlive the hub.
  FiberHub(World& world, FiberProgram program);
  ~FiberHub() override;
  FiberHub(const FiberHub&) = delete;
  FiberHub& operator=(const FiberHub&) = delete;

  /// Starts a driver and runs the world until its program has ended. Empty on success; otherwise
  /// what everyone waits for: the program is deadlocked, or (one line) its process died.
  std::vector<std::string> RunDriver(DriverOptions options);
  /// Runs the world until nothing happens by itself any more.
  void Settle();
  /// Runs it for so long, or until nothing happens any more.
  void RunFor(Duration span);
  /// For a hub of another language that steps the world itself: does what concerns C++ workers.
  /// False, and nothing is done, for everything else.
  bool ActForWorkers(HubAction& action);
  /// The cluster was stopped: nothing that runs here goes on.
  void UnwindAll();
  /// Calls `what` at that time from now, between two events, while the world runs.
  void After(Duration span, std::function<void()> what);

  /// Warnings and worker output for the drivers, in order.
  std::function<void(const std::string&)> on_notice;
  /// Every action of the world, before it is done. It may inject faults.
  std::function<void(const HubAction&)> on_action;

 private:
  struct Fiber {
    std::uint64_t id = 0;
    WorkerId process;
    /// Where to go on; empty while it runs.
    boost::context::fiber code;
    bool over = false;
    StackBounds stack;
    /// Of the sanitizer, while it is suspended.
    void* saved = nullptr;
  };
  /// What a suspended fiber waits for: a request of its process, or a sleep (nil process).
  using WaitKey = std::pair<WorkerId, std::uint64_t>;

  worker::Completion Await(WorkerId process, RequestId request) override;
  void Sleep(WorkerId process, Duration span) override;

  /// Runs `code` on a new fiber until it first blocks or ends.
  void Start(WorkerId process, std::function<void()> code);
  /// Until it blocks or ends; then it is gone.
  void Resume(Fiber& fiber);
  /// Gives control back to the hub; returns when resumed.
  void Suspend(WaitKey key);
  /// Resumes whoever waits there. Nothing when it was unwound.
  void Wake(WaitKey key);
  void Unwind(WorkerId process);
  /// Ends what runs in a dead process, and has the program drop what belongs to it.
  void Bury(WorkerId process);
  void Act(HubAction& action);

  World& world_;
  FiberProgram program_;
  /// Outlives the fibers.
  StackPool stacks_;
  std::map<std::uint64_t, std::unique_ptr<Fiber>> fibers_;
  std::uint64_t next_fiber_ = 1;
  /// C++ workers, of those that `ActForWorkers` was told of.
  std::set<WorkerId> workers_;
  /// Where code ran of which the program may remember something.
  std::set<WorkerId> inhabited_;
  std::map<WaitKey, Fiber*> waiting_;
  std::map<SleepId, std::function<void()>> alarms_;
  /// The answer for the fiber that is being resumed.
  std::optional<worker::Completion> answer_;
  /// While a fiber runs: it, and the hub's own context.
  Fiber* running_ = nullptr;
  boost::context::fiber hub_;
  StackBounds hub_stack_;
  /// The driver `RunDriver` is about.
  WorkerId driver_;
  bool driver_over_ = false;
  std::string driver_death_;
};

}  // namespace mobula::sim
