// SPDX-License-Identifier: Apache-2.0
/// The life of a C++ worker process, for main() of `mobula_cpp_worker`.
#pragma once

#include <functional>

#include "runtime/core/worker/process.h"

namespace mobula::host {

/// Called once, when the process is a member of the cluster.
using StartHandler = std::function<void(worker::Process& process)>;
/// Runs one task to its end and posts `TaskExecuted` to the process. The calls of an actor with
/// max_concurrency above one come from several threads.
using TaskHandler = std::function<void(worker::Process& process, worker::RunTask task)>;

/// Connects as the arguments say (`--socket=NAME --worker=HEX`, which the daemon appends to its
/// `--cpp-worker-command`; others are left to the caller), then runs tasks until told to exit.
/// Returns the exit code; errors are written to standard error.
int RunWorkerProcess(int argc, char** argv, const StartHandler& start, const TaskHandler& handler);

}  // namespace mobula::host
