// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mobula::worker {

/// How a worker ended, or a node with all its workers, as its tasks are told.
struct Death {
  std::string reason;
  bool of_node = false;
  /// The worker left in order: what it had not answered it had not started.
  bool intended = false;
  /// The memory of its node ran out.
  bool out_of_memory = false;
};

}  // namespace mobula::worker
