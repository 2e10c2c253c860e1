// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults/injector.h"
#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/occurrence.h"
#include "sim/pauses.h"
#include "sim/sim_node.h"
#include "sim/sim_process.h"
#include "sim/trace.h"
#include "sim/world.h"

namespace mobula::sim {

/// What is inside a World: the machines of all nodes and processes, the queue of what will happen,
/// and the carrying out of effects. `World` documents the methods of the same names.
///
///     queue -> Handle...(occurrence) -> machine.Handle -> Carry out effects -> queue, actions for
///     the hub
///
/// engine.cc holds the loop, engine_effects.cc what effects do, engine_plan.cc when things break
/// and engine_faults.cc how.
class Engine : public ProcessHost {
 public:
  explicit Engine(Options options);

  // engine.cc
  [[nodiscard]] absl::Status Check() const;
  void ReserveNodes(bool reserve);
  std::string AddNode(NodeShape shape);
  WorkerId AddDriver(DriverOptions options);
  void StopCluster();
  HubAction Step();
  std::optional<worker::Completion> TakeCompletion(WorkerId process, RequestId request);
  SleepId StartSleep(WorkerId process, Duration span);
  void CancelSleep(SleepId sleep) { sleeps_.erase(sleep); }
  void WriteOutput(SimProcess& process, bool is_error, std::vector<std::string> lines);
  [[nodiscard]] std::vector<std::string> Waits() const;
  [[nodiscard]] std::vector<WorkerId> Processes() const;
  void PostTo(SimProcess& process, worker::Event event) override;
  worker::Completion AwaitIn(SimProcess& process, RequestId request) override;
  void SleepIn(SimProcess& process, Duration span) override;
  [[nodiscard]] Instant Time() const { return now_; }
  [[nodiscard]] Instant TimeAt(const SimProcess& process) const override {
    return nodes_[process.About().node].clock.Read(now_);
  }

  // engine_faults.cc
  void EndProcess(SimProcess& process, const std::string& reason, bool tell_hub);
  void CrashProcess(SimProcess& process, const std::string& reason);
  absl::Status RemoveNode(const std::string& name);

  // engine_plan.cc
  absl::Status Inject(const faults::Kind& kind);
  void InjectAt(std::uint64_t event, faults::Kind kind) { injections_[event] = std::move(kind); }
  void Heal();
  [[nodiscard]] const faults::Plan& FaultsHappened() const { return faults_happened_; }

  [[nodiscard]] bool ClusterRuns() const { return cluster_runs_; }
  SimNode* FindNode(const std::string& name);
  /// REQUIRES: known.
  SimProcess& Get(WorkerId process);
  SimProcess* FindProcess(WorkerId process);
  [[nodiscard]] std::vector<std::string> NodeNames() const;
  absl::StatusOr<NodeIndex> IndexOf(const std::string& name) const;
  [[nodiscard]] absl::StatusOr<NodeIndex> IndexOf(NodeId node) const;
  void SetBlocker(Blocker* blocker) { blocker_ = blocker; }
  void PauseBeforeEvents(bool pause) { pauses_before_events_ = pause; }
  [[nodiscard]] const Trace& GetTrace() const { return trace_; }
  void FlushTrace() { trace_.Flush(); }
  [[nodiscard]] const Report& GetReport() const { return report_; }
  [[nodiscard]] bool WasDeclaredDead(NodeId node) const { return declared_dead_.contains(node); }

 private:
  // engine.cc
  void StartCluster();
  void Push(Instant at, Occurrence occurrence);
  /// One occurrence from the queue.
  void Advance();
  [[nodiscard]] bool IsIdle() const;
  void Handle(NodeInput& input);
  void Handle(ProcessInput& input);
  void Handle(NodeStart& start);
  void Handle(ProcessStart& start);
  void Handle(FrameArrival& arrival);
  void Handle(ChunkArrival& arrival);
  void Handle(TaskStart& start);
  void Handle(SleepEnd& end);
  void Handle(FaultAlarm& alarm);
  void Handle(DiskWriteEnd& end);
  void Handle(TransferEnd& end);
  void Handle(GcsDown& down);
  void Handle(GcsStart& start);
  void HandleInNode(NodeIndex node, const node::Event& event);
  void HandleInProcess(SimProcess& process, const worker::Event& event);
  /// Stretched at random, from the node's own stream for this purpose.
  Duration NodeStartSpan(NodeIndex node);
  Duration ProcessStartSpan(NodeIndex node);
  void NoteExecuted(SimProcess& process, const worker::TaskExecuted& executed);

  // engine_effects.cc
  /// They move out of the effect what they can.
  void CarryOut(NodeIndex node, node::Effect& effect);
  void CarryOut(SimProcess& process, worker::Effect& effect);
  void DeliverLocal(NodeIndex node, node::DeliverLocal& deliver);
  void SendFrame(NodeIndex source, node::SendFrame& send);
  void SendChunk(NodeIndex source, const node::SendChunkTo& send, std::vector<std::byte> bytes);
  void BeginTransfer(NodeIndex node, std::uint64_t bytes, decltype(TransferEnd::transfer) transfer);
  void EndTransfer(NodeIndex node, const object_store::SpillObjects& write);
  void EndTransfer(NodeIndex node, const object_store::RestoreObject& read);
  void EndTransfer(NodeIndex node, const node::SendChunkTo& send);
  absl::Status Spill(NodeIndex node, const object_store::SpillObjects& write);
  [[nodiscard]] absl::StatusOr<std::vector<std::byte>> ReadSpilled(NodeIndex node,
                                                                   std::uint64_t file,
                                                                   std::uint64_t offset,
                                                                   std::uint64_t size) const;
  [[nodiscard]] absl::Status DiskError(NodeIndex node, std::uint64_t file,
                                       const std::string& what) const;
  void WriteLog(NodeIndex node, const gcs::WriteLog& write);
  void StartProcess(NodeIndex node, const raylet::StartProcess& start);
  void SendFromProcess(SimProcess& process, Send& send);
  void AssignTask(SimProcess& process, worker::RunTask& run);
  void Interrupt(SimProcess& process, TaskId task);
  void ToNode(NodeIndex node, Duration delay, node::Event event);
  void ToProcess(SimProcess& process, Duration delay, worker::Event event, bool keeps_awake);

  // engine_plan.cc
  [[nodiscard]] faults::Injector::Nodes Facts() const;
  void CarryOutPlan();
  void Observe(const faults::Observation& observation);
  /// A message leaves its sender for the first time.
  void ObserveMessage(const Message& message, NodeIndex from, NodeIndex to);
  void ObserveDeath(NodeId node);
  void ObserveFrame(NodeIndex source, NodeIndex target, const link::Frame& frame);

  // engine_faults.cc
  void Carry(faults::FaultId id, const faults::CrashNode& fault);
  void Carry(faults::FaultId id, const faults::RestartNode& fault);
  void Carry(faults::FaultId id, const faults::CrashWorker& fault);
  void Carry(faults::FaultId id, const faults::PauseNode& fault);
  void Carry(faults::FaultId id, const faults::PauseWorker& fault);
  void Carry(faults::FaultId id, const faults::SlowCpu& fault);
  void Carry(faults::FaultId id, const faults::ClockDrift& fault);
  void Carry(faults::FaultId id, const faults::Partition& fault);
  void Carry(faults::FaultId id, const faults::LinkFault& fault);
  void Carry(faults::FaultId id, const faults::CrashGcs& fault);
  void Carry(faults::FaultId id, const faults::DiskFault& fault);
  void EndFault(faults::FaultId id, const faults::Kind& kind);
  /// The worker a fault is for: a busy one before an idle one. Null when there is none.
  SimProcess* FindVictim(NodeIndex node, const std::string& running);
  void Release(std::vector<Occurrence> held);
  void KillProcess(NodeIndex node, const raylet::KillProcess& kill);
  /// The daemon and its processes are gone; frames on their way to it are lost.
  void StopNode(NodeIndex node, const std::string& reason, bool tell_hub);
  void NoteLosses(NodeIndex node);
  /// The node's peers see their connections to it reset.
  void ResetConnections(NodeIndex node);
  void Note(Place place, const std::string& text);

  Options options_;
  Instant now_;
  Trace trace_;
  Report report_;
  std::set<NodeId> declared_dead_;
  Network network_;
  faults::Injector injector_;
  Pauses pauses_;
  /// Of each direction between incarnations: the last frame number that was observed. Empty unless
  /// the plan waits for messages.
  std::map<std::pair<NodeId, NodeId>, std::uint64_t> observed_frames_;
  EventQueue<Occurrence> queue_;
  /// Occurrences in the queue that keep the world awake.
  std::size_t awake_ = 0;
  /// When something last happened that was not housekeeping.
  Instant last_progress_;
  bool cluster_runs_ = false;
  bool plan_started_ = false;
  /// By the event after which they are due.
  std::map<std::uint64_t, faults::Kind> injections_;
  /// Time zero of the plan: the start of the first driver.
  Instant plan_start_;
  faults::Plan faults_happened_;
  std::deque<SimNode> nodes_;
  /// The first so many come from the options and stay; the others end with their cluster.
  std::size_t own_nodes_ = 0;
  /// Of nodes that ended with a cluster: a later one in its place is yet another incarnation.
  std::map<NodeIndex, std::uint32_t> removed_incarnations_;
  /// All that ever were, so that user code may call the dead.
  std::map<WorkerId, std::unique_ptr<SimProcess>> processes_;
  std::uint32_t next_pid_ = 1001;
  std::uint64_t next_driver_ = 1;
  SleepId next_sleep_ = 1;
  /// Under way; one that is gone ends unheard.
  std::set<SleepId> sleeps_;
  /// For the hub, in order.
  std::deque<HubAction> actions_;
  Blocker* blocker_ = nullptr;
  bool pauses_before_events_ = false;
  /// The hub was told of the pause before what is due next.
  bool paused_ = false;
  /// What the occurrence being handled came of, and what an effect being carried out is: what is
  /// pushed meanwhile comes of it.
  trace::Cause due_cause_;
  trace::Cause cause_;
  /// A machine is at work: user code must not call in.
  bool handling_ = false;
  /// Reused from event to event.
  node::Effects node_effects_;
  worker::Effects process_effects_;
  faults::InjectorEffects fault_effects_;
};

}  // namespace mobula::sim
