// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/describe.h"

namespace mobula::host {

inline boost::json::value ToJson(bool value) { return value; }
inline boost::json::value ToJson(const std::string& value) { return boost::json::string(value); }
/// The size: what a language layer serialised is not for people.
inline boost::json::value ToJson(const Bytes& value) { return value.Size(); }
inline boost::json::value ToJson(Duration value) { return value.Seconds(); }
inline boost::json::value ToJson(const ObjectId& value) { return boost::json::string(value.Hex()); }
template <class Tag>
boost::json::value ToJson(const Id<Tag>& value) {
  return boost::json::string(value.Hex());
}
template <class T>
  requires std::is_arithmetic_v<T>
boost::json::value ToJson(T value) {
  return value;
}
template <DescribedEnum T>
boost::json::value ToJson(T value) {
  return boost::describe::enum_to_string(value, "?");
}
template <Described T>
boost::json::value ToJson(const T& value);
template <OptionalValue T>
boost::json::value ToJson(const T& value) {
  return value ? ToJson(*value) : boost::json::value();
}
template <SequenceValue T>
boost::json::value ToJson(const T& values) {
  boost::json::array array;
  for (const auto& value : values) array.push_back(ToJson(value));
  return array;
}
template <class V, class C>
boost::json::value ToJson(const std::map<std::string, V, C>& values) {
  boost::json::object object;
  for (const auto& [key, value] : values) object[key] = ToJson(value);
  return object;
}
/// A described struct as an object with the same field names.
template <Described T>
boost::json::value ToJson(const T& value) {
  boost::json::object object;
  ForEachField(value, [&](const char* name, const auto& field) { object[name] = ToJson(field); });
  return object;
}

}  // namespace mobula::host
