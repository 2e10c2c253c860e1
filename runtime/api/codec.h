// SPDX-License-Identifier: Apache-2.0
/// How C++ values become bytes that all languages read: numbers, text and bytes, lists,
/// dictionaries, references and handles.
///
/// Serialisable: numbers, enums, strings, std::vector, array, pair, tuple, map, set, their
/// unordered kin, optional, Ref, ActorHandle, and structs whose fields are listed with
/// MOBULA_FIELDS, which travel as lists. A vector of bytes travels as bytes. For another type,
/// specialise `Codec`, which writes one value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "runtime/api/numbers.h"
#include "runtime/api/packed.h"
#include "runtime/base/describe.h"

namespace mobula {

/// Specialised for each serialisable type: `Write(const T&, Encoded&)` and `T Read(Reader&)`.
template <class T>
struct Codec;

template <class T>
void Write(const T& value, Encoded& out) {
  Codec<T>::Write(value, out);
}
template <class T>
T Read(Reader& in) {
  return Codec<T>::Read(in);
}

template <class T>
Encoded Encode(const T& value) {
  Encoded out;
  out.data += kPackedTag;
  Write(value, out);
  return out;
}
/// Of a function without a result.
inline Encoded EncodeNothing() {
  Encoded out;
  out.data += kPackedTag;
  PackNil(out);
  return out;
}
template <class T>
T Decode(const EncodedSource& source) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (const auto number = ReadShort(source.data)) return ConvertNumber<T>(*number);
  }
  Reader in(source);
  T value = Read<T>(in);
  if (!in.AtEnd()) throw SerializationError("a value is longer than its type");
  return value;
}

template <PlainNumber T>
struct Codec<T> {
  static void Write(T value, Encoded& out) { PackNumber(value, out); }
  static T Read(Reader& in) { return TakeNumber<T>(in); }
};

template <class T>
  requires std::is_enum_v<T>
struct Codec<T> {
  using Number = std::underlying_type_t<T>;
  static void Write(T value, Encoded& out) { PackNumber(static_cast<Number>(value), out); }
  static T Read(Reader& in) { return static_cast<T>(TakeNumber<Number>(in)); }
};

template <>
struct Codec<Duration> {
  static void Write(Duration value, Encoded& out) { mobula::Write(value.nanoseconds, out); }
  static Duration Read(Reader& in) { return {mobula::Read<std::int64_t>(in)}; }
};

template <>
struct Codec<std::string> {
  static void Write(const std::string& value, Encoded& out) { PackText(value, out); }
  static std::string Read(Reader& in) { return std::string(in.TakeBytes()); }
};

/// What has elements and takes them at its end.
template <class Container, class Element>
struct SequenceCodec {
  static void Write(const Container& values, Encoded& out) {
    PackArray(values.size(), out);
    for (const auto& value : values) mobula::Write<Element>(value, out);
  }
  static Container Read(Reader& in) {
    Container values;
    for (std::uint32_t rest = in.TakeArray(); rest > 0; --rest)
      values.insert(values.end(), mobula::Read<Element>(in));
    return values;
  }
};

template <class T>
struct Codec<std::vector<T>> : SequenceCodec<std::vector<T>, T> {};

/// `std::vector<bool>` is none of them: it has no array of numbers.
template <PlainNumber T>
  requires(!std::is_same_v<T, bool>)
struct Codec<std::vector<T>> {
  static void Write(const std::vector<T>& values, Encoded& out) { PackNumbers(values, out); }
  static std::vector<T> Read(Reader& in) { return TakeNumbers<T>(in); }
};

template <>
struct Codec<std::vector<std::byte>> {
  static void Write(const std::vector<std::byte>& values, Encoded& out) {
    PackBytes({reinterpret_cast<const char*>(values.data()), values.size()}, out);
  }
  static std::vector<std::byte> Read(Reader& in) {
    const std::string_view bytes = in.TakeBytes();
    const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
    return {first, first + bytes.size()};
  }
};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  static void Write(const std::array<T, N>& values, Encoded& out) {
    PackArray(N, out);
    for (const T& value : values) mobula::Write<T>(value, out);
  }
  static std::array<T, N> Read(Reader& in) {
    in.TakeArrayOf(N);
    std::array<T, N> values;
    for (T& value : values) value = mobula::Read<T>(in);
    return values;
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  static void Write(const std::tuple<T...>& values, Encoded& out) {
    PackArray(sizeof...(T), out);
    std::apply([&](const T&... value) { (mobula::Write<T>(value, out), ...); }, values);
  }
  static std::tuple<T...> Read(Reader& in) {
    in.TakeArrayOf(sizeof...(T));
    // Braces fix the order of evaluation.
    return std::tuple<T...>{mobula::Read<T>(in)...};
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static void Write(const std::pair<A, B>& value, Encoded& out) {
    PackArray(2, out);
    mobula::Write<A>(value.first, out);
    mobula::Write<B>(value.second, out);
  }
  static std::pair<A, B> Read(Reader& in) {
    in.TakeArrayOf(2);
    return std::pair<A, B>{mobula::Read<A>(in), mobula::Read<B>(in)};
  }
};

/// Dictionaries.
template <class Map, class Key, class Mapped>
struct MapCodec {
  static void Write(const Map& values, Encoded& out) {
    PackMap(values.size(), out);
    for (const auto& [key, mapped] : values) {
      mobula::Write<Key>(key, out);
      mobula::Write<Mapped>(mapped, out);
    }
  }
  static Map Read(Reader& in) {
    Map values;
    for (std::uint32_t rest = in.TakeMap(); rest > 0; --rest)
      values.insert(std::pair<Key, Mapped>{mobula::Read<Key>(in), mobula::Read<Mapped>(in)});
    return values;
  }
};
template <class K, class V, class C>
struct Codec<std::map<K, V, C>> : MapCodec<std::map<K, V, C>, K, V> {};
template <class K, class V, class H, class E>
struct Codec<std::unordered_map<K, V, H, E>> : MapCodec<std::unordered_map<K, V, H, E>, K, V> {};
template <class T, class C>
struct Codec<std::set<T, C>> : SequenceCodec<std::set<T, C>, T> {};
template <class T, class H, class E>
struct Codec<std::unordered_set<T, H, E>> : SequenceCodec<std::unordered_set<T, H, E>, T> {};

/// None, or the value; so an optional of an optional has one None only.
template <class T>
struct Codec<std::optional<T>> {
  static void Write(const std::optional<T>& value, Encoded& out) {
    if (!value) return PackNil(out);
    mobula::Write<T>(*value, out);
  }
  static std::optional<T> Read(Reader& in) {
    if (in.TakeNil()) return std::nullopt;
    return mobula::Read<T>(in);
  }
};

template <Described T>
struct Codec<T> {
  static void Write(const T& value, Encoded& out) {
    PackArray(kFields, out);
    ForEachField(value, [&]<class Field>(const char*, const Field& field) {
      mobula::Write<Field>(field, out);
    });
  }
  static T Read(Reader& in) {
    in.TakeArrayOf(kFields);
    T value;
    ForEachField(value,
                 [&]<class Field>(const char*, Field& field) { field = mobula::Read<Field>(in); });
    return value;
  }

 private:
  static constexpr std::size_t kFields = boost::mp11::mp_size<
      boost::describe::describe_members<T, boost::describe::mod_any_access>>::value;
};

template <class Tag>
struct Codec<Id<Tag>> {
  static void Write(const Id<Tag>& id, Encoded& out) {
    mobula::Write(std::pair(id.high, id.low), out);
  }
  static Id<Tag> Read(Reader& in) {
    const auto [high, low] = mobula::Read<std::pair<std::uint64_t, std::uint64_t>>(in);
    return Id<Tag>{high, low};
  }
};
template <>
struct Codec<ObjectId> {
  static void Write(const ObjectId& id, Encoded& out) {
    mobula::Write(std::pair(id.task, id.index), out);
  }
  static ObjectId Read(Reader& in) {
    const auto [task, index] = mobula::Read<std::pair<TaskId, std::uint32_t>>(in);
    return ObjectId{task, index};
  }
};

}  // namespace mobula
