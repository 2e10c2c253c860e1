// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <vector>

#include "runtime/core/raylet/outbox.h"

namespace mobula::raylet {

/// Where the bundles of placement groups are, as far as a node must know for the requests that it
/// is asked to serve. Asks the GCS once for each group, and hears of its changes from then on.
/// View: one node's.
class GroupDirectory {
 public:
  /// Null while it is not known; the GCS is asked then.
  [[nodiscard]] const PlacementGroupView* FindOrAsk(PlacementGroupId group, Outbox& out);
  void HandleUpdate(const PlacementGroupUpdate& message);
  /// The GCS came back: it has no subscribers, and what it said last may be old.
  void Repeat(Outbox& out);
  /// Who waited for groups that were removed has been told.
  void ForgetRemoved();

 private:
  /// Asked for and not answered, or answered and to be asked anew.
  std::set<PlacementGroupId> wanted_;
  /// From the first answer until the removal was passed on.
  std::map<PlacementGroupId, PlacementGroupView> groups_;
  std::set<PlacementGroupId> removed_;
};

}  // namespace mobula::raylet
