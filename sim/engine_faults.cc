// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faults/schedule.h"
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

absl::Status Engine::Inject(const faults::Fault& fault) {
  const absl::Status valid = faults::Validate({fault}, NodeNames(), nodes_.front().name);
  if (!valid.ok()) return valid;
  const Duration delay = std::visit([](const auto& one) { return one.at; }, fault);
  Push(now_ + delay, {FaultDue{fault}, true});
  return absl::OkStatus();
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

void Engine::Carry(const faults::CrashNode& fault) {
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

void Engine::Carry(const faults::RestartNode& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  if (nodes_[index].Runs()) return;
  ++report_.node_restarts;
  Note({index, {}}, absl::StrCat(fault.node, " restarts"));
  Push(now_ + Jittered(options_.timing.node_start), {NodeStart{index}, true});
}

void Engine::Carry(const faults::CrashWorker& fault) {
  const NodeIndex index = *IndexOf(fault.node);
  SimProcess* victim = nullptr;
  for (const WorkerId id : Processes()) {
    SimProcess& process = Get(id);
    if (process.About().node != index || process.About().is_driver) continue;
    if (victim == nullptr || (process.IsBusy() && !victim->IsBusy())) victim = &process;
  }
  if (victim == nullptr) {
    Note({index, {}}, absl::StrCat("a worker on ", fault.node, " should crash but there is none"));
    return;
  }
  CrashProcess(*victim, "killed by the fault plan");
}

void Engine::NoteLosses(NodeIndex index) {
  const SimNode& node = nodes_[index];
  std::size_t processes = 0;
  std::size_t tasks = 0;
  for (const auto& [id, process] : processes_) {
    if (!process->IsAlive() || process->About().node != index) continue;
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
  node.machine.reset();
  node.starting.clear();
  network_.Forget(index);
  for (const WorkerId id : Processes()) {
    SimProcess& process = Get(id);
    if (process.About().node == index) EndProcess(process, reason, tell_hub);
  }
}

}  // namespace mobula::sim
