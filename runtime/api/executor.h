// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/api/context.h"

namespace mobula::api {

/// Runs a task of this library in the process of `session`, and posts `TaskExecuted`. An exception
/// of the function becomes the task's result; so does an argument that is an error.
void ExecuteTask(const std::shared_ptr<Session>& session, worker::RunTask run);

}  // namespace mobula::api
