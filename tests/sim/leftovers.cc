// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/leftovers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/core/node/node.h"

namespace mobula::sim {

namespace {

/// Null while it is away.
const gcs::Gcs* FindGcs(const World& world) {
  const node::Node* head = world.FindNode("n1");
  return head == nullptr ? nullptr : head->FindGcs();
}

bool IsDeclaredDead(const World& world, NodeId node) {
  const gcs::Gcs* gcs = FindGcs(world);
  if (gcs == nullptr) return false;
  const SharedVector<NodeView> nodes = gcs->Nodes();
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const NodeView& view) { return view.info.node == node && !view.alive; });
}

std::vector<ActorView> LivingDetached(const World& world) {
  std::vector<ActorView> living;
  const gcs::Gcs* gcs = FindGcs(world);
  if (gcs == nullptr) return living;
  for (ActorView& actor : gcs->Actors()) {
    if (actor.detached && actor.state != ActorState::kDead) living.push_back(std::move(actor));
  }
  return living;
}

}  // namespace

std::set<WorkerId> DetachedProcesses(const World& world) {
  std::set<WorkerId> processes;
  for (const ActorView& actor : LivingDetached(world)) {
    if (actor.state == ActorState::kAlive) processes.insert(actor.worker.worker);
  }
  return processes;
}

std::vector<std::string> FindLeftovers(const World& world) {
  std::vector<std::string> found;
  const std::vector<ActorView> detached = LivingDetached(world);
  const auto is_under_way = [&](TaskId creation) {
    return std::ranges::find(detached, ActorOf(creation), &ActorView::actor) != detached.end();
  };
  for (const WorkerId process : world.Processes()) {
    const worker::Worker& machine = *world.FindWorker(process);
    for (const auto& reference : machine.References()) {
      found.push_back(
          absl::StrCat("process ", process.Hex(), " still knows ", ToString(reference)));
    }
    for (const auto& task : machine.PendingTasks()) {
      if (is_under_way(task.task)) continue;
      found.push_back(absl::StrCat("process ", process.Hex(), " still waits for ", ToString(task)));
    }
  }
  for (const std::string& name : world.NodeNames()) {
    const node::Node* node = world.FindNode(name);
    if (node == nullptr) continue;
    if (IsDeclaredDead(world, node->Self())) {
      found.push_back(absl::StrCat(name, " was declared dead and still works"));
    }
    for (const auto& object : node->FindRaylet()->Objects()) {
      found.push_back(absl::StrCat(name, " still stores ", ToString(object)));
    }
    if (const std::uint64_t bytes = world.BytesSpilled(name); bytes > 0) {
      found.push_back(absl::StrCat(name, " still has ", bytes, " bytes in spill files"));
    }
    const ResourceSet& total = world.ShapeOf(name).resources;
    const ResourceSet& available = node->FindRaylet()->Available();
    if (available.Covers(total)) continue;
    found.push_back(absl::StrCat(name, " has not got back all of ", total.ToString(), ", only ",
                                 available.ToString()));
  }
  return found;
}

}  // namespace mobula::sim
