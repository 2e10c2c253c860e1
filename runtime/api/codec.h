// SPDX-License-Identifier: Apache-2.0
/// How C++ values become bytes: numbers in their own size, everything of variable length with its
/// count in front. Both sides are compiled from the same program, so no types are written down.
///
/// Serialisable: numbers, enums, strings, std::vector, array, pair, tuple, map, set, optional, Ref,
/// ActorHandle, and structs whose fields are listed with MOBULA_FIELDS. For another type,
/// specialise `Codec`.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/base/describe.h"
#include "runtime/core/protocol/address.h"

namespace mobula {

/// A serialised value, and the references inside it.
struct Encoded {
  std::string data;
  std::vector<ObjectRef> contained;
  /// Holds those references while this lives: a function's result may be gone before it is
  /// reported.
  std::vector<std::shared_ptr<const void>> held;
};

/// Where serialised bytes came from: references read out of them are held through it.
struct EncodedSource {
  std::string_view data;
  /// The object whose value this is, or {task, 0} of the task whose argument it is.
  ObjectId container;
  bool container_is_task = false;
};

/// Takes bytes off the front of a serialised value.
class Reader {
 public:
  explicit Reader(const EncodedSource& source) : rest_(source.data), source_(source) {}

  std::string_view Take(std::size_t size) {
    if (size > rest_.size()) throw SerializationError("a value is shorter than its type");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  /// A count of elements or bytes that follow.
  std::uint64_t Count();
  [[nodiscard]] bool AtEnd() const { return rest_.empty(); }
  [[nodiscard]] const EncodedSource& Source() const { return source_; }

 private:
  std::string_view rest_;
  EncodedSource source_;
};

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
  Write(value, out);
  return out;
}
template <class T>
T Decode(const EncodedSource& source) {
  Reader in(source);
  T value = Read<T>(in);
  if (!in.AtEnd()) throw SerializationError("a value is longer than its type");
  return value;
}

template <class T>
concept PlainNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <PlainNumber T>
struct Codec<T> {
  static void Write(T value, Encoded& out) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.data.append(bytes, sizeof(T));
  }
  static T Read(Reader& in) {
    T value;
    std::memcpy(&value, in.Take(sizeof(T)).data(), sizeof(T));
    return value;
  }
};

inline std::uint64_t Reader::Count() { return Codec<std::uint64_t>::Read(*this); }

template <>
struct Codec<Duration> {
  static void Write(Duration value, Encoded& out) { mobula::Write(value.nanoseconds, out); }
  static Duration Read(Reader& in) { return {mobula::Read<std::int64_t>(in)}; }
};

template <>
struct Codec<std::string> {
  static void Write(const std::string& value, Encoded& out) {
    Codec<std::uint64_t>::Write(value.size(), out);
    out.data += value;
  }
  static std::string Read(Reader& in) { return std::string(in.Take(in.Count())); }
};

template <class T>
struct Codec<std::vector<T>> {
  static constexpr bool kBulk = PlainNumber<T> && !std::is_same_v<T, bool>;

  static void Write(const std::vector<T>& values, Encoded& out) {
    Codec<std::uint64_t>::Write(values.size(), out);
    if constexpr (kBulk) {
      out.data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    } else {
      for (const T& value : values) mobula::Write<T>(value, out);
    }
  }
  static std::vector<T> Read(Reader& in) {
    const std::uint64_t count = in.Count();
    std::vector<T> values;
    if constexpr (kBulk) {
      if (count > SIZE_MAX / sizeof(T))
        throw SerializationError("a vector's length makes no sense");
      const std::string_view bytes = in.Take(count * sizeof(T));
      values.resize(count);
      if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    } else {
      for (std::uint64_t i = 0; i < count; ++i) values.push_back(mobula::Read<T>(in));
    }
    return values;
  }
};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  static void Write(const std::array<T, N>& values, Encoded& out) {
    for (const T& value : values) mobula::Write<T>(value, out);
  }
  static std::array<T, N> Read(Reader& in) {
    std::array<T, N> values;
    for (T& value : values) value = mobula::Read<T>(in);
    return values;
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  static void Write(const std::tuple<T...>& values, Encoded& out) {
    std::apply([&](const T&... value) { (mobula::Write<T>(value, out), ...); }, values);
  }
  // Braces fix the order of evaluation.
  static std::tuple<T...> Read(Reader& in) { return std::tuple<T...>{mobula::Read<T>(in)...}; }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static void Write(const std::pair<A, B>& value, Encoded& out) {
    mobula::Write<A>(value.first, out);
    mobula::Write<B>(value.second, out);
  }
  static std::pair<A, B> Read(Reader& in) {
    return std::pair<A, B>{mobula::Read<A>(in), mobula::Read<B>(in)};
  }
};

/// Maps and sets: as a vector of their elements.
template <class Container, class Element>
struct AssociativeCodec {
  static void Write(const Container& values, Encoded& out) {
    Codec<std::uint64_t>::Write(values.size(), out);
    for (const auto& value : values) mobula::Write<Element>(value, out);
  }
  static Container Read(Reader& in) {
    Container values;
    for (std::uint64_t rest = in.Count(); rest > 0; --rest)
      values.insert(mobula::Read<Element>(in));
    return values;
  }
};
template <class K, class V, class C>
struct Codec<std::map<K, V, C>> : AssociativeCodec<std::map<K, V, C>, std::pair<K, V>> {};
template <class T, class C>
struct Codec<std::set<T, C>> : AssociativeCodec<std::set<T, C>, T> {};

template <class T>
struct Codec<std::optional<T>> {
  static void Write(const std::optional<T>& value, Encoded& out) {
    mobula::Write<bool>(value.has_value(), out);
    if (value) mobula::Write<T>(*value, out);
  }
  static std::optional<T> Read(Reader& in) {
    if (!mobula::Read<bool>(in)) return std::nullopt;
    return mobula::Read<T>(in);
  }
};

template <Described T>
struct Codec<T> {
  static void Write(const T& value, Encoded& out) {
    ForEachField(value, [&]<class Field>(const char*, const Field& field) {
      mobula::Write<Field>(field, out);
    });
  }
  static T Read(Reader& in) {
    T value;
    ForEachField(value,
                 [&]<class Field>(const char*, Field& field) { field = mobula::Read<Field>(in); });
    return value;
  }
};

template <class Tag>
struct Codec<Id<Tag>> {
  static void Write(const Id<Tag>& id, Encoded& out) {
    mobula::Write(id.high, out);
    mobula::Write(id.low, out);
  }
  static Id<Tag> Read(Reader& in) {
    return Id<Tag>{mobula::Read<std::uint64_t>(in), mobula::Read<std::uint64_t>(in)};
  }
};
template <>
struct Codec<ObjectId> {
  static void Write(const ObjectId& id, Encoded& out) {
    mobula::Write(id.task, out);
    mobula::Write(id.index, out);
  }
  static ObjectId Read(Reader& in) {
    return ObjectId{mobula::Read<TaskId>(in), mobula::Read<std::uint32_t>(in)};
  }
};

}  // namespace mobula
