// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/group_directory.h"

namespace mobula::raylet {

const PlacementGroupView* GroupDirectory::FindOrAsk(PlacementGroupId group, Outbox& out) {
  const auto known = groups_.find(group);
  if (known != groups_.end()) return &known->second;
  if (wanted_.insert(group).second) out.SendGcs(LocatePlacementGroup{group});
  return nullptr;
}

void GroupDirectory::HandleUpdate(const PlacementGroupUpdate& message) {
  const PlacementGroupId group = message.group.spec.group;
  wanted_.erase(group);
  groups_[group] = message.group;
  if (message.group.state == PlacementGroupState::kRemoved) removed_.insert(group);
}

void GroupDirectory::Repeat(Outbox& out) {
  for (const auto& [group, view] : groups_) wanted_.insert(group);
  for (const PlacementGroupId group : wanted_) out.SendGcs(LocatePlacementGroup{group});
}

void GroupDirectory::ForgetRemoved() {
  for (const PlacementGroupId group : removed_) groups_.erase(group);
  removed_.clear();
}

}  // namespace mobula::raylet
