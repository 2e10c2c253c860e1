// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace mobula::sim {

/// What a cluster still holds of programs that need nothing any more, one line each: references and
/// tasks of processes, objects in stores, resources of leases, what links have not delivered. Empty
/// a little while after every program dropped everything.
std::vector<std::string> FindLeftovers(const World& world);

}  // namespace mobula::sim
