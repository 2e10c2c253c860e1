// SPDX-License-Identifier: Apache-2.0
#include "faults/link_faults.h"

#include <algorithm>

namespace mobula::faults {
namespace {

using Names = std::vector<std::string>;

bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Applies(const Names& from, const Names& to, bool both_ways, const std::string& source,
             const std::string& target) {
  if (Contains(from, source) && Contains(to, target)) return true;
  return both_ways && Contains(from, target) && Contains(to, source);
}
bool Applies(const Partition& fault, const std::string& source, const std::string& target) {
  return Applies(fault.a, fault.b, !fault.one_way, source, target);
}
bool Applies(const LinkFault& fault, const std::string& source, const std::string& target) {
  return Applies(fault.from, fault.to, fault.both_ways, source, target);
}

std::uint64_t PurposeOf(const std::string& source, const std::string& target) {
  Hasher hasher;
  hasher.Mix(source);
  hasher.Mix(target);
  return hasher.Value();
}

}  // namespace

void LinkFaults::Add(FaultId id, const Partition& fault) {
  active_.insert_or_assign(id, Active{fault, rng_, {}});
}

void LinkFaults::Add(FaultId id, const LinkFault& fault) {
  Hasher content;
  content.Mix(fault);
  content.Word(repeats_[content.Value()]++);
  active_.insert_or_assign(id, Active{fault, rng_.Fork(content.Value()), {}});
}

Suffering LinkFaults::Suffer(const std::string& source, const std::string& target) {
  Suffering sum;
  for (auto& [id, active] : active_) {
    if (const auto* partition = std::get_if<Partition>(&active.fault)) {
      if (Applies(*partition, source, target)) sum.lost = true;
      continue;
    }
    const auto& fault = std::get<LinkFault>(active.fault);
    if (!Applies(fault, source, target)) continue;
    Rng& rng =
        active.streams.try_emplace({source, target}, active.rng.Fork(PurposeOf(source, target)))
            .first->second;
    if (rng.Uniform() < fault.loss) sum.lost = true;
    if (rng.Uniform() < fault.duplicate) sum.twice = true;
    sum.late = sum.late + fault.delay + FromSeconds(fault.jitter.Seconds() * rng.Uniform());
    const bool overtaken = rng.Uniform() < fault.reorder;
    const Duration behind = FromSeconds(fault.reorder_by.Seconds() * rng.Uniform());
    if (overtaken) {
      sum.overtaken = true;
      sum.late = sum.late + behind;
    }
    const double wire = fault.bytes_per_second;
    if (wire > 0 && (sum.bytes_per_second == 0 || wire < sum.bytes_per_second)) {
      sum.bytes_per_second = wire;
    }
  }
  return sum;
}

bool LinkFaults::IsCut(const std::string& source, const std::string& target) const {
  return std::any_of(active_.begin(), active_.end(), [&](const auto& entry) {
    const auto* partition = std::get_if<Partition>(&entry.second.fault);
    return partition != nullptr && Applies(*partition, source, target);
  });
}

}  // namespace mobula::faults
