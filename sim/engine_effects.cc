// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "sim/engine.h"
#include "sim/message_size.h"
#include "sim/overloaded.h"

namespace mobula::sim {
namespace {

// What a frame or chunk carries besides its content.
constexpr std::uint64_t kHeaderBytes = 64;
constexpr Duration kDefaultTaskCost = Microseconds(50);
// A process's timer longer than this is a user's deadline, not housekeeping.
constexpr Duration kHousekeepingTimer = Seconds(10);

}  // namespace

void Engine::ToNode(NodeIndex node, Duration delay, node::Event event) {
  Push(now_ + delay, {NodeInput{node, nodes_[node].incarnation, std::move(event)}});
}

void Engine::ToProcess(SimProcess& process, Duration delay, worker::Event event, bool keeps_awake) {
  Push(now_ + delay, {ProcessInput{&process, std::move(event)}, keeps_awake});
}

// Of daemons

void Engine::CarryOut(NodeIndex node, node::Effect& effect) {
  std::visit(
      Overloaded{
          [&](node::DeliverLocal& deliver) { DeliverLocal(node, deliver); },
          [&](node::SendFrame& send) { SendFrame(node, send); },
          [&](const node::SendChunkTo& send) {
            const raylet::SendChunk& chunk = send.chunk;
            if (chunk.file > 0) return BeginTransfer(node, chunk.length, send);
            const std::byte* const begin =
                nodes_[node].store->At(chunk.start + chunk.offset, chunk.length);
            SendChunk(node, send, {begin, begin + chunk.length});
          },
          [&](object_store::SpillObjects& write) {
            BeginTransfer(node, BytesOf(write), std::move(write));
          },
          [&](const object_store::RestoreObject& read) { BeginTransfer(node, read.size, read); },
          [&](const object_store::DeleteSpilled& file) { nodes_[node].spilled.Delete(file.file); },
          // Simulated connections need no closing, and memory is given back when the world ends.
          [&](const node::CloseLink& close) {
            // The head's daemon does so when the GCS declares a node dead.
            if (node == 0) ObserveDeath(close.peer);
          },
          [&](const raylet::DiscardMemory&) {},
          // A simulated machine has memory without end.
          [&](const raylet::MeasureMemory&) { ToNode(node, {}, raylet::MemoryMeasured{0, 1, {}}); },
          [&](const StartTimer& start) {
            ToNode(node, nodes_[node].clock.Real(start.delay), TimerFired{start.timer});
          },
          [&](const raylet::StartProcess& start) { StartProcess(node, start); },
          [&](const raylet::KillProcess& kill) { KillProcess(node, kill); },
          [&](const raylet::Fenced& fenced) {
            Note({node, {}}, absl::StrCat(nodes_[node].name, " learned of its own death (",
                                          fenced.reason, ") and comes back as a new node"));
            StopNode(node, "its node was declared dead", true);
            Push(now_ + NodeStartSpan(node), {NodeStart{node}, true});
          },
          [&](const raylet::Stopped&) {
            Note({node, {}}, absl::StrCat(nodes_[node].name, " left the cluster"));
            StopNode(node, "its node left the cluster", true);
          },
          [&](const gcs::ClusterEvent& event) { Note({node, {}}, event.text); },
          [&](const gcs::WriteLog& write) { WriteLog(node, write); },
      },
      effect);
}

void Engine::DeliverLocal(NodeIndex node, node::DeliverLocal& deliver) {
  SimProcess* process = FindProcess(deliver.worker);
  // To a dead process: lost, as what lies in a socket when its reader is killed.
  if (process == nullptr || !process->IsAlive() || process->About().node != node) {
    trace_.RecordLoss(now_, {node, deliver.worker}, cause_, "the process is dead");
    return;
  }
  const Address source = deliver.envelope.source;
  // What processes and other nodes sent was observed where it came from.
  if (source.worker.IsNil() && (source.IsGcs() ? node == 0 : source.node == nodes_[node].id)) {
    ObserveMessage(deliver.envelope.message, node, node);
  }
  ToProcess(*process, options_.timing.local_hop,
            MessageReceived{source, std::move(deliver.envelope.message)}, false);
}

void Engine::WriteLog(NodeIndex node, const gcs::WriteLog& write) {
  SimDisk& disk = nodes_[node].disk;
  const Duration after = disk.Begin(write);
  Push(now_ + after, {DiskWriteEnd{node, disk.Epoch()}, true});
}

void Engine::SendFrame(NodeIndex source, node::SendFrame& send) {
  const auto target = send.address.empty() ? IndexOf(send.frame.target) : IndexOf(send.address);
  if (send.address.empty() && !target.ok()) return;  // Its connection is gone with it.
  CHECK(target.ok()) << target.status().message();
  const std::uint64_t bytes = kHeaderBytes + SizeOf(send.frame);
  const Arrivals arrivals = network_.SendMessage(now_, source, *target, bytes);
  if (!arrivals.first && !arrivals.again) {
    trace_.RecordLoss(now_, {source, {}}, cause_, "lost on the link");
  }
  ObserveFrame(source, *target, send.frame);
  if (arrivals.again) Push(*arrivals.again, {FrameArrival{source, *target, send.frame}});
  if (arrivals.first) Push(*arrivals.first, {FrameArrival{source, *target, std::move(send.frame)}});
}

void Engine::SendChunk(NodeIndex source, const node::SendChunkTo& send,
                       std::vector<std::byte> bytes) {
  const auto target = IndexOf(send.address);
  CHECK(target.ok()) << target.status().message();
  const raylet::SendChunk& chunk = send.chunk;
  const Arrivals arrivals = network_.SendChunk(now_, source, *target, kHeaderBytes + chunk.length);
  if (!arrivals.first && !arrivals.again) {
    trace_.RecordLoss(now_, {source, {}}, cause_, "lost on the link");
  }
  if (arrivals.again) {
    Push(*arrivals.again, {ChunkArrival{nodes_[source].id, *target, chunk, bytes}});
  }
  if (arrivals.first) {
    Push(*arrivals.first, {ChunkArrival{nodes_[source].id, *target, chunk, std::move(bytes)}});
  }
}

void Engine::BeginTransfer(NodeIndex node, std::uint64_t bytes,
                           decltype(TransferEnd::transfer) transfer) {
  const Instant end = nodes_[node].disk.BeginTransfer(now_, bytes);
  Push(end, {TransferEnd{node, nodes_[node].incarnation, std::move(transfer)}, true});
}

absl::Status Engine::DiskError(NodeIndex node, std::uint64_t file, const std::string& what) const {
  return absl::UnavailableError(
      absl::StrCat("file ", file, " on the disk of ", nodes_[node].name, ": ", what));
}

absl::Status Engine::Spill(NodeIndex index, const object_store::SpillObjects& write) {
  SimNode& node = nodes_[index];
  const std::uint64_t bytes = node.spilled.Bytes() + BytesOf(write);
  const std::string failure = node.disk.SpillFailure(bytes, node.shape.disk_capacity);
  if (!failure.empty()) return DiskError(index, write.file, failure);
  node.spilled.Write(write, *node.store, node.disk.KeepsSpilled());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::byte>> Engine::ReadSpilled(NodeIndex index, std::uint64_t file,
                                                           std::uint64_t offset,
                                                           std::uint64_t size) const {
  const SimNode& node = nodes_[index];
  if (const std::string failure = node.disk.RestoreFailure(); !failure.empty()) {
    return DiskError(index, file, failure);
  }
  auto bytes = node.spilled.Read(file, offset, size);
  if (!bytes) return DiskError(index, file, "what was written is not there");
  return *std::move(bytes);
}

void Engine::EndTransfer(NodeIndex index, const object_store::SpillObjects& write) {
  const absl::Status status = Spill(index, write);
  HandleInNode(index, object_store::ObjectsSpilled{write.file, std::string(status.message())});
}

void Engine::EndTransfer(NodeIndex index, const object_store::RestoreObject& read) {
  const auto bytes = ReadSpilled(index, read.file, read.file_offset, read.size);
  if (bytes.ok()) {
    std::copy(bytes->begin(), bytes->end(), nodes_[index].store->At(read.store_offset, read.size));
  }
  HandleInNode(index, object_store::ObjectRestored{read.object, read.copy,
                                                   std::string(bytes.status().message())});
}

void Engine::EndTransfer(NodeIndex index, const node::SendChunkTo& send) {
  const raylet::SendChunk& chunk = send.chunk;
  auto bytes = ReadSpilled(index, chunk.file, chunk.start + chunk.offset, chunk.length);
  if (bytes.ok()) return SendChunk(index, send, *std::move(bytes));
  HandleInNode(index, object_store::SpilledChunkLost{chunk.target, chunk.object, chunk.file,
                                                     std::string(bytes.status().message())});
}

void Engine::StartProcess(NodeIndex node, const raylet::StartProcess& start) {
  SimProcess::Setup setup;
  setup.id = start.worker;
  setup.node = node;
  setup.language = start.language;
  nodes_[node].starting.insert(start.worker);
  Push(now_ + nodes_[node].CpuTime(ProcessStartSpan(node)),
       {ProcessStart{setup, nodes_[node].incarnation, {}}, true});
}

// Of processes

void Engine::CarryOut(SimProcess& process, worker::Effect& effect) {
  const WorkerId id = process.About().id;
  const auto complete = [&](auto& answer) {
    const worker::RequestId request = answer.request;
    process.NoteAnswered(request);
    actions_.push_back(Completed{id, request, std::move(answer)});
  };
  std::visit(
      Overloaded{
          [&](Send& send) { SendFromProcess(process, send); },
          [&](const StartTimer& start) {
            const DriftingTime& clock = nodes_[process.About().node].clock;
            ToProcess(process, clock.Real(start.delay), TimerFired{start.timer},
                      start.delay > kHousekeepingTimer);
          },
          [&](const worker::Registered& registered) {
            process.Register(registered.answer);
            const SimProcess::Setup& about = process.About();
            actions_.push_back(ProcessReady{id, about.is_driver, registered.answer,
                                            nodes_[about.node].name, about.pid, about.language});
          },
          [&](worker::FulfilGet& answer) { complete(answer); },
          [&](worker::FulfilWait& answer) { complete(answer); },
          [&](worker::FulfilCreate& answer) { complete(answer); },
          [&](worker::FulfilGcs& answer) { complete(answer); },
          [&](worker::FulfilStream& answer) { complete(answer); },
          [&](worker::RunTask& run) { AssignTask(process, run); },
          [&](const worker::InterruptTask& interrupt) { Interrupt(process, interrupt.task); },
          [&](const worker::ExitProcess& leave) {
            if (leave.at_once) return EndProcess(process, leave.reason, true);
            actions_.push_back(LeaveProcess{id, leave.reason});
          },
          [&](const worker::Warn& warn) { actions_.push_back(Warned{id, warn.message}); },
          [&](worker::UnhandledError& error) {
            actions_.push_back(ErrorUnhandled{id, std::move(error.value)});
          },
          [&](const worker::ShowLogs& show) { actions_.push_back(LogsShown{id, show.logs}); },
          [&](const worker::TaskRetried& retried) {
            ++report_.tasks_retried;
            Note({process.About().node, id},
                 absl::StrCat("executed again: ", retried.name, " (task ", retried.task.Short(),
                              ", attempt ", retried.attempt, "): ", retried.reason));
          },
      },
      effect);
}

void Engine::SendFromProcess(SimProcess& process, Send& send) {
  const NodeIndex node = process.About().node;
  const NodeId node_id = process.About().node_id;
  // What leaves the node is observed on its link.
  if (send.target.node == node_id || (send.target.IsGcs() && node == 0)) {
    ObserveMessage(send.message, node, node);
    if (!process.IsAlive()) return;
  }
  SimProcess* target = send.target.node == node_id ? FindProcess(send.target.worker) : nullptr;
  if (target != nullptr && target->IsAlive()) {
    ToProcess(*target, options_.timing.local_hop,
              MessageReceived{process.Self(), std::move(send.message)}, false);
    return;
  }
  // The daemon answers for processes of its node that are gone.
  ToNode(node, options_.timing.local_hop,
         node::EnvelopeSent{Envelope{process.Self(), send.target, std::move(send.message)}});
}

void Engine::AssignTask(SimProcess& process, worker::RunTask& run) {
  const Duration cost = options_.task_cost ? options_.task_cost(run.spec) : kDefaultTaskCost;
  process.NoteAssigned(run.spec);
  const SimNode& node = nodes_[process.About().node];
  Push(now_ + node.CpuTime(std::max(cost, Duration{})),
       {TaskStart{&process, std::move(run)}, true});
}

void Engine::Interrupt(SimProcess& process, TaskId task) {
  if (process.IsAssigned(task)) {
    process.InterruptOnStart(task);
  } else {
    actions_.push_back(InterruptTask{process.About().id, task});
  }
}

}  // namespace mobula::sim
