// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/leftovers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/core/node/node.h"

namespace mobula::sim {

namespace {

bool IsDeclaredDead(const World& world, NodeId node) {
  const node::Node* head = world.FindNode("n1");
  if (head == nullptr || head->FindGcs() == nullptr) return false;
  const SharedVector<NodeView> nodes = head->FindGcs()->Nodes();
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const NodeView& view) { return view.info.node == node && !view.alive; });
}

}  // namespace

std::vector<std::string> FindLeftovers(const World& world) {
  std::vector<std::string> found;
  for (const WorkerId process : world.Processes()) {
    const worker::Worker& machine = *world.FindWorker(process);
    for (const auto& reference : machine.References()) {
      found.push_back(
          absl::StrCat("process ", process.Hex(), " still knows ", ToString(reference)));
    }
    for (const auto& task : machine.PendingTasks()) {
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
