// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/failure_log.h"

#include "runtime/base/check.h"

namespace mobula::worker {

void FailureLog::Add(const TaskSpec& spec, const Payload& payload) {
  CHECK(payload.kind != PayloadKind::kValue) << "task " << spec.task << " has not failed";
  if (tasks_.size() == kKept) tasks_.pop_front();
  tasks_.push_back({++count_, spec.task, spec.header->name, spec.attempt, payload});
}

}  // namespace mobula::worker
