// SPDX-License-Identifier: Apache-2.0
#include "sim/engine.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faults/plan_check.h"
#include "runtime/base/check.h"

namespace mobula::sim {
namespace {

constexpr char kHead[] = "n1";
// Purposes of random streams, and kinds of derived ids.
constexpr std::uint64_t kNetworkStream = 1;
constexpr std::uint64_t kDaemonStartStream = 2;
constexpr std::uint64_t kFaultStream = 3;
constexpr std::uint64_t kProcessStartStream = 4;
constexpr std::uint64_t kDiskStream = 5;
constexpr std::uint64_t kNodeSalt = 0x6E6F6465;
constexpr std::uint64_t kDriverSalt = 0x647276;
// What all ids descend from: they must not depend on the seed.
constexpr NodeId kOrigin{0x6D6F62756C61, 1};

NodeInfo InfoOf(const SimNode& node) {
  NodeInfo info;
  info.node = node.id;
  info.name = node.name;
  info.address = node.name;
  info.total = node.shape.resources;
  info.total.SetUnits(ResourceSet::kObjectStoreMemory,
                      static_cast<std::int64_t>(node.shape.store_capacity) * ResourceSet::kUnit);
  info.labels = node.shape.labels;
  info.is_head = node.name == kHead;
  return info;
}

Duration Stretched(Duration span, double jitter, Rng& rng) {
  return FromSeconds(span.Seconds() * (1 + jitter * rng.Uniform()));
}

}  // namespace

Engine::Engine(Options options)
    : options_(std::move(options)),
      trace_(options_.trace_file, options_.hashes_file),
      network_(options_.timing, Rng(options_.seed).Fork(kNetworkStream)),
      injector_(options_.faults, Rng(options_.seed).Fork(kFaultStream).Next()) {
  options_.worker.bugs = options_.raylet.bugs = options_.gcs.bugs = options_.link.bugs =
      options_.bugs;
  options_.worker.note_touched = trace_.IsWriting();
  for (NodeShape& shape : std::exchange(options_.nodes, {})) AddNode(std::move(shape));
  own_nodes_ = nodes_.size();
}

absl::Status Engine::Check() const {
  if (nodes_.empty())
    return absl::InvalidArgumentError("a world needs at least one node, the head");
  if (const std::string failure = trace_.Failure(); !failure.empty()) {
    return absl::InvalidArgumentError(failure);
  }
  return faults::CheckPlan(options_.faults, Facts());
}

// Set-up

void Engine::ReserveNodes(bool reserve) {
  for (NodeIndex i = 1; i < own_nodes_; ++i) nodes_[i].reserved = reserve;
}

std::string Engine::AddNode(NodeShape shape) {
  for (NodeIndex i = 1; i < own_nodes_; ++i) {
    if (!nodes_[i].reserved) continue;
    nodes_[i].reserved = false;
    nodes_[i].shape = std::move(shape);
    if (cluster_runs_) Push(now_ + NodeStartSpan(i), {NodeStart{i}, true});
    return nodes_[i].name;
  }
  const auto index = static_cast<NodeIndex>(nodes_.size());
  const Rng disk_rng = Rng(options_.seed).Fork(kDiskStream).Fork(index);
  SimNode& node = nodes_.emplace_back(
      SimDisk({options_.timing.disk_sync, options_.timing.disk_bytes_per_second}, disk_rng));
  node.name = absl::StrCat("n", nodes_.size());
  node.shape = std::move(shape);
  node.daemon_starts = Rng(options_.seed).Fork(kDaemonStartStream).Fork(index);
  node.process_starts = Rng(options_.seed).Fork(kProcessStartStream).Fork(index);
  node.incarnation = removed_incarnations_[index];
  if (cluster_runs_) Push(now_ + NodeStartSpan(index), {NodeStart{index}, true});
  return node.name;
}

void Engine::StartCluster() {
  cluster_runs_ = true;
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].reserved) continue;
    // The head first: the others register with it.
    const Duration delay = i == 0 ? Duration{} : NodeStartSpan(i);
    Push(now_ + delay, {NodeStart{i}, true});
  }
  if (std::exchange(plan_started_, true)) return;
  plan_start_ = now_ + options_.timing.cluster_start;
  injector_.Start(fault_effects_);
  for (const faults::InjectorEffect& effect : std::exchange(fault_effects_, {})) {
    // Only alarms: the plan's time zero is the start of the driver.
    const auto& alarm = std::get<faults::Alarm>(effect);
    Push(plan_start_ + alarm.delay, {FaultAlarm{alarm.key}, !alarm.periodic});
  }
}

WorkerId Engine::AddDriver(DriverOptions options) {
  const auto node = IndexOf(options.node);
  CHECK(node.ok()) << node.status().message();
  CHECK(!cluster_runs_ || nodes_[*node].Runs()) << options.node << " does not run";
  const Duration delay =
      cluster_runs_ ? options_.timing.process_start : options_.timing.cluster_start;
  if (!cluster_runs_) StartCluster();
  // A node that starts with the cluster is in its next incarnation by the time the driver starts.
  const std::uint32_t incarnation = nodes_[*node].incarnation + (nodes_[*node].Runs() ? 0 : 1);
  SimProcess::Setup setup;
  setup.id = WorkerId::Derive(kOrigin, kDriverSalt, next_driver_++);
  setup.node = *node;
  setup.language = options.language;
  setup.is_driver = true;
  Push(now_ + delay, {ProcessStart{setup, incarnation, std::move(options.job_config)}, true});
  return setup.id;
}

void Engine::StopCluster() {
  for (NodeIndex i = 0; i < nodes_.size(); ++i) StopNode(i, "the cluster was stopped", false);
  queue_.Clear();
  awake_ = 0;
  actions_.clear();
  sleeps_.clear();
  cluster_runs_ = false;
  nodes_.front().disk.Replace();
  for (; nodes_.size() > own_nodes_; nodes_.pop_back()) {
    removed_incarnations_[static_cast<NodeIndex>(nodes_.size() - 1)] = nodes_.back().incarnation;
  }
}

SimNode* Engine::FindNode(const std::string& name) {
  const auto index = IndexOf(name);
  return index.ok() ? &nodes_[*index] : nullptr;
}

absl::StatusOr<NodeIndex> Engine::IndexOf(const std::string& name) const {
  // The number in the name is the place in the list; compared, because "n01" is no name.
  std::size_t number = 0;
  if (name.starts_with('n')) std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (number > 0 && number <= nodes_.size() && nodes_[number - 1].name == name) {
    return static_cast<NodeIndex>(number - 1);
  }
  return absl::NotFoundError(absl::StrCat("no node is named \"", name, "\""));
}

absl::StatusOr<NodeIndex> Engine::IndexOf(NodeId id) const {
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].id == id) return i;
  }
  return absl::NotFoundError(absl::StrCat("no node has the id ", id.Hex()));
}

std::vector<std::string> Engine::NodeNames() const {
  std::vector<std::string> names;
  for (const SimNode& node : nodes_) names.push_back(node.name);
  return names;
}

SimProcess* Engine::FindProcess(WorkerId process) {
  const auto found = processes_.find(process);
  return found == processes_.end() ? nullptr : found->second.get();
}

SimProcess& Engine::Get(WorkerId process) {
  SimProcess* found = FindProcess(process);
  CHECK(found != nullptr) << "no process " << process;
  return *found;
}

std::vector<WorkerId> Engine::Processes() const {
  std::map<std::uint32_t, WorkerId> by_pid;
  for (const auto& [id, process] : processes_) {
    if (process->IsAlive()) by_pid.emplace(process->About().pid, id);
  }
  std::vector<WorkerId> ids;
  for (const auto& [pid, id] : by_pid) ids.push_back(id);
  return ids;
}

std::vector<std::string> Engine::Waits() const {
  std::vector<std::string> waits;
  for (const WorkerId id : Processes()) {
    const SimProcess& process = *processes_.at(id);
    for (std::string& wait : process.Waits(nodes_[process.About().node].name)) {
      waits.push_back(std::move(wait));
    }
  }
  return waits;
}

// The loop

void Engine::Push(Instant at, Occurrence occurrence) {
  if (occurrence.keeps_awake) ++awake_;
  // One that was held back for a while keeps its own.
  if (cause_.event > 0) occurrence.cause = cause_;
  queue_.Push(at, std::move(occurrence));
}

HubAction Engine::Step() {
  CHECK(!handling_);
  while (actions_.empty()) {
    if (IsIdle()) return Idle{Waits()};
    if (pauses_before_events_ && !std::exchange(paused_, true)) return Paused{};
    paused_ = false;
    Advance();
  }
  last_progress_ = now_;
  HubAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

bool Engine::IsIdle() const {
  if (queue_.IsEmpty()) return true;
  return awake_ == 0 && queue_.NextTime() - last_progress_ > options_.idle_after;
}

void Engine::Advance() {
  CHECK(now_ <= queue_.NextTime());
  now_ = queue_.NextTime();
  Occurrence occurrence = queue_.Pop();
  if (occurrence.keeps_awake) {
    --awake_;
    last_progress_ = now_;
  }
  if (!pauses_.IsEmpty() && pauses_.Hold(occurrence)) return;
  due_cause_ = occurrence.cause;
  std::visit([this](auto& what) { Handle(what); }, occurrence.what);
  due_cause_ = {};
  if (injections_.empty() || injections_.begin()->first > report_.events) return;
  const absl::Status injected = Inject(injections_.extract(injections_.begin()).mapped());
  CHECK(injected.ok()) << injected.message();
}

std::optional<worker::Completion> Engine::TakeCompletion(WorkerId process, RequestId request) {
  for (auto action = actions_.begin(); action != actions_.end(); ++action) {
    auto* completed = std::get_if<Completed>(&*action);
    if (completed == nullptr || completed->process != process || completed->request != request)
      continue;
    worker::Completion completion = std::move(completed->completion);
    actions_.erase(action);
    return completion;
  }
  return std::nullopt;
}

SleepId Engine::StartSleep(WorkerId process, Duration span) {
  const SleepId sleep = next_sleep_++;
  sleeps_.insert(sleep);
  SleepEnd end{std::nullopt, process, sleep};
  if (const SimProcess* sleeper = FindProcess(process)) {
    end.node = sleeper->About().node;
    span = nodes_[*end.node].clock.Real(span);
  }
  Push(now_ + std::max(span, Duration{}), {end, true});
  return sleep;
}

void Engine::WriteOutput(SimProcess& process, bool is_error, std::vector<std::string> lines) {
  if (!process.IsAlive()) return;
  ToNode(process.About().node, options_.timing.local_hop,
         raylet::ProcessOutput{process.About().id, is_error, std::move(lines)});
}

void Engine::PostTo(SimProcess& process, worker::Event event) {
  CHECK(!handling_) << "user code ran while a machine was at work";
  if (!process.IsAlive()) return;
  if (const auto* executed = std::get_if<worker::TaskExecuted>(&event)) {
    NoteExecuted(process, *executed);
    if (!process.IsAlive()) return;
  }
  process.NotePosted(event);
  HandleInProcess(process, event);
}

/// Tells the plan that a task has run.
void Engine::NoteExecuted(SimProcess& process, const worker::TaskExecuted& executed) {
  const std::string& node = nodes_[process.About().node].name;
  const std::string name = process.NameOfTask(executed.task);
  const std::string actor = process.ActorClass();
  const bool is_first = !actor.empty() && !process.IsActorUp();
  Observe({faults::Happening::kTaskFinished, name, node, ""});
  if (is_first && !executed.application_error) {
    process.NoteActorUp();
    Observe({faults::Happening::kActorStarted, actor, node, ""});
  }
}

worker::Completion Engine::AwaitIn(SimProcess& process, RequestId request) {
  if (auto completion = TakeCompletion(process.About().id, request)) return *std::move(completion);
  CHECK(blocker_ != nullptr) << "Await needs a hub whose user code can block (World::SetBlocker)";
  return blocker_->Await(process.About().id, request);
}

void Engine::SleepIn(SimProcess& process, Duration span) {
  CHECK(blocker_ != nullptr) << "Sleep needs a hub whose user code can block (World::SetBlocker)";
  blocker_->Sleep(process.About().id, span);
}

Duration Engine::NodeStartSpan(NodeIndex node) {
  return Stretched(options_.timing.node_start, options_.timing.jitter, nodes_[node].daemon_starts);
}

Duration Engine::ProcessStartSpan(NodeIndex node) {
  return Stretched(options_.timing.process_start, options_.timing.jitter,
                   nodes_[node].process_starts);
}

// What is due

void Engine::Handle(NodeInput& input) {
  SimNode& node = nodes_[input.node];
  if (!node.Runs() || node.incarnation != input.incarnation) {
    if (std::holds_alternative<node::EnvelopeSent>(input.event)) {
      trace_.RecordLoss(now_, {input.node, {}}, due_cause_, "the daemon is dead");
    }
    return;
  }
  HandleInNode(input.node, input.event);
}

void Engine::Handle(ProcessInput& input) {
  if (!input.process->IsAlive()) {
    if (std::holds_alternative<MessageReceived>(input.event)) {
      const SimProcess::Setup& about = input.process->About();
      trace_.RecordLoss(now_, {about.node, about.id}, due_cause_, "the process is dead");
    }
    return;
  }
  if (const auto* received = std::get_if<MessageReceived>(&input.event)) {
    last_progress_ = now_;
    if (const auto* push = std::get_if<PushTask>(&received->message)) {
      input.process->NoteArrived(push->spec, now_);
    }
  }
  HandleInProcess(*input.process, input.event);
}

void Engine::Handle(NodeStart& start) {
  SimNode& node = nodes_[start.node];
  if (node.Runs()) return;
  node.id = NodeId::Derive(kOrigin, kNodeSalt + start.node, ++node.incarnation);
  node.store = std::make_shared<StoreMemory>(node.shape.store_capacity);
  node.host_answers = true;
  node::Options options;
  options.raylet = options_.raylet;
  options.raylet.info = InfoOf(node);
  options.raylet.scheduling.seed = options_.seed;
  options.raylet.store_capacity = node.shape.store_capacity;
  options.raylet.spill.enabled = node.shape.disk_capacity > 0;
  options.raylet.spill.file_bytes_min = node.shape.min_spilling_size;
  options.has_gcs = start.node == 0;
  options.gcs = options_.gcs;
  options.gcs.keeps_log = true;
  options.link = options_.link;
  options.gcs_node = nodes_.front().id;
  options.gcs_address = kHead;
  node.machine = std::make_unique<node::Node>(std::move(options));
  trace_.RecordWorld(now_, {start.node, {}}, "NodeStart", node.id.Hex());
  if (start.node == 0) HandleInNode(start.node, node::GcsStarted{node.disk.Read()});
  HandleInNode(start.node, raylet::NodeStarted{});
}

void Engine::Handle(ProcessStart& start) {
  SimProcess::Setup setup = start.setup;
  SimNode& node = nodes_[setup.node];
  const bool wanted = setup.is_driver || node.starting.erase(setup.id) > 0;
  if (!wanted || !node.Runs() || node.incarnation != start.incarnation) return;
  setup.node_id = node.id;
  setup.pid = next_pid_++;
  auto& process = processes_[setup.id];
  CHECK(process == nullptr) << "process " << setup.id << " started twice";
  process = std::make_unique<SimProcess>(*this, setup, options_.worker, node.store);
  node.processes.push_back(process.get());
  trace_.RecordWorld(now_, {setup.node, setup.id}, "ProcessStart",
                     absl::StrCat(setup.is_driver ? "driver" : "worker", ", pid ", setup.pid));
  RegisterWorker registration;
  registration.worker = setup.id;
  registration.pid = setup.pid;
  registration.language = setup.language;
  registration.is_driver = setup.is_driver;
  registration.job_config = std::move(start.job_config);
  HandleInProcess(*process, worker::Started{std::move(registration), node.id});
}

void Engine::Handle(FrameArrival& arrival) {
  SimNode& target = nodes_[arrival.target];
  // A GCS that took an earlier one's place tells who still writes to that.
  if (target.Runs() && (target.id == arrival.frame.target || arrival.target == 0)) {
    HandleInNode(arrival.target, node::FrameReceived{std::move(arrival.frame)});
    return;
  }
  trace_.RecordLoss(now_, {arrival.target, {}}, due_cause_,
                    target.Runs() ? "for another incarnation" : "the node does not run");
  // Another incarnation listens there, or nobody: whoever is on that host says so.
  if (!target.Runs() && !target.host_answers) return;
  if (!network_.IsUp(arrival.target, arrival.source)) return;
  ToNode(arrival.source, options_.timing.link_latency,
         node::LinkBroken{arrival.frame.target, "connection refused", true});
}

void Engine::Handle(ChunkArrival& arrival) {
  SimNode& target = nodes_[arrival.target];
  const raylet::SendChunk& chunk = arrival.chunk;
  const auto offset = target.Runs() && target.id == chunk.target
                          ? target.machine->FindRaylet()->StoreOffset(chunk.object)
                          : std::nullopt;
  if (!offset) {
    trace_.RecordLoss(now_, {arrival.target, {}}, due_cause_, "nobody waits for it");
    return;
  }
  std::copy(arrival.bytes.begin(), arrival.bytes.end(),
            target.store->At(*offset + chunk.offset, chunk.length));
  last_progress_ = now_;
  HandleInNode(arrival.target,
               raylet::ChunkReceived{arrival.source, chunk.object, chunk.offset, chunk.length});
}

void Engine::Handle(TaskStart& start) {
  SimProcess& process = *start.process;
  if (!process.IsAlive()) return;
  const TaskId task = start.run.spec.task;
  process.NoteStarted(start.run.spec);
  ++report_.tasks_run;
  const std::string& node = nodes_[process.About().node].name;
  Observe({faults::Happening::kTaskStarted, start.run.spec.header->name, node, ""});
  if (!process.IsAlive()) return;
  const Instant arrived = process.ArrivalOf(start.run.spec, now_);
  actions_.push_back(RunTask{process.About().id, std::move(start.run), arrived});
  if (process.TakeInterrupt(task)) actions_.push_back(InterruptTask{process.About().id, task});
}

void Engine::Handle(SleepEnd& end) {
  if (sleeps_.erase(end.sleep) == 0) return;
  const SimProcess* process = FindProcess(end.process);
  if (process != nullptr && !process->IsAlive()) return;
  actions_.push_back(SleepOver{end.process, end.sleep});
}

void Engine::Handle(FaultAlarm& alarm) {
  injector_.HandleTimer(alarm.key, Facts(), fault_effects_);
  CarryOutPlan();
}

void Engine::Handle(DiskWriteEnd& end) {
  SimNode& node = nodes_[end.node];
  if (node.disk.Epoch() != end.epoch) return;
  std::visit([&](auto&& answer) { HandleInNode(end.node, answer); }, node.disk.End());
}

void Engine::Handle(TransferEnd& end) {
  const SimNode& node = nodes_[end.node];
  if (!node.Runs() || node.incarnation != end.incarnation) return;
  std::visit([&](const auto& transfer) { EndTransfer(end.node, transfer); }, end.transfer);
}

void Engine::HandleInNode(NodeIndex index, const node::Event& event) {
  SimNode& node = nodes_[index];
  handling_ = true;
  node_effects_.clear();
  node.machine->Handle(node.clock.Read(now_), event, node_effects_);
  if (options_.check_invariants) node.machine->CheckInvariants();
  handling_ = false;
  ++report_.events;
  cause_ = {trace_.Record(now_, {index, {}}, due_cause_, *node.machine, event, node_effects_)};
  for (node::Effect& effect : node_effects_) {
    CarryOut(index, effect);
    // An effect (Fenced, Stopped) may end the node; the rest is void then.
    if (!node.Runs()) break;
    ++cause_.effect;
  }
  cause_ = {};
}

void Engine::HandleInProcess(SimProcess& process, const worker::Event& event) {
  handling_ = true;
  process_effects_.clear();
  process.Machine().Handle(TimeAt(process), event, process_effects_);
  if (options_.check_invariants) process.Machine().CheckInvariants();
  handling_ = false;
  ++report_.events;
  cause_ = {trace_.Record(now_, {process.About().node, process.About().id}, due_cause_,
                          process.Machine(), event, process_effects_)};
  for (worker::Effect& effect : process_effects_) {
    CarryOut(process, effect);
    if (!process.IsAlive()) break;
    ++cause_.effect;
  }
  cause_ = {};
}

}  // namespace mobula::sim
