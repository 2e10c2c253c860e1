// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "faults/fault.h"
#include "faults/injector.h"
#include "runtime/base/rng.h"

namespace mobula::faults {

/// What the faults of a direction come to, for one item on its way (a frame, a chunk).
struct Suffering {
  bool lost = false;
  bool twice = false;
  /// It is late, and others need not wait for it.
  bool overtaken = false;
  Duration late;
  /// 0: the link's own.
  double bytes_per_second = 0;

  bool operator==(const Suffering&) const = default;
};

/// The partitions and link faults that last, and what each item suffers from them: what "loss" or
/// "reorder" means, for both worlds. Directions go from node name to node name. Pure.
///
/// Every fault draws from a stream of its own on every direction, named by its content: a fault
/// that is taken away changes nothing but what it did.
class LinkFaults {
 public:
  explicit LinkFaults(Rng rng) : rng_(rng) {}

  /// REQUIRES: lists are of nodes' names, as in `Begin`.
  void Add(FaultId id, const Partition& fault);
  void Add(FaultId id, const LinkFault& fault);
  void Remove(FaultId id) { active_.erase(id); }
  [[nodiscard]] bool IsEmpty() const { return active_.empty(); }

  /// Draws for the next item of this direction.
  Suffering Suffer(const std::string& source, const std::string& target);
  /// Whether a partition cuts this direction.
  [[nodiscard]] bool IsCut(const std::string& source, const std::string& target) const;

 private:
  using Direction = std::pair<std::string, std::string>;
  struct Active {
    std::variant<Partition, LinkFault> fault;
    Rng rng;
    /// Forked from `rng` for each direction, when first used.
    std::map<Direction, Rng> streams;
  };

  Rng rng_;
  std::map<FaultId, Active> active_;
  /// How often a fault of the same content was added: each time it draws anew.
  std::map<std::uint64_t, std::uint64_t> repeats_;
};

}  // namespace mobula::faults
