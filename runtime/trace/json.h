// SPDX-License-Identifier: Apache-2.0
/// Described structs as compact JSON text, for lines of a trace.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/resources.h"
#include "runtime/core/protocol/address.h"

namespace mobula::trace {

/// `text` as a JSON string, quotes included. Bytes that are not ASCII become their code as in
/// Latin-1.
void AppendQuoted(std::string& out, std::string_view text);
/// Seconds with nine digits behind the point.
void AppendSeconds(std::string& out, std::int64_t nanoseconds);

/// "w1f3a0000" for a process, "n1f3a0000" for a daemon, "gcs".
[[nodiscard]] std::string NameOf(const Address& address);
/// "1f3a0000/0"; a put is "1f3a0000/put0".
[[nodiscard]] std::string NameOf(const ObjectId& object);

inline void AppendJson(std::string& out, bool value) { out += value ? "true" : "false"; }
template <class T>
  requires std::is_integral_v<T>
void AppendJson(std::string& out, T value) {
  out += std::to_string(+value);
}
inline void AppendJson(std::string& out, double value) { out += std::to_string(value); }
inline void AppendJson(std::string& out, const std::string& value) { AppendQuoted(out, value); }
/// The size: what a language layer serialised is not for people.
inline void AppendJson(std::string& out, const Bytes& value) { AppendJson(out, value.Size()); }
inline void AppendJson(std::string& out, Duration value) { AppendSeconds(out, value.nanoseconds); }
inline void AppendJson(std::string& out, const ObjectId& value) {
  AppendQuoted(out, NameOf(value));
}
inline void AppendJson(std::string& out, const Address& value) { AppendQuoted(out, NameOf(value)); }
inline void AppendJson(std::string& out, const ResourceSet& value) {
  AppendQuoted(out, value.ToString());
}
template <class Tag>
void AppendJson(std::string& out, const Id<Tag>& value) {
  AppendQuoted(out, value.Short());
}
/// "kWaitingForWorker" as "waitingforworker".
template <DescribedEnum T>
void AppendJson(std::string& out, T value) {
  std::string text = boost::describe::enum_to_string(value, "k?");
  text.erase(0, 1);
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  AppendQuoted(out, text);
}
template <Described T>
void AppendJson(std::string& out, const T& value);
template <class T>
void AppendJson(std::string& out, const std::vector<T>& values) {
  const char* separator = "";
  out += '[';
  for (const T& value : values) {
    out += separator;
    AppendJson(out, value);
    separator = ",";
  }
  out += ']';
}
template <class T>
void AppendJson(std::string& out, const Shared<T>& value) {
  AppendJson(out, *value);
}
template <class V, class C>
void AppendJson(std::string& out, const std::map<std::string, V, C>& values) {
  const char* separator = "";
  out += '{';
  for (const auto& [key, value] : values) {
    out += separator;
    AppendQuoted(out, key);
    out += ':';
    AppendJson(out, value);
    separator = ",";
  }
  out += '}';
}

/// An object of its fields. Those that are as in a fresh struct are left out, but never an enum:
/// most of a record is zero most of the time.
template <Described T>
void AppendJson(std::string& out, const T& value) {
  const char* separator = "";
  out += '{';
  ForEachField(value, [&]<class Field>(const char* name, const Field& field) {
    if constexpr (!std::is_enum_v<Field>) {
      if (field == Field{}) return;
    }
    out += separator;
    AppendQuoted(out, name);
    out += ':';
    AppendJson(out, field);
    separator = ",";
  });
  out += '}';
}

}  // namespace mobula::trace
