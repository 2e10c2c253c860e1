// SPDX-License-Identifier: Apache-2.0
#include "sim/pauses.h"

#include <optional>
#include <utility>

namespace mobula::sim {
namespace {

/// Where something is due. Nothing for what is the world's own: faults, nodes that start, sleeps of
/// the hub.
struct WhereDue {
  std::optional<NodeIndex> node;
  WorkerId process;
};

WhereDue Of(const NodeInput& input) { return {input.node, {}}; }
WhereDue Of(const ProcessInput& input) {
  return {input.process->About().node, input.process->About().id};
}
WhereDue Of(const NodeStart&) { return {}; }
WhereDue Of(const ProcessStart& start) { return {start.setup.node, start.setup.id}; }
WhereDue Of(const FrameArrival& arrival) { return {arrival.target, {}}; }
WhereDue Of(const ChunkArrival& arrival) { return {arrival.target, {}}; }
WhereDue Of(const TaskStart& start) {
  return {start.process->About().node, start.process->About().id};
}
WhereDue Of(const SleepEnd& end) { return {end.node, end.process}; }
WhereDue Of(const FaultAlarm&) { return {}; }
WhereDue Of(const DiskWriteEnd& end) { return {end.node, {}}; }
WhereDue Of(const TransferEnd& end) { return {end.node, {}}; }
/// On the head.
WhereDue Of(const GcsDown&) { return {}; }
WhereDue Of(const GcsStart&) { return {NodeIndex{0}, {}}; }

}  // namespace

void Pauses::PauseProcess(faults::FaultId id, NodeIndex node, WorkerId process) {
  paused_[id] = Pause{node, process, {}};
}

std::vector<Occurrence> Pauses::Resume(faults::FaultId id) {
  const auto found = paused_.find(id);
  if (found == paused_.end()) return {};
  std::vector<Occurrence> held = std::move(found->second.held);
  paused_.erase(found);
  return held;
}

std::vector<Occurrence> Pauses::Forget(NodeIndex node) {
  std::vector<Occurrence> held;
  for (auto pause = paused_.begin(); pause != paused_.end();) {
    if (pause->second.node != node) {
      ++pause;
      continue;
    }
    for (Occurrence& occurrence : pause->second.held) held.push_back(std::move(occurrence));
    pause = paused_.erase(pause);
  }
  return held;
}

bool Pauses::Hold(Occurrence& occurrence) {
  const WhereDue where = std::visit([](const auto& what) { return Of(what); }, occurrence.what);
  if (!where.node) return false;
  for (auto& [id, pause] : paused_) {
    if (pause.node != *where.node) continue;
    if (!pause.process.IsNil() && pause.process != where.process) continue;
    pause.held.push_back(std::move(occurrence));
    return true;
  }
  return false;
}

}  // namespace mobula::sim
