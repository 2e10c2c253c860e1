// SPDX-License-Identifier: Apache-2.0
/// Runs C++ code in a process of mobula: the entry points of this layer.
#pragma once

#include <functional>

#include "runtime/core/worker/process.h"

namespace mobula::api {

/// Runs `program` as the driver of this process. Returns what it returns; what it throws is written
/// to standard error, and 1 returned.
int RunAsDriver(worker::Process& process, const std::function<int()>& program);

/// Runs a task of this library in this process and posts `TaskExecuted`.
void RunTaskIn(worker::Process& process, worker::RunTask run);

/// The process is gone: drops what belongs to it.
void ForgetProcess(worker::Process& process);

}  // namespace mobula::api
