// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "faults/injector.h"
#include "sim/occurrence.h"

namespace mobula::sim {

/// What stands still, and what is due there meanwhile: it waits here and happens, in order, when
/// the pause is over.
class Pauses {
 public:
  void PauseNode(faults::FaultId id, NodeIndex node) { paused_[id].node = node; }
  void PauseProcess(faults::FaultId id, NodeIndex node, WorkerId process);
  /// Returns what waited. Nothing when the pause is over already.
  std::vector<Occurrence> Resume(faults::FaultId id);
  /// The node crashed: its pauses are over. Returns what waited, for the dead to ignore.
  std::vector<Occurrence> Forget(NodeIndex node);
  /// Takes the occurrence when its place stands still.
  bool Hold(Occurrence& occurrence);
  [[nodiscard]] bool IsEmpty() const { return paused_.empty(); }

 private:
  struct Pause {
    NodeIndex node = 0;
    /// Nil for the whole node.
    WorkerId process;
    std::vector<Occurrence> held;
  };
  std::map<faults::FaultId, Pause> paused_;
};

}  // namespace mobula::sim
