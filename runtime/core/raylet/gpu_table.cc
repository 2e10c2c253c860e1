// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/gpu_table.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace mobula::raylet {

std::vector<std::uint32_t> NumbersOf(const GpuShares& shares) {
  std::vector<std::uint32_t> numbers;
  for (const auto& [gpu, share] : shares) numbers.push_back(gpu);
  return numbers;
}

GpuTable GpuTable::OfNode(const ResourceSet& total) {
  GpuShares all;
  std::int64_t left = total.Units(ResourceSet::kGpu);
  for (std::uint32_t gpu = 0; left > 0; ++gpu, left -= ResourceSet::kUnit)
    all.emplace(gpu, std::min(left, ResourceSet::kUnit));
  return GpuTable(std::move(all));
}

std::optional<GpuShares> GpuTable::Find(const ResourceSet& need) const {
  GpuShares found;
  std::int64_t left = need.Units(ResourceSet::kGpu);
  for (auto next = free_.begin(); next != free_.end() && left >= ResourceSet::kUnit; ++next) {
    if (next->second < ResourceSet::kUnit) continue;
    found.insert(*next);
    left -= ResourceSet::kUnit;
  }
  if (left <= 0) return found;
  if (left >= ResourceSet::kUnit) return std::nullopt;
  auto fullest = free_.end();
  for (auto next = free_.begin(); next != free_.end(); ++next) {
    if (next->second < left || found.contains(next->first)) continue;
    if (fullest == free_.end() || next->second < fullest->second) fullest = next;
  }
  if (fullest == free_.end()) return std::nullopt;
  found.emplace(fullest->first, left);
  return found;
}

void GpuTable::Take(const GpuShares& shares) {
  for (const auto& [gpu, share] : shares) {
    std::int64_t& free = free_.at(gpu);
    CHECK(share > 0 && share <= free) << "GPU " << gpu << " has " << free << ", not " << share;
    free -= share;
  }
}

void GpuTable::Give(const GpuShares& shares) {
  for (const auto& [gpu, share] : shares) {
    std::int64_t& free = free_.at(gpu);
    free += share;
    CHECK(free <= all_.at(gpu)) << "GPU " << gpu << " came back twice";
  }
}

}  // namespace mobula::raylet
