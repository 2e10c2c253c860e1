// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/bundle_table.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/check.h"

namespace mobula::raylet {

/// Attempt 0 stands for all of them. `visit` may erase what it is given.
template <class Visit>
void BundleTable::ForEachOf(PlacementGroupId group, std::uint64_t attempt, Visit visit) {
  auto next = bundles_.lower_bound({group, 0, 0});
  while (next != bundles_.end() && next->first.group == group) {
    const auto current = next++;
    if (attempt == 0 || current->first.attempt == attempt) visit(current);
  }
}

void BundleTable::Prepare(const PrepareBundles& message, Outbox& out) {
  ResourceSet sum;
  for (const BundleRequest& bundle : message.bundles) {
    if (!bundles_.contains({message.group, bundle.index, message.attempt}))
      sum.Add(bundle.resources);
  }
  const bool ok = view_.Self().Available().Covers(sum) && SetAside(message);
  if (ok) view_.AcquireLocal(sum);
  out.SendGcs(BundlesPrepared{message.group, message.attempt, ok});
}

/// Makes those that are not here. False, and then none is made, when their GPUs are too scattered.
bool BundleTable::SetAside(const PrepareBundles& message) {
  std::vector<Bundles::iterator> made;
  for (const BundleRequest& bundle : message.bundles) {
    const auto [entry, added] =
        bundles_.try_emplace({message.group, bundle.index, message.attempt},
                             Bundle{State::kPrepared, bundle.resources, bundle.resources, {}, 0});
    if (!added) continue;
    made.push_back(entry);
    const auto gpus = gpus_.Find(bundle.resources);
    if (gpus) {
      gpus_.Take(*gpus);
      entry->second.gpus = GpuTable(*gpus);
      continue;
    }
    for (const auto undone : made) {
      gpus_.Give(undone->second.gpus.All());
      bundles_.erase(undone);
    }
    return false;
  }
  return true;
}

void BundleTable::Commit(const CommitBundles& message, Outbox& out) {
  ForEachOf(message.group, message.attempt, [](Bundles::iterator bundle) {
    if (bundle->second.state == State::kPrepared) bundle->second.state = State::kCommitted;
  });
  out.SendGcs(BundlesCommitted{message.group, message.attempt});
}

std::vector<BundleKey> BundleTable::Return(const ReturnBundles& message) {
  std::vector<BundleKey> in_use;
  ForEachOf(message.group, message.attempt, [&](Bundles::iterator bundle) {
    if (bundle->second.users == 0) return Erase(bundle);
    bundle->second.state = State::kReturning;
    in_use.push_back(bundle->first);
  });
  return in_use;
}

void BundleTable::Erase(Bundles::iterator bundle) {
  CHECK(bundle->second.available == bundle->second.reserved)
      << "of " << bundle->second.reserved.ToString() << " only "
      << bundle->second.available.ToString() << " came back";
  view_.ReleaseLocal(bundle->second.reserved);
  gpus_.Give(bundle->second.gpus.All());
  bundles_.erase(bundle);
}

template <class Visit>
void BundleTable::ForEachUsable(const SchedulingStrategy& strategy, Visit visit) const {
  for (auto next = bundles_.lower_bound({strategy.group, 0, 0});
       next != bundles_.end() && next->first.group == strategy.group; ++next) {
    if (!strategy.AllowsBundle(next->first.index)) continue;
    if (next->second.state == State::kCommitted && visit(*next)) return;
  }
}

const BundleKey* BundleTable::FindRoom(const SchedulingStrategy& strategy,
                                       const ResourceSet& need) const {
  const BundleKey* room = nullptr;
  ForEachUsable(strategy, [&](const Bundles::value_type& bundle) {
    if (bundle.second.available.Covers(need) && bundle.second.gpus.Find(need)) room = &bundle.first;
    return room != nullptr;
  });
  return room;
}

std::vector<BundleKey> BundleTable::Usable(const SchedulingStrategy& strategy,
                                           const ResourceSet& need) const {
  std::vector<BundleKey> usable;
  ForEachUsable(strategy, [&](const Bundles::value_type& bundle) {
    if (bundle.second.reserved.Covers(need)) usable.push_back(bundle.first);
    return false;
  });
  return usable;
}

const ResourceSet& BundleTable::Available(const BundleKey& key) const {
  return bundles_.at(key).available;
}

const GpuTable& BundleTable::Gpus(const BundleKey& key) const { return bundles_.at(key).gpus; }

void BundleTable::Enter(const BundleKey& key, const ResourceSet& resources, const GpuShares& gpus) {
  Bundle& bundle = bundles_.at(key);
  CHECK(bundle.state == State::kCommitted) << key.group << " is not to be used";
  bundle.available.Subtract(resources);
  bundle.gpus.Take(gpus);
  ++bundle.users;
}

void BundleTable::Leave(const BundleKey& key, const ResourceSet& resources, const GpuShares& gpus) {
  const auto bundle = bundles_.find(key);
  CHECK(bundle != bundles_.end() && bundle->second.users > 0) << key.group << " has no users";
  bundle->second.available.Add(resources);
  bundle->second.gpus.Give(gpus);
  --bundle->second.users;
  if (bundle->second.state == State::kReturning && bundle->second.users == 0) Erase(bundle);
}

void BundleTable::Lend(const BundleKey& key, const ResourceSet& resources) {
  bundles_.at(key).available.Add(resources);
}

void BundleTable::Resume(const BundleKey& key, const ResourceSet& resources) {
  bundles_.at(key).available.Subtract(resources, /*allow_negative=*/true);
}

std::vector<HeldBundle> BundleTable::Held() const {
  std::vector<HeldBundle> held;
  for (const auto& [key, bundle] : bundles_) {
    // One that is being given back is the GCS's no more.
    if (bundle.state == State::kReturning) continue;
    held.push_back({key.group, key.index, key.attempt, bundle.state == State::kCommitted});
  }
  return held;
}

std::vector<BundleView> BundleTable::Views() const {
  std::vector<BundleView> views;
  for (const auto& [key, bundle] : bundles_) {
    views.push_back({{key.group, key.index, key.attempt, bundle.state == State::kCommitted},
                     bundle.reserved,
                     bundle.available,
                     bundle.state == State::kReturning});
  }
  return views;
}

ResourceSet BundleTable::Reserved() const {
  ResourceSet sum;
  for (const auto& [key, bundle] : bundles_) sum.Add(bundle.reserved);
  return sum;
}

void BundleTable::AddGpus(GpuShares& sum) const {
  for (const auto& [key, bundle] : bundles_) {
    for (const auto& [gpu, share] : bundle.gpus.All()) sum[gpu] += share;
  }
}

void BundleTable::CheckInvariants(const Usage& usage) const {
  for (const auto& [key, used] : usage) CHECK(bundles_.contains(key)) << key.group << " is gone";
  const BundleKey* before = nullptr;
  for (const auto& [key, bundle] : bundles_) {
    CHECK(bundle.reserved.Covers(bundle.available)) << key.group << " has more than it reserves";
    const auto used = usage.find(key);
    ResourceSet sum = bundle.available;
    GpuShares gpus = bundle.gpus.Free();
    if (used != usage.end()) {
      sum.Add(used->second.resources);
      for (const auto& [gpu, share] : used->second.gpus) gpus[gpu] += share;
    }
    CHECK(gpus == bundle.gpus.All()) << key.group << " has lost count of its GPUs";
    CHECK(sum == bundle.reserved) << key.group << " reserves " << bundle.reserved.ToString()
                                  << " and accounts for " << sum.ToString();
    CHECK(bundle.users == (used == usage.end() ? 0 : used->second.count)) << key.group;
    CHECK(bundle.state != State::kPrepared || bundle.users == 0) << key.group << " is used early";
    CHECK(bundle.state != State::kReturning || bundle.users > 0) << key.group << " stays";
    // An older attempt may be on its way out, but no bundle is reserved twice.
    const bool again = before != nullptr && before->group == key.group &&
                       before->index == key.index && bundle.state != State::kReturning &&
                       bundles_.at(*before).state != State::kReturning;
    CHECK(!again) << key.group << " has bundle " << key.index << " twice";
    before = &key;
  }
}

}  // namespace mobula::raylet
