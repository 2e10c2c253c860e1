// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "sim/engine.h"

namespace mobula::sim {

absl::StatusOr<std::unique_ptr<World>> World::Create(Options options) {
  auto engine = std::make_unique<Engine>(std::move(options));
  const absl::Status valid = engine->Check();
  if (!valid.ok()) return valid;
  return std::unique_ptr<World>(new World(std::move(engine)));
}

World::World(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
World::~World() = default;

absl::Status World::ConfigureNode(const std::string& name, NodeShape shape) {
  SimNode* node = engine_->FindNode(name);
  if (node == nullptr) return absl::NotFoundError(absl::StrCat("no node is named \"", name, "\""));
  if (ClusterRuns()) return absl::FailedPreconditionError("the cluster runs already");
  node->shape = std::move(shape);
  return absl::OkStatus();
}

absl::Status World::ReserveNodes(bool reserve) {
  if (ClusterRuns()) return absl::FailedPreconditionError("the cluster runs already");
  engine_->ReserveNodes(reserve);
  return absl::OkStatus();
}

bool World::ClusterRuns() const { return engine_->ClusterRuns(); }

const NodeShape& World::ShapeOf(const std::string& name) const {
  const SimNode* node = engine_->FindNode(name);
  CHECK(node != nullptr) << "no node " << name;
  return node->shape;
}

std::uint64_t World::BytesSpilled(const std::string& name) const {
  const SimNode* node = engine_->FindNode(name);
  CHECK(node != nullptr) << "no node " << name;
  return node->spilled.Bytes();
}

std::vector<std::string> World::NodeNames() const { return engine_->NodeNames(); }
std::string World::AddNode(NodeShape shape) { return engine_->AddNode(std::move(shape)); }
WorkerId World::AddDriver(DriverOptions options) { return engine_->AddDriver(std::move(options)); }
void World::StopCluster() { engine_->StopCluster(); }
void World::SetBlocker(Blocker* blocker) { engine_->SetBlocker(blocker); }

HubAction World::Step() { return engine_->Step(); }
void World::PauseBeforeEvents(bool pause) { engine_->PauseBeforeEvents(pause); }
std::optional<worker::Completion> World::TakeCompletion(WorkerId process, RequestId request) {
  return engine_->TakeCompletion(process, request);
}
worker::Process& World::ProcessOf(WorkerId process) { return engine_->Get(process); }
bool World::IsAlive(WorkerId process) const {
  const SimProcess* found = engine_->FindProcess(process);
  return found != nullptr && found->IsAlive();
}
SleepId World::StartSleep(WorkerId process, Duration span) {
  return engine_->StartSleep(process, span);
}
void World::CancelSleep(SleepId sleep) { engine_->CancelSleep(sleep); }
void World::WriteOutput(WorkerId process, bool is_error, std::vector<std::string> lines) {
  engine_->WriteOutput(engine_->Get(process), is_error, std::move(lines));
}
void World::EndProcess(WorkerId process, const std::string& reason) {
  engine_->EndProcess(engine_->Get(process), reason, false);
}

absl::Status World::Inject(const faults::Kind& kind) { return engine_->Inject(kind); }
const faults::Plan& World::FaultsHappened() const { return engine_->FaultsHappened(); }
void World::Heal() { engine_->Heal(); }
void World::InjectAt(std::uint64_t event, faults::Kind kind) {
  engine_->InjectAt(event, std::move(kind));
}
void World::CrashProcess(WorkerId process, const std::string& reason) {
  engine_->CrashProcess(engine_->Get(process), reason);
}
absl::Status World::RemoveNode(const std::string& name) { return engine_->RemoveNode(name); }
Instant World::Now() const { return engine_->Time(); }
std::uint64_t World::TraceHash() const { return engine_->GetTrace().Hash(); }
void World::FlushTrace() { engine_->FlushTrace(); }
bool World::WasDeclaredDead(NodeId node) const { return engine_->WasDeclaredDead(node); }
const Report& World::GetReport() const { return engine_->GetReport(); }
std::vector<std::string> World::Waits() const { return engine_->Waits(); }

const node::Node* World::FindNode(const std::string& name) const {
  const SimNode* node = engine_->FindNode(name);
  return node == nullptr ? nullptr : node->machine.get();
}
const worker::Worker* World::FindWorker(WorkerId process) const {
  const SimProcess* found = engine_->FindProcess(process);
  return found != nullptr && found->IsAlive() ? &found->Machine() : nullptr;
}
std::vector<WorkerId> World::Processes() const { return engine_->Processes(); }

}  // namespace mobula::sim
