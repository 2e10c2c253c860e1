// SPDX-License-Identifier: Apache-2.0
/// Numbers as bytes, one by one and in vectors.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/packed.h"

namespace mobula {

template <class T>
concept PlainNumber = std::is_arithmetic_v<T>;

/// Vectors of so many numbers travel as memory has them; shorter ones as lists.
inline constexpr std::size_t kNumbersMin = 64;

/// What Python's module `array` calls it.
template <PlainNumber T>
constexpr char NumberCode() {
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == sizeof(float) ? 'f' : 'd';
  constexpr char kSigned[] = {0, 'b', 'h', 0, 'i', 0, 0, 0, 'q'};
  constexpr char kUnsigned[] = {0, 'B', 'H', 0, 'I', 0, 0, 0, 'Q'};
  return std::is_signed_v<T> ? kSigned[sizeof(T)] : kUnsigned[sizeof(T)];
}

/// Characters are no numbers to `std::in_range` and its like.
template <class T>
using Whole = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;

/// Throws SerializationError for a number that the type has no room for, and for a fraction that a
/// whole number would lose.
template <PlainNumber T, PlainNumber From>
T ConvertNumber(From value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    throw SerializationError("expected whole numbers, got numbers with a fraction");
  } else {
    const T converted = static_cast<T>(value);
    if (std::cmp_not_equal(Whole<T>{converted}, value))
      throw SerializationError("the number " + std::to_string(value) + " does not fit its type");
    return converted;
  }
}

/// Whole numbers below 2^16, which most values are: written and read here without a call.
inline constexpr std::uint64_t kShortLimit = 0x10000;
inline constexpr unsigned char kTwoBytes = 0xCD;

inline void PackShort(std::uint64_t value, Encoded& out) {
  if (value >= 0x80) {
    out.data.push_back(static_cast<char>(kTwoBytes));
    out.data.push_back(static_cast<char>(value >> 8));
  }
  out.data.push_back(static_cast<char>(value));
}

/// The whole of a value, when it is such a number.
inline std::optional<std::uint64_t> ReadShort(std::string_view data) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(data[i]); };
  if (data.size() == 2 && data[0] == kPackedTag && at(1) < 0x80) return at(1);
  if (data.size() == 4 && data[0] == kPackedTag && at(1) == kTwoBytes) return at(2) << 8 | at(3);
  return std::nullopt;
}

template <PlainNumber T>
void PackNumber(T value, Encoded& out) {
  static_assert(sizeof(T) <= sizeof(std::int64_t), "no other language has numbers that long");
  if constexpr (std::is_same_v<T, bool>) {
    PackBool(value, out);
  } else if constexpr (std::is_floating_point_v<T>) {
    PackDouble(value, out);
  } else if (std::cmp_greater_equal(Whole<T>{value}, 0) &&
             std::cmp_less(Whole<T>{value}, kShortLimit)) {
    PackShort(static_cast<std::uint64_t>(value), out);
  } else if constexpr (std::is_signed_v<T>) {
    PackInteger(value, out);
  } else {
    PackUnsigned(value, out);
  }
}

template <PlainNumber T>
T TakeNumber(Reader& in) {
  if constexpr (std::is_same_v<T, bool>) {
    return in.TakeBool();
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(in.TakeDouble());
  } else if constexpr (std::is_signed_v<T>) {
    return ConvertNumber<T>(in.TakeInteger());
  } else {
    return ConvertNumber<T>(in.TakeUnsigned());
  }
}

/// Bytes: what Python calls so.
template <class T>
inline constexpr bool kIsByte = std::is_same_v<T, char> || std::is_same_v<T, unsigned char>;

template <PlainNumber T>
void PackNumbers(const std::vector<T>& values, Encoded& out) {
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                               values.size() * sizeof(T));
  if constexpr (kIsByte<T>) {
    PackBytes(bytes, out);
  } else if (values.size() >= kNumbersMin) {
    PackExtension(Extension::kNumbers, bytes, out, NumberCode<T>());
  } else {
    PackArray(values.size(), out);
    for (const T value : values) PackNumber(value, out);
  }
}

template <PlainNumber From, PlainNumber T>
void AppendNumbers(std::string_view bytes, std::vector<T>& out) {
  const std::size_t count = bytes.size() / sizeof(From);
  if (count * sizeof(From) != bytes.size())
    throw SerializationError("an array of numbers has the wrong size");
  if constexpr (std::is_same_v<From, T>) {
    out.resize(count);
    if (count > 0) std::memcpy(out.data(), bytes.data(), bytes.size());
  } else {
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      From value;
      std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
      out.push_back(ConvertNumber<T>(value));
    }
  }
}

/// The first of the types whose code it is.
template <PlainNumber T, PlainNumber... From>
bool AppendNumbersOf(char code, std::string_view bytes, std::vector<T>& out) {
  return ((code == NumberCode<From>() && (AppendNumbers<From>(bytes, out), true)) || ...);
}

/// From bytes, an array of numbers of any type that fits, or a list.
template <PlainNumber T>
std::vector<T> TakeNumbers(Reader& in) {
  std::vector<T> values;
  if (kIsByte<T> && in.IsBytesNext()) {
    AppendNumbers<T>(in.TakeBytes(), values);
  } else if (in.IsNext(Extension::kNumbers)) {
    std::string_view bytes = in.TakeExtension(Extension::kNumbers);
    const char code = bytes.empty() ? '\0' : bytes.front();
    bytes.remove_prefix(bytes.empty() ? 0 : 1);
    const bool is_known =
        AppendNumbersOf<T, float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                        std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(code, bytes,
                                                                                   values);
    if (!is_known) throw SerializationError("an array holds no numbers that are known");
  } else {
    const std::uint32_t count = in.TakeArray();
    values.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) values.push_back(TakeNumber<T>(in));
  }
  return values;
}

}  // namespace mobula
