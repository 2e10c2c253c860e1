// SPDX-License-Identifier: Apache-2.0
/// What the owner and the executor of a generator say to each other while it runs.
///
///   owner                      executor
///     |--PushTask---------------->|  header.stream says that it is a generator
///     |<--StreamItem(1)-----------|  as they are made, in order, before the answer
///     |--StreamProgress(taken)--->|  with a limit only, for each item taken
///     |<--StreamItem(2)-----------|
///     |--StreamProgress(unwanted)>|  the generator was dropped: it is closed at its next item
///     |<--TaskDone----------------|  return 0: how it ended
///
/// Item i is return i of the task in every attempt, so what an attempt repeats is recognised.
#pragma once

#include "runtime/core/protocol/task_spec.h"

namespace mobula {

/// Executor to owner: one more item.
struct StreamItem {
  TaskId task;
  std::uint32_t attempt = 0;
  TaskResult item;
  MOBULA_FIELDS(StreamItem, task, attempt, item)
};
/// Owner to executor.
struct StreamProgress {
  TaskId task;
  std::uint32_t attempt = 0;
  /// Items that nobody need wait for any more.
  std::uint32_t taken = 0;
  /// No further item is wanted: the generator ends at its next one.
  bool unwanted = false;
  MOBULA_FIELDS(StreamProgress, task, attempt, taken, unwanted)
};
/// Owner to raylet: a worker of this node died that ran the task. Nobody has heard, nor will, of
/// items from `first` on that it sealed.
struct FreeItems {
  TaskId task;
  std::uint32_t first = 0;
  MOBULA_FIELDS(FreeItems, task, first)
};

}  // namespace mobula
