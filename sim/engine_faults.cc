// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/engine.h"

namespace mobula::sim {
namespace {

/// The process an action is about; nil for none.
WorkerId ProcessOf(const HubAction& action) {
  return std::visit(
      []<class Action>(const Action& one) {
        if constexpr (std::is_same_v<Action, Idle> || std::is_same_v<Action, Paused>) {
          return WorkerId{};
        } else {
          return one.process;
        }
      },
      action);
}

}  // namespace

void Engine::Note(Place place, const std::string& text) {
  trace_.RecordWorld(now_, place, "Note", text);
  report_.lines.push_back({now_, text});
}

void Engine::EndProcess(SimProcess& process, const std::string& reason, bool tell_hub) {
  if (!process.IsAlive()) return;
  const SimProcess::Setup about = process.About();
  trace_.RecordWorld(now_, {about.node, about.id}, "ProcessEnd", reason);
  process.Die();
  std::erase_if(actions_, [&](const HubAction& action) { return ProcessOf(action) == about.id; });
  if (tell_hub) actions_.push_back(ProcessDead{about.id, about.is_driver, reason});
  ToNode(about.node, options_.timing.local_hop, raylet::ProcessExited{about.id, reason});
}

void Engine::CrashProcess(SimProcess& process, const std::string& reason) {
  if (!process.IsAlive()) return;
  ++report_.worker_crashes;
  report_.tasks_lost += process.TaskCount();
  const SimProcess::Setup& about = process.About();
  Note({about.node, about.id}, absl::StrCat("worker pid ", about.pid, " on ",
                                            nodes_[about.node].name, " crashed: ", reason));
  EndProcess(process, reason, true);
}

void Engine::KillProcess(NodeIndex node, const raylet::KillProcess& kill) {
  if (nodes_[node].starting.erase(kill.worker) > 0) {
    ToNode(node, options_.timing.local_hop, raylet::ProcessExited{kill.worker, kill.reason});
    return;
  }
  SimProcess* process = FindProcess(kill.worker);
  if (process != nullptr && process->About().node == node) EndProcess(*process, kill.reason, true);
}

absl::Status Engine::RemoveNode(const std::string& name) {
  const auto index = IndexOf(name);
  if (!index.ok()) return index.status();
  if (*index == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is the head, which holds the GCS; it cannot leave"));
  }
  if (nodes_[*index].Runs()) ToNode(*index, {}, raylet::StopRequested{"it was removed"});
  return absl::OkStatus();
}

void Engine::Carry(faults::FaultId, const faults::CrashNode& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  SimNode& node = nodes_[index];
  if (!node.Runs()) {
    Note({index, {}}, absl::StrCat(fault.node, " should crash but does not run"));
    return;
  }
  ++report_.node_crashes;
  NoteLosses(index);
  node.host_answers = !fault.silent;
  if (!fault.silent) ResetConnections(index);
  StopNode(index, absl::StrCat("its node ", fault.node, " crashed"), true);
}

void Engine::Carry(faults::FaultId, const faults::RestartNode& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  if (nodes_[index].Runs()) return;
  ++report_.node_restarts;
  Note({index, {}}, absl::StrCat(fault.node, " restarts"));
  Push(now_ + NodeStartSpan(index), {NodeStart{index}, true});
}

SimProcess* Engine::FindVictim(NodeIndex node, const std::string& running) {
  SimProcess* victim = nullptr;
  for (const WorkerId id : Processes()) {
    SimProcess& process = Get(id);
    if (process.About().node != node || process.About().is_driver) continue;
    if (!running.empty() && !process.Runs(running)) continue;
    if (victim == nullptr || (process.IsBusy() && !victim->IsBusy())) victim = &process;
  }
  return victim;
}

void Engine::Carry(faults::FaultId, const faults::CrashWorker& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  SimProcess* victim = FindVictim(index, fault.running);
  if (victim == nullptr) {
    Note({index, {}}, absl::StrCat("a worker on ", fault.node, " should crash but there is none"));
    return;
  }
  CrashProcess(*victim, "killed by the fault plan");
}

// Conditions: they last until EndFault

void Engine::Carry(faults::FaultId id, const faults::PauseNode& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  if (!nodes_[index].Runs()) return;
  Note({index, {}}, absl::StrCat(fault.node, " stands still"));
  pauses_.PauseNode(id, index);
}

void Engine::Carry(faults::FaultId id, const faults::PauseWorker& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  const SimProcess* victim = FindVictim(index, fault.running);
  if (victim == nullptr) {
    Note({index, {}},
         absl::StrCat("a worker on ", fault.node, " should stand still but there is none"));
    return;
  }
  const SimProcess::Setup& about = victim->About();
  Note({index, about.id},
       absl::StrCat("worker pid ", about.pid, " on ", fault.node, " stands still"));
  pauses_.PauseProcess(id, index, about.id);
}

void Engine::Carry(faults::FaultId id, const faults::SlowCpu& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  Note({index, {}},
       absl::StrCat("the CPUs of ", fault.node, " take ", fault.factor, " times as long"));
  nodes_[index].slow.emplace(id, fault.factor);
}

void Engine::Carry(faults::FaultId id, const faults::ClockDrift& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  Note({index, {}},
       absl::StrCat("the clock of ", fault.node, " runs at ", fault.rate, " times the true speed"));
  nodes_[index].clock.Drift(now_, id, fault.rate);
}

void Engine::Carry(faults::FaultId id, const faults::Partition& fault) {
  Note({}, absl::StrCat("partition: nothing gets from ", absl::StrJoin(fault.a, ", "), " to ",
                        absl::StrJoin(fault.b, ", "), fault.one_way ? "" : ", nor back"));
  network_.Add(id, fault);
}

void Engine::Carry(faults::FaultId id, const faults::LinkFault& fault) {
  Note({}, absl::StrCat("bad links from ", absl::StrJoin(fault.from, ", "), " to ",
                        absl::StrJoin(fault.to, ", "), ": ", ToString(fault)));
  network_.Add(id, fault);
}

void Engine::Carry(faults::FaultId id, const faults::DiskFault& fault) {
  Note({*IndexOf(fault.node), {}}, absl::StrCat("bad disk of ", fault.node, ": ", ToString(fault)));
  nodes_[*IndexOf(fault.node)].disk.BeginFault(id, fault);
}

// The GCS is a part of the head's machine, which may be what is being observed: its crash and its
// return are events of their own.

void Engine::Carry(faults::FaultId, const faults::CrashGcs& fault) {
  Push(now_, {GcsDown{nodes_.front().incarnation, fault}, true});
}

void Engine::Handle(GcsDown& down) {
  SimNode& head = nodes_.front();
  if (!head.Runs() || head.incarnation != down.incarnation) return;
  if (head.machine->FindGcs() == nullptr) {
    Note({0, {}}, "the GCS should crash but does not run");
    return;
  }
  ++report_.gcs_crashes;
  Note({0, {}}, absl::StrCat("the GCS crashed", down.fault.new_disk ? " and lost its disk" : ""));
  HandleInNode(0, node::GcsCrashed{});
  head.disk.Crash(down.fault.lose_unsynced);
  if (down.fault.new_disk) head.disk.Replace();
}

void Engine::Handle(GcsStart& start) {
  SimNode& head = nodes_.front();
  if (!head.Runs() || head.incarnation != start.incarnation) return;
  if (head.machine->FindGcs() != nullptr) return;
  HandleInNode(0, node::GcsStarted{head.disk.Read()});
}

void Engine::EndFault(faults::FaultId id, const faults::Kind& kind) {
  Note({}, absl::StrCat("healed: ", ToString(kind)));
  if (const auto* pause = std::get_if<faults::PauseNode>(&kind)) {
    Note({*IndexOf(pause->node), {}}, absl::StrCat(pause->node, " goes on"));
  }
  if (std::holds_alternative<faults::CrashGcs>(kind))
    Push(now_, {GcsStart{nodes_.front().incarnation}, true});
  Release(pauses_.Resume(id));
  network_.Remove(id);
  for (SimNode& node : nodes_) {
    node.slow.erase(id);
    node.disk.EndFault(id);
    node.clock.Steady(now_, id);
  }
}

void Engine::Release(std::vector<Occurrence> held) {
  for (Occurrence& occurrence : held) Push(now_, std::move(occurrence));
}

void Engine::NoteLosses(NodeIndex index) {
  const SimNode& node = nodes_[index];
  std::size_t processes = 0;
  std::size_t tasks = 0;
  for (const SimProcess* process : node.processes) {
    if (!process->IsAlive()) continue;
    ++processes;
    tasks += process->TaskCount();
  }
  std::uint64_t copies = 0;
  std::uint64_t bytes = 0;
  for (const raylet::StoredObjectView& object : node.machine->FindRaylet()->Objects()) {
    if (!object.sealed) continue;
    ++copies;
    bytes += object.size;
  }
  report_.tasks_lost += tasks;
  report_.copies_lost += copies;
  report_.copies_lost_bytes += bytes;
  Note({index, {}},
       absl::StrCat(node.name, " crashed; lost with it: ", processes, " processes, ", tasks,
                    " running tasks, ", copies, " object copies of ", bytes, " bytes"));
}

void Engine::ResetConnections(NodeIndex index) {
  for (NodeIndex peer = 0; peer < nodes_.size(); ++peer) {
    if (peer == index || !nodes_[peer].Runs()) continue;
    if (!network_.HaveTalked(index, peer) || !network_.IsUp(index, peer)) continue;
    ToNode(peer, options_.timing.link_latency,
           node::LinkBroken{nodes_[index].id, "connection reset by peer", true});
  }
}

void Engine::StopNode(NodeIndex index, const std::string& reason, bool tell_hub) {
  SimNode& node = nodes_[index];
  if (!node.Runs()) return;
  trace_.RecordWorld(now_, {index, {}}, "NodeEnd", reason);
  node.machine.reset();
  node.spilled = {};
  node.disk.Crash(false);
  node.starting.clear();
  Release(pauses_.Forget(index));
  network_.Forget(index);
  for (SimProcess* process : std::exchange(node.processes, {})) {
    if (process->IsAlive()) EndProcess(*process, reason, tell_hub);
  }
}

}  // namespace mobula::sim
