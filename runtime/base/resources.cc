// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/resources.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "runtime/base/check.h"

namespace mobula {

ResourceSet ResourceSet::Of(const std::map<std::string, double>& amounts) {
  ResourceSet set;
  for (const auto& [name, amount] : amounts) {
    set.SetUnits(name, static_cast<std::int64_t>(std::llround(amount * kUnit)));
  }
  return set;
}

double ResourceSet::Get(std::string_view name) const {
  return static_cast<double>(Units(name)) / kUnit;
}

std::int64_t ResourceSet::Units(std::string_view name) const {
  const auto found = units.find(name);
  return found == units.end() ? 0 : found->second;
}

void ResourceSet::SetUnits(std::string_view name, std::int64_t amount) {
  const auto found = units.find(name);
  if (amount == 0) {
    if (found != units.end()) units.erase(found);
  } else if (found != units.end()) {
    found->second = amount;
  } else {
    units.emplace(name, amount);
  }
}

bool ResourceSet::Covers(const ResourceSet& need) const {
  return std::all_of(need.units.begin(), need.units.end(),
                     [this](const auto& entry) { return Units(entry.first) >= entry.second; });
}

void ResourceSet::Add(const ResourceSet& other) {
  for (const auto& [name, amount] : other.units) SetUnits(name, Units(name) + amount);
}

void ResourceSet::Subtract(const ResourceSet& other, bool allow_negative) {
  CHECK(allow_negative || Covers(other)) << ToString() << " - " << other.ToString();
  for (const auto& [name, amount] : other.units) SetUnits(name, Units(name) - amount);
}

std::string ResourceSet::ToString() const {
  std::ostringstream text;
  text << "{";
  const char* separator = "";
  for (const auto& [name, amount] : units) {
    text << separator << name << ": " << static_cast<double>(amount) / kUnit;
    separator = ", ";
  }
  text << "}";
  return text.str();
}

}  // namespace mobula
