// SPDX-License-Identifier: Apache-2.0
/// What can be derived from a struct's list of fields. Each message, event and effect is described
/// once with BOOST_DESCRIBE_STRUCT; its text, its trace hash and (in runtime/wire) its encoding
/// follow from that.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/boxed.h"
#include "runtime/base/bytes.h"
#include "runtime/base/ids.h"
#include "runtime/base/shared.h"
#include "runtime/base/shared_array.h"
#include "runtime/base/shared_vector.h"
#include "runtime/base/time.h"

namespace mobula {

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_enum_v<T>;
/// One value after the other.
template <class T>
struct IsSequence : std::false_type {};
template <class T>
struct IsSequence<std::vector<T>> : std::true_type {};
template <class T>
struct IsSequence<SharedVector<T>> : std::true_type {};
template <class T>
struct IsSequence<SharedArray<T>> : std::true_type {};
template <class T>
concept SequenceValue = IsSequence<T>::value;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;

/// Calls `visit(name, field)` for each field of `object`, const or not, in the order of its
/// description. That order is also the field number on the wire, so new fields go at the end.
template <class T, class Visit>
  requires Described<std::remove_const_t<T>>
void ForEachField(T& object, Visit&& visit) {
  using Members =
      boost::describe::describe_members<std::remove_const_t<T>, boost::describe::mod_any_access>;
  boost::mp11::mp_for_each<Members>(
      [&](auto member) { visit(member.name, object.*member.pointer); });
}

namespace internal {

inline void Print(std::ostream& out, bool value) { out << (value ? "true" : "false"); }
inline void Print(std::ostream& out, const Bytes& value) { out << value.Size() << " bytes"; }
inline void Print(std::ostream& out, const std::string& value) { out << '"' << value << '"'; }
inline void Print(std::ostream& out, Duration value) { out << value.Seconds() << "s"; }
inline void Print(std::ostream& out, Instant value) { out << "@" << value.Seconds() << "s"; }
inline void Print(std::ostream& out, const ObjectId& value) { out << value; }
template <class Tag>
void Print(std::ostream& out, const Id<Tag>& value) {
  out << value;
}
template <class T>
  requires std::is_arithmetic_v<T>
void Print(std::ostream& out, T value) {
  out << +value;
}
template <DescribedEnum T>
void Print(std::ostream& out, T value) {
  out << boost::describe::enum_to_string(value, "?");
}
template <Described T>
void Print(std::ostream& out, const T& value);
template <OptionalValue T>
void Print(std::ostream& out, const T& value);
template <SequenceValue T>
void Print(std::ostream& out, const T& values);
template <class T>
void Print(std::ostream& out, const Shared<T>& value);
template <class T>
void Print(std::ostream& out, const std::shared_ptr<const T>& value);
template <class K, class V, class C>
void Print(std::ostream& out, const std::map<K, V, C>& values);
template <class... T>
void Print(std::ostream& out, const std::variant<T...>& value);

template <Described T>
void Print(std::ostream& out, const T& value) {
  const char* separator = "";
  out << "{";
  ForEachField(value, [&](const char* name, const auto& field) {
    out << separator << name << ": ";
    Print(out, field);
    separator = ", ";
  });
  out << "}";
}
template <OptionalValue T>
void Print(std::ostream& out, const T& value) {
  if (value) {
    Print(out, *value);
  } else {
    out << "none";
  }
}
/// [first, second, ...]
template <SequenceValue T>
void Print(std::ostream& out, const T& values) {
  const char* separator = "";
  out << "[";
  for (const auto& value : values) {
    out << separator;
    Print(out, value);
    separator = ", ";
  }
  out << "]";
}
template <class T>
void Print(std::ostream& out, const Shared<T>& value) {
  Print(out, *value);
}
template <class T>
void Print(std::ostream& out, const std::shared_ptr<const T>& value) {
  Print(out, *value);
}
template <class K, class V, class C>
void Print(std::ostream& out, const std::map<K, V, C>& values) {
  const char* separator = "";
  out << "{";
  for (const auto& [key, value] : values) {
    out << separator;
    Print(out, key);
    out << ": ";
    Print(out, value);
    separator = ", ";
  }
  out << "}";
}

/// The unqualified name of `T`, as the compiler spells it.
template <class T>
std::string TypeName() {
  std::string text = __PRETTY_FUNCTION__;  // "... [with T = mobula::PushTask; ...]"
  text = text.substr(text.find("T = ") + 4);
  text = text.substr(0, text.find_first_of(";]"));
  const auto scope = text.rfind("::");
  return scope == std::string::npos ? text : text.substr(scope + 2);
}

template <class... T>
void Print(std::ostream& out, const std::variant<T...>& value) {
  std::visit(
      [&]<class Member>(const Member& member) {
        out << TypeName<Member>();
        Print(out, member);
      },
      value);
}

}  // namespace internal

/// `PushTask{task: 1f3a…, attempt: 0}`-style text of a described struct or a variant of them.
template <class T>
std::string ToString(const T& value) {
  std::ostringstream out;
  if constexpr (Described<T>) out << internal::TypeName<T>();
  internal::Print(out, value);
  return out.str();
}

/// The name of the alternative a message, event or effect holds, for example "PushTask".
template <class... T>
std::string NameOf(const std::variant<T...>& value) {
  return std::visit([]<class Member>(const Member&) { return internal::TypeName<Member>(); },
                    value);
}

/// A running hash over described values: the trace hash is one of these.
class Hasher {
 public:
  [[nodiscard]] std::uint64_t Value() const { return state_; }
  /// One multiplication and a shift (as in wyhash): every event of a simulation goes through here,
  /// word by word.
  void Word(std::uint64_t word) {
    const std::uint64_t mixed = (state_ ^ word) * 0x9E3779B97F4A7C15ull;
    state_ = mixed ^ (mixed >> 29) ^ (state_ << 1);
  }
  void Text(std::string_view text) {
    Word(text.size());
    for (std::size_t i = 0; i < text.size(); i += 8) {
      std::uint64_t word = 0;
      for (std::size_t k = i; k < text.size() && k < i + 8; ++k) {
        word = (word << 8) | static_cast<unsigned char>(text[k]);
      }
      Word(word);
    }
  }

  void Mix(const Bytes& value) { Text(value.View()); }
  void Mix(const std::string& value) { Text(value); }
  void Mix(Duration value) { Word(static_cast<std::uint64_t>(value.nanoseconds)); }
  void Mix(Instant value) { Word(static_cast<std::uint64_t>(value.nanoseconds)); }
  void Mix(const ObjectId& value) {
    Mix(value.task);
    Word(value.index);
  }
  template <class Tag>
  void Mix(const Id<Tag>& value) {
    Word(value.high);
    Word(value.low);
  }
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  void Mix(T value) {
    Word(static_cast<std::uint64_t>(value));
  }
  void Mix(double value) {
    Word(static_cast<std::uint64_t>(static_cast<std::int64_t>(value * 1e6)));
  }
  template <Described T>
  void Mix(const T& value) {
    ForEachField(value, [this](const char*, const auto& field) { Mix(field); });
  }
  template <OptionalValue T>
  void Mix(const T& value) {
    Word(value.has_value());
    if (value) Mix(*value);
  }
  template <class T>
  void Mix(const Shared<T>& value) {
    Word(value.Memo([&] {
      Hasher inner;
      inner.Mix(*value);
      return inner.Value();
    }));
  }
  template <class T>
  void Mix(const std::vector<T>& values) {
    Word(values.size());
    for (const T& value : values) Mix(value);
  }
  template <SequenceValue T>
  void Mix(const T& values) {
    Word(values.Memo([&] {
      Hasher inner;
      inner.Word(values.size());
      for (const auto& value : values) inner.Mix(value);
      return inner.Value();
    }));
  }
  template <class K, class V, class C>
  void Mix(const std::map<K, V, C>& values) {
    Word(values.size());
    for (const auto& [key, value] : values) {
      Mix(key);
      Mix(value);
    }
  }
  template <class... T>
  void Mix(const std::variant<T...>& value) {
    Word(value.index());
    std::visit([this](const auto& member) { Mix(member); }, value);
  }

 private:
  std::uint64_t state_ = 0x6D6F62756C61ull;
};

/// Lists a struct's fields for text, hash and wire; also gives it member-wise equality.
#define MOBULA_FIELDS(Type, ...)                \
  bool operator==(const Type&) const = default; \
  BOOST_DESCRIBE_CLASS(Type, (), (__VA_ARGS__), (), ())

}  // namespace mobula
