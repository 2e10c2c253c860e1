// SPDX-License-Identifier: Apache-2.0
/// Goal: tasks leave in the order of their numbers, however they came. Method: against std::map,
/// through random additions and removals; mostly short, as the queue is.
#include "runtime/core/worker/task_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/rng.h"

namespace mobula::worker {
namespace {

void CompareWithModel(std::uint64_t numbers, std::uint64_t seed) {
  Rng rng(seed);
  TaskQueue queue;
  std::map<std::uint64_t, TaskId> model;
  for (std::uint64_t step = 1; step <= 2000; ++step) {
    const std::uint64_t order = rng.Below(numbers);
    const TaskId task{0, step};
    if (rng.Below(3) == 0) {
      EXPECT_EQ(queue.Add(order, task), model.emplace(order, task).second);
    } else if (rng.Below(2) == 0) {
      EXPECT_EQ(queue.Remove(order), model.erase(order) > 0);
    } else if (!model.empty()) {
      EXPECT_EQ(queue.Front(), model.begin()->second);
      EXPECT_EQ(queue.TakeFront(), model.begin()->second);
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
  }
}

TEST(TaskQueue, LetsTasksGoInOrder) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CompareWithModel(3, seed);
    CompareWithModel(50, seed);
  }
}

}  // namespace
}  // namespace mobula::worker
