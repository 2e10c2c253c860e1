// SPDX-License-Identifier: Apache-2.0
#include "sim/fiber_hub.h"

#include <boost/context/preallocated.hpp>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_join.h"
#include "runtime/base/check.h"
#include "sim/overloaded.h"

namespace mobula::sim {
namespace {

// Of one fiber. Pages cost memory only when they are touched.
constexpr std::size_t kStackBytes = 256 * 1024;

}  // namespace

FiberHub::FiberHub(World& world, FiberProgram program)
    : world_(world), program_(std::move(program)), stacks_(kStackBytes) {
  world_.SetBlocker(this);
}

FiberHub::~FiberHub() {
  // What is still suspended is unwound; the processes go first, so that nothing it does has an
  // effect.
  world_.StopCluster();
  UnwindAll();
  world_.SetBlocker(nullptr);
}

void FiberHub::UnwindAll() {
  while (!inhabited_.empty()) Bury(*inhabited_.begin());
  workers_.clear();
}

std::vector<std::string> FiberHub::RunDriver(DriverOptions options) {
  driver_over_ = false;
  driver_death_.clear();
  driver_ = world_.AddDriver(std::move(options));
  while (!driver_over_) {
    HubAction action = world_.Step();
    if (const auto* idle = std::get_if<Idle>(&action)) {
      std::vector<std::string> waits{"nothing happens any more, but the driver has not ended"};
      waits.insert(waits.end(), idle->waits.begin(), idle->waits.end());
      return waits;
    }
    Act(action);
  }
  if (!driver_death_.empty()) return {driver_death_};
  world_.EndProcess(driver_, "its program is over");
  Bury(driver_);
  return {};
}

void FiberHub::Settle() {
  for (;;) {
    HubAction action = world_.Step();
    if (std::holds_alternative<Idle>(action)) return;
    Act(action);
  }
}

void FiberHub::RunFor(Duration span) {
  bool over = false;
  After(span, [&over] { over = true; });
  while (!over) {
    HubAction action = world_.Step();
    if (std::holds_alternative<Idle>(action)) return;
    Act(action);
  }
}

void FiberHub::After(Duration span, std::function<void()> what) {
  alarms_.emplace(world_.StartSleep(WorkerId{}, span), std::move(what));
}

bool FiberHub::ActForWorkers(HubAction& action) {
  if (const auto* ready = std::get_if<ProcessReady>(&action)) {
    if (ready->language == Language::kCpp && !ready->is_driver) workers_.insert(ready->process);
  }
  const bool is_ours = std::visit(
      [&]<class Action>(const Action& about) {
        if constexpr (requires { about.process; }) return workers_.contains(about.process);
        return false;
      },
      action);
  if (!is_ours) return false;
  Act(action);
  if (const auto* dead = std::get_if<ProcessDead>(&action)) workers_.erase(dead->process);
  if (const auto* left = std::get_if<LeaveProcess>(&action)) workers_.erase(left->process);
  return true;
}

void FiberHub::Act(HubAction& action) {
  if (on_action) on_action(action);
  const auto notice = [this](const std::string& text) {
    if (on_notice) on_notice(text);
  };
  std::visit(Overloaded{
                 [&](ProcessReady& ready) {
                   if (!ready.is_driver) return;
                   Start(ready.process, [this, process = ready.process] {
                     program_.driver(world_.ProcessOf(process));
                     if (process == driver_) driver_over_ = true;
                   });
                 },
                 [&](RunTask& run) {
                   Start(run.process,
                         [this, process = run.process, task = std::move(run.run)]() mutable {
                           program_.task(world_.ProcessOf(process), std::move(task));
                         });
                 },
                 [&](Completed& completed) {
                   answer_ = std::move(completed.completion);
                   Wake({completed.process, completed.request});
                   answer_.reset();
                 },
                 [&](SleepOver& over) {
                   if (auto alarm = alarms_.extract(over.sleep)) return alarm.mapped()();
                   Wake({WorkerId{}, over.sleep});
                 },
                 [&](InterruptTask&) {},
                 [&](LeaveProcess& leave) {
                   world_.EndProcess(leave.process, leave.reason);
                   Bury(leave.process);
                 },
                 [&](ProcessDead& dead) {
                   Bury(dead.process);
                   if (dead.process != driver_) return;
                   driver_over_ = true;
                   driver_death_ = "the driver died: " + dead.reason;
                 },
                 [&](Warned& warned) { notice(warned.message); },
                 [&](ErrorUnhandled&) {},
                 [&](LogsShown& shown) { notice(absl::StrJoin(shown.logs.lines, "\n")); },
                 [&](Idle&) {},
                 [&](Paused&) {},
             },
             action);
}

void FiberHub::Start(WorkerId process, std::function<void()> code) {
  inhabited_.insert(process);
  const std::uint64_t id = next_fiber_++;
  Fiber& fiber = *fibers_.emplace(id, std::make_unique<Fiber>()).first->second;
  fiber.id = id;
  fiber.process = process;
  const boost::context::stack_context stack = stacks_.Take();
  fiber.stack = {static_cast<char*>(stack.sp) - stack.size, stack.size};
  PrepareStack(fiber.stack);
  fiber.code = boost::context::fiber(
      std::allocator_arg, boost::context::preallocated(stack.sp, stack.size, stack),
      StackPool::Allocator(stacks_),
      [this, &fiber, code = std::move(code)](boost::context::fiber&& hub) mutable {
        hub_stack_ = EndStackSwitch(nullptr);
        // Last of all, also when the fiber is unwound: it leaves its stack for ever.
        const auto leave = absl::MakeCleanup([this] { BeginStackSwitch(nullptr, hub_stack_); });
        hub_ = std::move(hub);
        code();
        // What the code captured goes while its process may still be told.
        code = nullptr;
        fiber.over = true;
        return std::move(hub_);
      });
  Resume(fiber);
}

void FiberHub::Resume(Fiber& fiber) {
  CHECK(running_ == nullptr) << "a fiber was resumed from within another";
  running_ = &fiber;
  void* saved = nullptr;
  BeginStackSwitch(&saved, fiber.stack);
  boost::context::fiber rest = std::move(fiber.code).resume();
  EndStackSwitch(saved);
  running_ = nullptr;
  fiber.code = std::move(rest);
  if (fiber.over) fibers_.erase(fiber.id);
}

void FiberHub::Suspend(WaitKey key) {
  CHECK(running_ != nullptr) << "only a fiber can block";
  Fiber& fiber = *running_;
  waiting_.emplace(key, &fiber);
  BeginStackSwitch(&fiber.saved, hub_stack_);
  // Also when the fiber is unwound, which throws out of `resume`.
  const auto back = absl::MakeCleanup([&] { hub_stack_ = EndStackSwitch(fiber.saved); });
  hub_ = std::move(hub_).resume();
}

void FiberHub::Wake(WaitKey key) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  Fiber& fiber = *found->second;
  waiting_.erase(found);
  Resume(fiber);
}

void FiberHub::Unwind(WorkerId process) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second->process == process; });
  for (auto entry = fibers_.begin(); entry != fibers_.end();) {
    Fiber& fiber = *entry->second;
    if (fiber.process != process) {
      ++entry;
      continue;
    }
    void* saved = nullptr;
    BeginStackSwitch(&saved, fiber.stack);
    // Destroying a suspended fiber throws through its frames.
    fiber.code = {};
    EndStackSwitch(saved);
    entry = fibers_.erase(entry);
  }
}

void FiberHub::Bury(WorkerId process) {
  Unwind(process);
  if (inhabited_.erase(process) > 0 && program_.forget) program_.forget(world_.ProcessOf(process));
}

worker::Completion FiberHub::Await(WorkerId process, RequestId request) {
  Suspend({process, request});
  CHECK(answer_.has_value());
  worker::Completion answer = std::move(*answer_);
  answer_.reset();
  return answer;
}

void FiberHub::Sleep(WorkerId process, Duration span) {
  Suspend({WorkerId{}, world_.StartSleep(process, span)});
}

}  // namespace mobula::sim
