// SPDX-License-Identifier: Apache-2.0
/// Amounts of named resources in fixed point (1/10000), so that fractions add up exactly.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace mobula {

/// What a task needs, a node has, or a lease holds. Names with a zero amount are not stored.
class ResourceSet {
 public:
  static constexpr std::int64_t kUnit = 10'000;
  static constexpr std::string_view kCpu = "CPU";
  static constexpr std::string_view kGpu = "GPU";
  /// In bytes, as users say it.
  static constexpr std::string_view kMemory = "memory";
  static constexpr std::string_view kObjectStoreMemory = "object_store_memory";

  ResourceSet() = default;
  /// For example `ResourceSet::Of({{"CPU", 2}, {"GPU", 0.5}})`.
  static ResourceSet Of(const std::map<std::string, double>& amounts);

  bool operator==(const ResourceSet&) const = default;
  auto operator<=>(const ResourceSet&) const = default;
  [[nodiscard]] bool IsEmpty() const { return units.empty(); }
  /// In whole units as users write them; 0 when absent.
  [[nodiscard]] double Get(std::string_view name) const;
  [[nodiscard]] std::int64_t Units(std::string_view name) const;
  void SetUnits(std::string_view name, std::int64_t amount);
  /// Whether every amount of `need` is here.
  [[nodiscard]] bool Covers(const ResourceSet& need) const;
  void Add(const ResourceSet& other);
  /// REQUIRES: Covers(other), unless `allow_negative` (a lease that resumes while its CPU is lent
  /// out).
  void Subtract(const ResourceSet& other, bool allow_negative = false);
  /// "{CPU: 2, GPU: 0.5}".
  [[nodiscard]] std::string ToString() const;

  /// Public for the codec and the trace only; go through the methods.
  std::map<std::string, std::int64_t, std::less<>> units;
};
BOOST_DESCRIBE_STRUCT(ResourceSet, (), (units))

}  // namespace mobula
