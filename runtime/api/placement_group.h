// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula {

/// What `CreatePlacementGroup` may be told.
struct PlacementGroupOptions {
  /// What each bundle reserves, for example {{{"CPU", 1}}, {{"CPU", 1}, {"GPU", 1}}}.
  std::vector<std::map<std::string, double>> bundles;
  PlacementStrategy strategy = PlacementStrategy::kPack;
  /// Found by GetPlacementGroup.
  std::string name;
  /// Lives until it is removed, not until its job ends.
  bool detached = false;
};

/// Resources on one or several nodes that are reserved together. A handle; what it stands for lives
/// until RemovePlacementGroup, or the end of its job.
class PlacementGroup {
 public:
  explicit PlacementGroup(PlacementGroupId id) : id_(id) {}

  [[nodiscard]] PlacementGroupId Id() const { return id_; }
  /// Whether all of it is reserved before the time is over; without one it is waited for for ever.
  /// Throws TaskPlacementGroupRemoved when it never will be.
  [[nodiscard]] bool Wait(std::optional<Duration> timeout = {}) const;
  /// How it is now.
  [[nodiscard]] PlacementGroupView View() const;

 private:
  PlacementGroupId id_;
};

/// Returns before it is placed. Throws std::invalid_argument when the name is taken, or a bundle
/// asks for nothing.
PlacementGroup CreatePlacementGroup(const PlacementGroupOptions& options);
/// Gives back what it reserves and ends what runs there.
void RemovePlacementGroup(const PlacementGroup& group);
/// The living one of this name; nothing when there is none.
std::optional<PlacementGroup> GetPlacementGroup(const std::string& name);
/// The one with that id, which may be over; nothing when there never was one.
std::optional<PlacementGroup> GetPlacementGroupById(PlacementGroupId id);
/// All that the cluster knows, those that are over, too.
std::vector<PlacementGroup> GetAllPlacementGroups();

}  // namespace mobula
