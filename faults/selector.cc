// SPDX-License-Identifier: Apache-2.0
#include "faults/selector.h"

#include <algorithm>

namespace mobula::faults {
namespace {

constexpr std::string_view kAny = "any";
constexpr std::string_view kAll = "all";

bool CanMean(std::string_view selector, const NodeFacts& node) {
  if (selector == kAll) return true;
  if (selector == kAny) return !node.is_head;
  const auto equals = selector.find('=');
  if (equals == std::string_view::npos) return node.name == selector;
  const auto label = node.labels.find(std::string(selector.substr(0, equals)));
  return label != node.labels.end() && label->second == selector.substr(equals + 1);
}

}  // namespace

std::vector<std::string> Select(std::string_view selector, const std::vector<NodeFacts>& nodes,
                                bool spare_head, Rng& rng) {
  std::vector<std::string> chosen;
  for (const NodeFacts& node : nodes) {
    if (!CanMean(selector, node) || (spare_head && node.is_head)) continue;
    if (selector == kAny && !node.runs) continue;
    chosen.push_back(node.name);
  }
  if (selector != kAny || chosen.empty()) return chosen;
  return {chosen[rng.Below(chosen.size())]};
}

bool Matches(std::string_view selector, std::string_view node,
             const std::vector<NodeFacts>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const NodeFacts& facts) {
    return facts.name == node && CanMean(selector, facts);
  });
}

}  // namespace mobula::faults
