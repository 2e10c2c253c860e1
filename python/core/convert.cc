// SPDX-License-Identifier: Apache-2.0
#include "python/core/convert.h"

namespace mobula::python {
namespace {

template <class Decoded>
Decoded Require(const std::optional<Decoded>& decoded, const char* what, std::string_view bytes) {
  if (decoded) return *decoded;
  throw py::value_error(std::to_string(bytes.size()) + " bytes are not " + what);
}

}  // namespace

ObjectId DecodeObjectId(std::string_view bytes) {
  return Require(mobula::DecodeObjectId(bytes), "an object id", bytes);
}

ObjectRef DecodeReference(std::string_view bytes) {
  return Require(mobula::DecodeReference(bytes), "an encoded reference", bytes);
}

py::bytes ToBytes(const Bytes& bytes) {
  const std::string_view view = bytes.View();
  return py::bytes(view.data(), view.size());
}

std::string_view ViewOf(const py::bytes& bytes) {
  return {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
}

py::object ToPython(const ResourceSet& value) {
  py::dict amounts;
  for (const auto& [name, units] : value.units)
    amounts[py::str(name)] = py::float_(value.Get(name));
  return amounts;
}

}  // namespace mobula::python
