// SPDX-License-Identifier: Apache-2.0
// What the plan is told, and when what it says is carried out.
#include <algorithm>
#include <utility>

#include "faults/observe.h"
#include "faults/plan_check.h"
#include "sim/engine.h"

namespace mobula::sim {

faults::Injector::Nodes Engine::Facts() const {
  faults::Injector::Nodes facts;
  for (const SimNode& node : nodes_) {
    if (node.reserved) continue;
    facts.push_back({node.name, node.shape.labels, node.Runs(), &node == &nodes_.front()});
  }
  return facts;
}

absl::Status Engine::Inject(const faults::Kind& kind) {
  faults::Plan plan;
  plan.Add(faults::At({}, kind));
  const auto facts = Facts();
  const absl::Status valid = faults::CheckPlan(plan, facts);
  if (!valid.ok()) return valid;
  injector_.Inject(kind, facts, fault_effects_);
  CarryOutPlan();
  return absl::OkStatus();
}

void Engine::Heal() {
  injector_.Heal(Facts(), fault_effects_);
  CarryOutPlan();
}

void Engine::CarryOutPlan() {
  // What happens may lead to more: a crash is observed, too.
  while (!fault_effects_.empty()) {
    for (const faults::InjectorEffect& effect : std::exchange(fault_effects_, {})) {
      if (const auto* alarm = std::get_if<faults::Alarm>(&effect)) {
        Push(now_ + alarm->delay, {FaultAlarm{alarm->key}, !alarm->periodic});
      } else if (const auto* begin = std::get_if<faults::Begin>(&effect)) {
        ++report_.faults;
        faults_happened_.Add(faults::At(now_ - plan_start_, begin->kind));
        std::visit([&](const auto& fault) { Carry(begin->id, fault); }, begin->kind);
      } else {
        const auto& end = std::get<faults::End>(effect);
        EndFault(end.id, end.kind);
      }
    }
  }
}

void Engine::Observe(const faults::Observation& observation) {
  if (!injector_.ListensFor(observation.event)) return;
  injector_.Observe(observation, [this] { return Facts(); }, fault_effects_);
  CarryOutPlan();
}

void Engine::ObserveMessage(const Message& message, NodeIndex from, NodeIndex to) {
  if (options_.on_message) options_.on_message(message);
  if (!injector_.Listens()) return;
  for (const auto& observation :
       faults::ObservationsOf(message, nodes_[from].name, nodes_[to].name)) {
    Observe(observation);
  }
}

void Engine::ObserveFrame(NodeIndex source, NodeIndex target, const link::Frame& frame) {
  if (!frame.envelope || !(injector_.Listens() || options_.on_message)) return;
  std::uint64_t& last = observed_frames_[{frame.source, frame.target}];
  // A number that was seen is sent again; notices have none.
  if (frame.sequence != 0 && frame.sequence <= last) return;
  last = std::max(last, frame.sequence);
  ObserveMessage(frame.envelope->message, source, target);
}

void Engine::ObserveDeath(NodeId node) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const SimNode& one) { return one.id == node; });
  if (found == nodes_.end()) return;
  if (declared_dead_.insert(node).second && found->Runs()) ++report_.nodes_disowned;
  Observe({faults::Happening::kNodeDied, "", found->name, ""});
}

}  // namespace mobula::sim
