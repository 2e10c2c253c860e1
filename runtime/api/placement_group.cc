// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/placement_group.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "runtime/api/context.h"
#include "runtime/api/errors.h"

namespace mobula {
namespace {

// The messages have the names of the functions.
using Creation = struct CreatePlacementGroup;
using Removal = struct RemovePlacementGroup;
using Question = struct GetPlacementGroup;

PlacementGroupReply Ask(Message question) {
  return std::get<PlacementGroupReply>(api::Context::Current().AskGcs(std::move(question)));
}

ResourceSet BundleOf(const std::map<std::string, double>& amounts) {
  const ResourceSet bundle = ResourceSet::Of(amounts);
  const bool is_negative = std::any_of(bundle.units.begin(), bundle.units.end(),
                                       [](const auto& entry) { return entry.second < 0; });
  if (bundle.IsEmpty() || is_negative) {
    throw std::invalid_argument("a bundle takes amounts above 0, for example {{\"CPU\", 1}}; got " +
                                bundle.ToString());
  }
  return bundle;
}

}  // namespace

PlacementGroup CreatePlacementGroup(const PlacementGroupOptions& options) {
  api::Context& context = api::Context::Current();
  if (options.bundles.empty())
    throw std::invalid_argument("a placement group takes one bundle at least; got none");
  Creation question;
  PlacementGroupSpec& spec = question.spec;
  spec.group = PlacementGroupOf(context.NextChild());
  for (const auto& amounts : options.bundles) spec.bundles.push_back(BundleOf(amounts));
  spec.strategy = options.strategy;
  spec.name = options.name;
  spec.ray_namespace = context.Process().Identity().job_config.ray_namespace;
  spec.job = context.Process().Identity().job;
  spec.detached = options.detached;
  const PlacementGroupId group = spec.group;
  const PlacementGroupReply reply = Ask(std::move(question));
  if (!reply.group.error.Ok()) Throw(reply.group.error);
  return PlacementGroup(group);
}

bool PlacementGroup::Wait(std::optional<Duration> timeout) const {
  const auto reply =
      api::Context::Current().AskGcs(Question{0, id_, "", "", /*when_placed=*/true}, timeout);
  if (!reply) return false;
  const PlacementGroupView& view = std::get<PlacementGroupReply>(*reply).group;
  if (view.state == PlacementGroupState::kRemoved) Throw(view.error);
  return true;
}

PlacementGroupView PlacementGroup::View() const {
  return Ask(Question{0, id_, "", "", /*when_placed=*/false}).group;
}

void RemovePlacementGroup(const PlacementGroup& group) { Ask(Removal{0, group.Id()}); }

std::optional<PlacementGroup> GetPlacementGroup(const std::string& name) {
  const std::string& ray_namespace =
      api::Context::Current().Process().Identity().job_config.ray_namespace;
  const PlacementGroupReply reply =
      Ask(Question{0, {}, name, ray_namespace, /*when_placed=*/false});
  if (!reply.found) return std::nullopt;
  return PlacementGroup(reply.group.spec.group);
}

std::optional<PlacementGroup> GetPlacementGroupById(PlacementGroupId id) {
  if (!Ask(Question{0, id, "", "", /*when_placed=*/false}).found) return std::nullopt;
  return PlacementGroup(id);
}

std::vector<PlacementGroup> GetAllPlacementGroups() {
  const Message reply = api::Context::Current().AskGcs(ListPlacementGroups{});
  std::vector<PlacementGroup> groups;
  for (const PlacementGroupView& view : std::get<ListPlacementGroupsReply>(reply).groups)
    groups.emplace_back(view.spec.group);
  return groups;
}

}  // namespace mobula
