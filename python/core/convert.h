// SPDX-License-Identifier: Apache-2.0
/// From the runtime's structs to plain Python values, by their field descriptions: a struct becomes
/// a dict, an id its hexadecimal text, an enumerator its name, a resource set a dict of floats.
#pragma once

#include <pybind11/pybind11.h>

#include <boost/describe/enum_from_string.hpp>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "runtime/base/describe.h"
#include "runtime/base/resources.h"
#include "runtime/core/protocol/address.h"
#include "runtime/core/protocol/reference_bytes.h"

namespace mobula::python {

namespace py = pybind11;

/// Throws py::value_error when `bytes` are not 20.
ObjectId DecodeObjectId(std::string_view bytes);
/// Throws py::value_error when `bytes` are not 52.
ObjectRef DecodeReference(std::string_view bytes);
/// Throws py::value_error when `hex` are not 32 hexadecimal digits; empty text is the nil id.
template <class AnyId>
AnyId IdFromHex(std::string_view hex) {
  if (hex.empty()) return AnyId{};
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  if (!ParseHex(hex, high, low)) {
    throw py::value_error("expected 32 hexadecimal digits, got '" + std::string(hex) + "'");
  }
  return AnyId{high, low};
}

/// A string of the runtime that need not be UTF-8.
py::bytes ToBytes(const Bytes& bytes);
/// What lies in a Python bytes object.
std::string_view ViewOf(const py::bytes& bytes);

inline py::object ToPython(bool value) { return py::bool_(value); }
inline py::object ToPython(const std::string& value) { return py::str(value); }
inline py::object ToPython(const Bytes& value) { return ToBytes(value); }
inline py::object ToPython(Duration value) { return py::float_(value.Seconds()); }
inline py::object ToPython(Instant value) { return py::float_(value.Seconds()); }
inline py::object ToPython(const ObjectId& value) {
  return py::str(value.IsNil() ? "" : value.Hex());
}
template <class Tag>
py::object ToPython(const Id<Tag>& value) {
  return py::str(value.IsNil() ? "" : value.Hex());
}
/// Raises ValueError for a name that the enumeration has not.
template <class Enum>
Enum EnumFromName(const std::string& name) {
  Enum value{};
  if (!boost::describe::enum_from_string(name.c_str(), value)) {
    throw py::value_error("unknown enumerator '" + name + "'");
  }
  return value;
}

/// References stay one piece, from which `Process.add_reference` makes a live one.
inline py::object ToPython(const ObjectRef& value) { return py::bytes(EncodeReference(value)); }
py::object ToPython(const ResourceSet& value);
template <class T>
  requires std::is_arithmetic_v<T>
py::object ToPython(T value) {
  return py::cast(value);
}
template <DescribedEnum T>
py::object ToPython(T value) {
  return py::str(boost::describe::enum_to_string(value, "?"));
}
template <Described T>
py::object ToPython(const T& value);
template <OptionalValue T>
py::object ToPython(const T& value);
template <SequenceValue T>
py::object ToPython(const T& values);
template <class T>
py::object ToPython(const Shared<T>& value) {
  return ToPython(*value);
}
template <class V>
py::object ToPython(const std::map<std::string, V>& values);
template <class... T>
py::object ToPython(const std::variant<T...>& value);

template <Described T>
py::object ToPython(const T& value) {
  py::dict fields;
  ForEachField(value, [&](const char* name, const auto& field) { fields[name] = ToPython(field); });
  return fields;
}
template <OptionalValue T>
py::object ToPython(const T& value) {
  return value ? ToPython(*value) : py::none();
}
template <SequenceValue T>
py::object ToPython(const T& values) {
  py::list list;
  for (const auto& value : values) list.append(ToPython(value));
  return list;
}
template <class V>
py::object ToPython(const std::map<std::string, V>& values) {
  py::dict dict;
  for (const auto& [key, value] : values) dict[py::str(key)] = ToPython(value);
  return dict;
}
/// Of a message only its fields: who asked knows what was asked.
template <class... T>
py::object ToPython(const std::variant<T...>& value) {
  return std::visit([](const auto& member) { return ToPython(member); }, value);
}

}  // namespace mobula::python
