// SPDX-License-Identifier: Apache-2.0
/// What is said of placement groups: to the GCS, and between it and the raylets.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/protocol/cluster.h"

namespace mobula {

/// What a raylet holds of a placement group.
struct HeldBundle {
  PlacementGroupId group;
  std::uint32_t index = 0;
  std::uint64_t attempt = 0;
  bool committed = false;
  MOBULA_FIELDS(HeldBundle, group, index, attempt, committed)
};

/// Answered once it is known, which is before it is placed. The answer has an error (kInvalid) when
/// the name is taken.
struct CreatePlacementGroup {
  std::uint64_t request = 0;
  PlacementGroupSpec spec;
  MOBULA_FIELDS(CreatePlacementGroup, request, spec)
};
/// Gives back what it reserves, and ends what runs there.
struct RemovePlacementGroup {
  std::uint64_t request = 0;
  PlacementGroupId group;
  MOBULA_FIELDS(RemovePlacementGroup, request, group)
};
struct GetPlacementGroup {
  std::uint64_t request = 0;
  /// Nil: the living one of this name.
  PlacementGroupId group;
  std::string name;
  std::string ray_namespace;
  /// Answered when it is created or removed, not before.
  bool when_placed = false;
  MOBULA_FIELDS(GetPlacementGroup, request, group, name, ray_namespace, when_placed)
};
/// The answer to the three above.
struct PlacementGroupReply {
  std::uint64_t request = 0;
  bool found = false;
  PlacementGroupView group;
  MOBULA_FIELDS(PlacementGroupReply, request, found, group)
};
struct ListPlacementGroups {
  std::uint64_t request = 0;
  MOBULA_FIELDS(ListPlacementGroups, request)
};
struct ListPlacementGroupsReply {
  std::uint64_t request = 0;
  std::vector<PlacementGroupView> groups;
  MOBULA_FIELDS(ListPlacementGroupsReply, request, groups)
};

struct BundleRequest {
  std::uint32_t index = 0;
  ResourceSet resources;
  MOBULA_FIELDS(BundleRequest, index, resources)
};
/// GCS to raylet, phase one: set the resources of these bundles aside, all of them or none.
struct PrepareBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  std::vector<BundleRequest> bundles;
  MOBULA_FIELDS(PrepareBundles, group, attempt, bundles)
};
struct BundlesPrepared {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  /// False: there is no room, and nothing was set aside.
  bool ok = true;
  MOBULA_FIELDS(BundlesPrepared, group, attempt, ok)
};
/// Phase two: what was prepared in this attempt may be used.
struct CommitBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(CommitBundles, group, attempt)
};
struct BundlesCommitted {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(BundlesCommitted, group, attempt)
};
/// Whatever was reserved in this attempt, or in any when it is 0, is given back; what runs there is
/// ended. Not answered: a raylet that comes back to the GCS says what it holds.
struct ReturnBundles {
  PlacementGroupId group;
  std::uint64_t attempt = 0;
  MOBULA_FIELDS(ReturnBundles, group, attempt)
};
/// Raylet to GCS: it has a request for that group, and wants `PlacementGroupUpdate`s, one at once
/// and until the group is removed.
struct LocatePlacementGroup {
  PlacementGroupId group;
  MOBULA_FIELDS(LocatePlacementGroup, group)
};
struct PlacementGroupUpdate {
  PlacementGroupView group;
  MOBULA_FIELDS(PlacementGroupUpdate, group)
};

}  // namespace mobula
