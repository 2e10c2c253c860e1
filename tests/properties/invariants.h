// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>

#include "sim/world.h"
#include "tests/properties/ledger.h"

namespace mobula::properties {

/// What must hold of the whole cluster at every moment, where each machine's own CheckInvariants
/// sees only itself:
///
///   no premature free     | an object that the driver (or, as long as nothing died, any process)
///                         | refers to is known to its owner, if that lives
///   lineage in scope      | of an object in a store that somebody needs, its owner still has the
///                         | task that made it, if that may run again, and, by induction, whatever
///                         | that task would need
///   what is mapped stays  | an object that a process maps, the store of its node keeps for it
///
/// The second is one of the two properties of the formal model in the Ownership paper (NSDI'21);
/// the other, that every future is fulfilled and all tables are empty at the end, is what RunHere
/// checks.
class WorldInvariants {
 public:
  WorldInvariants(const sim::World& world, Ledger& ledger) : world_(world), ledger_(ledger) {}

  /// Complains to the ledger. To be called between events; looks at every few calls only, as it
  /// looks at everything.
  void Check();

 private:
  void CheckProcess(WorkerId process);
  void CheckKnown(WorkerId process, const worker::ReferenceView& held);
  void CheckMapped(WorkerId process, const worker::Worker& machine);
  void CheckLineage(const worker::Worker& owner, const worker::ReferenceView& object);

  const sim::World& world_;
  Ledger& ledger_;
  std::uint64_t calls_ = 0;
  bool nothing_died_ = true;
  /// Complained of.
  std::set<ObjectId> wrong_;
};

}  // namespace mobula::properties
