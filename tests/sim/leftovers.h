// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "sim/world.h"

namespace mobula::sim {

/// What a cluster still holds of programs that need nothing any more, one line each: references and
/// tasks of processes, objects in stores, resources of leases, what links have not delivered. Empty
/// a little while after every program dropped everything.
///
/// Who made a detached actor waits for its creation, which counts as under way for as long as the
/// actor lives: that alone is no leftover.
std::vector<std::string> FindLeftovers(const World& world);

/// Where detached actors live now.
std::set<WorkerId> DetachedProcesses(const World& world);

}  // namespace mobula::sim
