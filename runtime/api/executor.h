// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "runtime/api/context.h"

namespace mobula::api {

/// Thrown by `ExitActor` through the method that calls it. No std::exception, which methods catch.
struct ActorExit {};

/// Runs a task of this library in the process of `session`, and posts `TaskExecuted`. An exception
/// of the function becomes the task's result; so does an argument that is an error.
void ExecuteTask(const std::shared_ptr<Session>& session, worker::RunTask run);

/// Posts `TaskExecuted` of a task that nobody here can run: it fails with that text.
void RefuseTask(worker::Process& process, const TaskSpec& spec, const std::string& reason);

}  // namespace mobula::api
