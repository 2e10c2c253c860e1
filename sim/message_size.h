// SPDX-License-Identifier: Apache-2.0
/// How many bytes a message would be on the wire, roughly: what the network's bandwidth is charged
/// with.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/describe.h"

namespace mobula::sim {

inline std::uint64_t SizeOf(const std::string& value) { return 2 + value.size(); }
inline std::uint64_t SizeOf(const Bytes& value) { return 2 + value.Size(); }
inline std::uint64_t SizeOf(Duration) { return 8; }
inline std::uint64_t SizeOf(const ObjectId&) { return 20; }
template <class Tag>
std::uint64_t SizeOf(const Id<Tag>&) {
  return 16;
}
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
std::uint64_t SizeOf(T) {
  return 4;
}
template <Described T>
std::uint64_t SizeOf(const T& value);
template <OptionalValue T>
std::uint64_t SizeOf(const T& value);
template <class T>
std::uint64_t SizeOf(const Shared<T>& value) {
  return SizeOf(*value);
}
template <SequenceValue T>
std::uint64_t SizeOf(const T& values);
template <class T>
std::uint64_t SizeOf(const SharedVector<T>& values);
template <class K, class V, class C>
std::uint64_t SizeOf(const std::map<K, V, C>& values);
template <class... T>
std::uint64_t SizeOf(const std::variant<T...>& value);

template <Described T>
std::uint64_t SizeOf(const T& value) {
  std::uint64_t size = 0;
  ForEachField(value, [&size](const char*, const auto& field) { size += SizeOf(field); });
  return size;
}
template <OptionalValue T>
std::uint64_t SizeOf(const T& value) {
  return value ? SizeOf(*value) : 0;
}
template <SequenceValue T>
std::uint64_t SizeOf(const T& values) {
  std::uint64_t size = 0;
  for (const auto& value : values) size += SizeOf(value);
  return size;
}
/// As if all were like the first: what is told to a thousand nodes need not be weighed a thousand
/// times.
template <class T>
std::uint64_t SizeOf(const SharedVector<T>& values) {
  return values.empty() ? 0 : values.size() * SizeOf(values[0]);
}
template <class K, class V, class C>
std::uint64_t SizeOf(const std::map<K, V, C>& values) {
  std::uint64_t size = 0;
  for (const auto& [key, value] : values) size += SizeOf(key) + SizeOf(value);
  return size;
}
template <class... T>
std::uint64_t SizeOf(const std::variant<T...>& value) {
  return std::visit([](const auto& member) { return SizeOf(member); }, value);
}

}  // namespace mobula::sim
