// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/lease_table.h"

#include "runtime/base/check.h"

namespace mobula::raylet {
namespace {

RequestKey KeyOf(const Lease& lease) { return {lease.request.owner.worker, lease.request.request}; }

}  // namespace

ResourceSet CpuPart(const ResourceSet& resources) {
  ResourceSet cpu;
  cpu.SetUnits(ResourceSet::kCpu, resources.Units(ResourceSet::kCpu));
  return cpu;
}

ResourceSet Lease::Held() const {
  ResourceSet held = request.resources;
  if (blocked) held.SetUnits(ResourceSet::kCpu, 0);
  return held;
}

void LeaseTable::Add(Lease lease) {
  const std::uint64_t number = next_++;
  by_id_.emplace(lease.id, number);
  CHECK(by_worker_.emplace(lease.worker, number).second) << lease.worker << " has a lease already";
  CHECK(by_request_.emplace(KeyOf(lease), number).second)
      << "granted twice: " << lease.request.request;
  leases_.emplace(number, std::move(lease));
}

Lease LeaseTable::Remove(LeaseId id) {
  const auto number = by_id_.extract(id);
  CHECK(!number.empty()) << "no lease " << id;
  Lease lease = std::move(leases_.extract(number.mapped()).mapped());
  by_worker_.erase(lease.worker);
  by_request_.erase(KeyOf(lease));
  return lease;
}

Lease* LeaseTable::Find(LeaseId id) {
  const auto number = by_id_.find(id);
  return number == by_id_.end() ? nullptr : &leases_.at(number->second);
}

const Lease* LeaseTable::FindByWorker(WorkerId worker) const {
  const auto number = by_worker_.find(worker);
  return number == by_worker_.end() ? nullptr : &leases_.at(number->second);
}

Lease* LeaseTable::FindByWorker(WorkerId worker) {
  const auto number = by_worker_.find(worker);
  return number == by_worker_.end() ? nullptr : &leases_.at(number->second);
}

const Lease* LeaseTable::FindByRequest(const RequestKey& key) const {
  const auto number = by_request_.find(key);
  return number == by_request_.end() ? nullptr : &leases_.at(number->second);
}

std::vector<LeaseId> LeaseTable::OfOwner(WorkerId owner) const {
  std::vector<LeaseId> ids;
  for (auto next = by_request_.lower_bound({owner, 0});
       next != by_request_.end() && next->first.first == owner; ++next) {
    ids.push_back(leases_.at(next->second).id);
  }
  return ids;
}

void LeaseTable::CheckInvariants() const {
  CHECK(by_id_.size() == leases_.size() && by_worker_.size() == leases_.size() &&
        by_request_.size() == leases_.size());
  for (const auto& [number, lease] : leases_) {
    CHECK(by_id_.at(lease.id) == number && by_worker_.at(lease.worker) == number);
    CHECK(by_request_.at(KeyOf(lease)) == number);
  }
}

}  // namespace mobula::raylet
