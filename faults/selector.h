// SPDX-License-Identifier: Apache-2.0
/// Which nodes a fault is for, in a word:
///
///     n2          the node of that name
///     rack=r1     the nodes whose label "rack" (or any other) is "r1"
///     any         one living node other than the head, drawn when the fault happens
///     all         every node; for faults that end a node, every one but the head
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/rng.h"

namespace mobula::faults {

/// A node as the executor of a plan sees it.
struct NodeFacts {
  std::string name;
  std::map<std::string, std::string> labels;
  bool runs = true;
  bool is_head = false;
};

/// Names of the chosen nodes, in the order of `nodes`; none when nobody fits.
std::vector<std::string> Select(std::string_view selector, const std::vector<NodeFacts>& nodes,
                                bool spare_head, Rng& rng);
/// Whether the node of that name is among those that the selector can mean.
bool Matches(std::string_view selector, std::string_view node, const std::vector<NodeFacts>& nodes);

}  // namespace mobula::faults
