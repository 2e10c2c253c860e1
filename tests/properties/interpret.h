// SPDX-License-Identifier: Apache-2.0
/// Runs programs as data on a cluster, with a Ledger looking on. The same interpreter, on plain
/// values and without a cluster, says what every reference must turn out to be.
#pragma once

#include "tests/properties/ledger.h"
#include "tests/properties/program.h"
#include "tests/sim/generators.h"

namespace mobula::properties {

/// Runs `program` as the calling driver's. A step that fails is over, and the program goes on; a
/// task fails as a whole. All references are dropped when this returns.
void RunOnCluster(const Program& program, Ledger& ledger);
/// What its generators make.
std::string ItemOf(const sim::GeneratorCall& call, std::uint32_t index);
/// As the calling driver: reads the keys, if anybody asked for one.
void ReadAllKeys(Ledger& ledger);
/// As another driver, later: looks for the detached actors that may live, calls and kills them.
void EndDetachedActors(Ledger& ledger);

}  // namespace mobula::properties
