// SPDX-License-Identifier: Apache-2.0
/// Which C++ type of a described struct travels as which Protocol Buffers type.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "runtime/base/describe.h"
#include "runtime/core/protocol/messages.h"

namespace mobula::wire {

template <class T>
struct IsId : std::false_type {};
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};
template <class T>
struct IsOptional : std::bool_constant<OptionalValue<T>> {};
template <class T>
struct IsMap : std::false_type {};
template <class K, class V, class C>
struct IsMap<std::map<K, V, C>> : std::true_type {};
template <class T>
struct IsVariant : std::false_type {};
template <class... T>
struct IsVariant<std::variant<T...>> : std::true_type {};
template <>
struct IsVariant<Message> : std::true_type {};

/// Spans and points in time: int64 nanoseconds.
template <class T>
concept TimeValue = std::is_same_v<T, Duration> || std::is_same_v<T, Instant>;
/// Travels as a varint.
template <class T>
concept VarintValue = std::is_integral_v<T> || DescribedEnum<T> || TimeValue<T>;
/// Travels as length and content.
template <class T>
concept TextValue = std::is_same_v<T, std::string> || std::is_same_v<T, Bytes>;
template <class T>
concept IdValue = IsId<T>::value;
template <class T>
concept ScalarValue = VarintValue<T> || TextValue<T> || IdValue<T>;
/// Travels as a nested message. A variant is a message with one `oneof`.
template <class T>
concept MessageValue = Described<T> || std::is_same_v<T, ObjectId> || IsVariant<T>::value;
/// Travels as the message that is shared.
template <class T>
concept SharedValue = IsShared<T>::value;

inline constexpr int kIdBytes = 16;

/// A thread remembers so many shared messages, none larger than this, in either direction.
inline constexpr std::size_t kKnownMax = 256;
inline constexpr std::size_t kKnownBytesMax = 4096;

/// The number that stands for `value` in its varint; negative numbers are sign-extended, as in
/// proto3.
template <VarintValue T>
constexpr std::uint64_t ToVarint(T value) {
  if constexpr (TimeValue<T>) {
    return static_cast<std::uint64_t>(value.nanoseconds);
  } else {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  }
}

/// Travel packed: one after the other under one head.
template <class T>
struct IsNumbers : std::false_type {};
template <VarintValue T>
struct IsNumbers<std::vector<T>> : std::true_type {};

/// Calls `visit(field)` for each field of a message that is not a variant.
template <class T, class Visit>
void ForEachWireField(T& message, Visit&& visit) {
  if constexpr (std::is_same_v<std::remove_const_t<T>, ObjectId>) {
    visit(message.task);
    visit(message.index);
  } else {
    ForEachField(message, [&](const char*, auto& field) { visit(field); });
  }
}

}  // namespace mobula::wire
