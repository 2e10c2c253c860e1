// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/protocol/cluster.h"
#include "runtime/core/worker/process.h"
#include "runtime/core/worker/worker.h"
#include "sim/hub_action.h"
#include "sim/options.h"
#include "sim/report.h"

namespace mobula::node {
class Node;
}

namespace mobula::sim {

class Engine;

/// What a driver says of itself.
struct DriverOptions {
  /// The node it runs on.
  std::string node = "n1";
  Language language = Language::kPython;
  JobConfig job_config;
};

/// Lets a process's blocking calls switch to other user code. Set by hubs whose user code blocks in
/// `worker::Process` itself (fibers); a hub that switches above it (greenlets) needs none.
class Blocker {
 public:
  virtual ~Blocker() = default;
  virtual worker::Completion Await(WorkerId process, RequestId request) = 0;
  virtual void Sleep(WorkerId process, Duration span) = 0;
};

/// The simulated world: nodes with their daemons and processes, the network between them, and
/// virtual time. It decides nothing: it turns the machines' effects into later events.
/// Deterministic: equal options and an equally behaving hub give equal events, seen in `TraceHash`.
///
/// User code is run by a hub, in this loop:
///
///     hub                               world
///      | Step() ----------------------->|
///      |                                | handles events until user code has something to do
///      |<-------------------- HubAction |
///      | runs that code until it blocks |
///      | or ends; it calls Post,        |
///      | StartSleep, EndProcess ... --->| (no virtual time passes)
///      | Step() ----------------------->|
///
/// The cluster starts with the first driver (`AddDriver`); before that only the hub's own sleeps
/// pass time.
class World {
 public:
  /// InvalidArgument, with what was expected, for wrong options (no node, a fault on an unknown
  /// node or on the head, a trace file that cannot be written).
  static absl::StatusOr<std::unique_ptr<World>> Create(Options options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Set-up.

  /// Changes what a node has. FailedPrecondition once the cluster runs, NotFound for an unknown
  /// name.
  absl::Status ConfigureNode(const std::string& name, NodeShape shape);
  [[nodiscard]] bool ClusterRuns() const;
  /// The shape a node has or will have. REQUIRES: a node of that name.
  [[nodiscard]] const NodeShape& ShapeOf(const std::string& name) const;
  /// What lies in its spill files. REQUIRES: a node of that name.
  [[nodiscard]] std::uint64_t BytesSpilled(const std::string& name) const;
  /// n1, n2, ... whether they run or not.
  [[nodiscard]] std::vector<std::string> NodeNames() const;
  /// With `reserve`, the next cluster starts with the head alone: the other nodes of the options
  /// come with `AddNode`, in the shapes given there, before any new name is used. So a program that
  /// builds its own cluster gets nodes that a fault plan can name. FailedPrecondition once the
  /// cluster runs.
  absl::Status ReserveNodes(bool reserve);
  /// One more node, which joins at once when the cluster runs. Returns its name.
  std::string AddNode(NodeShape shape);
  /// A driver process, and the cluster if it does not run yet. `ProcessReady` follows.
  /// REQUIRES: the node runs, or the cluster does not.
  WorkerId AddDriver(DriverOptions options);
  /// Ends every process and node at once, not as a fault; drivers get no `ProcessDead`. Nodes may
  /// be configured again, those that `AddNode` made are gone, and the next driver starts a new
  /// cluster.
  void StopCluster();
  /// For user code that blocks inside `worker::Process` (see Blocker). Must outlive the world's
  /// last Step.
  void SetBlocker(Blocker* blocker);

  // The hub's loop.

  /// Handles events until user code has something to do.
  HubAction Step();
  /// From now on (or not any more) `Step` returns `Paused` before each event of the queue that it
  /// handles: the moments at which something can break. Events themselves do not change.
  void PauseBeforeEvents(bool pause);
  /// The completion of `request` if it is there already (a get of a value at hand): the caller need
  /// not be suspended. The action is then not returned by Step.
  std::optional<worker::Completion> TakeCompletion(WorkerId process, RequestId request);
  /// The language layer's door to a process. Valid for the life of the world, also when the process
  /// is dead.
  worker::Process& ProcessOf(WorkerId process);
  [[nodiscard]] bool IsAlive(WorkerId process) const;
  /// `SleepOver` follows after `span` (at once when it is not positive). `process` may be nil: the
  /// hub.
  SleepId StartSleep(WorkerId process, Duration span);
  /// The sleeper went away.
  void CancelSleep(SleepId sleep);
  /// The process wrote whole lines.
  void WriteOutput(WorkerId process, bool is_error, std::vector<std::string> lines);
  /// The process ends: a driver's program is over, a worker leaves. No `ProcessDead` follows.
  void EndProcess(WorkerId process, const std::string& reason);

  // Faults: besides those of the options.

  /// Now. InvalidArgument, with what was expected, for an unknown node or the head's crash.
  absl::Status Inject(const faults::Kind& kind);
  /// Ends every fault that lasts, starts the nodes that are down, and lets nothing of the plan
  /// happen any more.
  void Heal();
  /// `Inject`, right after the event of this number (`Report::events`).
  void InjectAt(std::uint64_t event, faults::Kind kind);
  /// All that has happened so far, each at its time: a plan that does the same without waiting for
  /// anything or drawing a number.
  [[nodiscard]] const faults::Plan& FaultsHappened() const;
  /// Ends a worker process as `kill -9` does. `ProcessDead` follows.
  void CrashProcess(WorkerId process, const std::string& reason);
  /// A node leaves in order: its raylet tells the GCS and ends its workers. NotFound,
  /// InvalidArgument.
  absl::Status RemoveNode(const std::string& name);

  // What happened, what is.

  [[nodiscard]] Instant Now() const;
  /// Over all events so far: their times, places and contents.
  [[nodiscard]] std::uint64_t TraceHash() const;
  /// Writes what is buffered of the hashes' file, for a hub that leaves the process at once.
  void FlushTrace();
  [[nodiscard]] const Report& GetReport() const;
  /// Whether the GCS has declared the node dead, in whichever of its lives.
  [[nodiscard]] bool WasDeclaredDead(NodeId node) const;
  /// What every process waits for, as in `Idle`.
  [[nodiscard]] std::vector<std::string> Waits() const;
  /// The machines, for tests and tools. Null when it does not run (is dead).
  [[nodiscard]] const node::Node* FindNode(const std::string& name) const;
  [[nodiscard]] const worker::Worker* FindWorker(WorkerId process) const;
  /// Living processes in the order of their start.
  [[nodiscard]] std::vector<WorkerId> Processes() const;

 private:
  explicit World(std::unique_ptr<Engine> engine);

  std::unique_ptr<Engine> engine_;
};

}  // namespace mobula::sim
