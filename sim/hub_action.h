// SPDX-License-Identifier: Apache-2.0
/// What the simulated world asks of the hub, which runs user code (Python greenlets, C++ fibers).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/core/worker/events.h"
#include "runtime/core/worker/process.h"

namespace mobula::sim {

using worker::RequestId;
/// Names one sleep of the whole world.
using SleepId = std::uint64_t;

/// The process is a member: a driver's program may start (or go on from `init`); a worker may
/// prepare. The first action about a process.
struct ProcessReady {
  WorkerId process;
  bool is_driver = false;
  WorkerRegistered identity;
  std::string node_name;
  std::uint32_t pid = 0;
  Language language = Language::kPython;
};

/// Run a task there; when it ends, post `TaskExecuted`. Its cost in virtual time has passed.
struct RunTask {
  WorkerId process;
  worker::RunTask run;
  /// When it was pushed to the process.
  Instant arrived;
};

/// A blocking request is answered: let its caller go on.
struct Completed {
  WorkerId process;
  RequestId request = 0;
  worker::Completion completion;
};

/// `StartSleep`'s time is over.
struct SleepOver {
  /// Nil for a sleep of the hub itself.
  WorkerId process;
  SleepId sleep = 0;
};

/// Raise an interrupt in a running task. Its `RunTask` came before; the task may have ended since.
struct InterruptTask {
  WorkerId process;
  TaskId task;
};

/// The process is to leave: run what it does at its end, then say `World::EndProcess`. It goes on
/// until then, or until it is killed.
struct LeaveProcess {
  WorkerId process;
  std::string reason;
};

/// The process is gone. Its user code must be unwound before the next `Step`: nothing that it does
/// has any effect any more (posts are dropped, its requests and sleeps are never answered). The
/// last action about a process.
struct ProcessDead {
  WorkerId process;
  bool is_driver = false;
  std::string reason;
};

/// For the user of a driver: infeasible resources, a lost node.
struct Warned {
  WorkerId process;
  std::string message;
};

/// For the user of a driver: an error went without anybody having looked at it.
struct ErrorUnhandled {
  WorkerId process;
  Payload value;
};

/// Lines that workers wrote, for a driver to show.
struct LogsShown {
  WorkerId process;
  LogLines logs;
};

/// Nothing will happen any more by itself. With a driver that has not ended this is a deadlock.
struct Idle {
  /// One line for each wait: a process in `get`, a pending task and what it waits for.
  std::vector<std::string> waits;
};

/// What is due next has not happened yet: only after `World::PauseBeforeEvents`.
struct Paused {};

using HubAction =
    std::variant<ProcessReady, RunTask, Completed, SleepOver, InterruptTask, LeaveProcess,
                 ProcessDead, Warned, ErrorUnhandled, LogsShown, Idle, Paused>;

}  // namespace mobula::sim
