// SPDX-License-Identifier: Apache-2.0
#include "python/core/convert.h"

namespace mobula::python {
namespace {

constexpr std::size_t kObjectIdSize = 20;
constexpr std::size_t kReferenceSize = kObjectIdSize + 32;

void AppendWord(std::string& out, std::uint64_t word, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(word >> shift));
  }
}

std::uint64_t ReadWord(std::string_view& in, std::size_t bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i) word = (word << 8) | static_cast<unsigned char>(in[i]);
  in.remove_prefix(bytes);
  return word;
}

template <class AnyId>
void AppendId(std::string& out, const AnyId& id) {
  AppendWord(out, id.high, 8);
  AppendWord(out, id.low, 8);
}

template <class AnyId>
AnyId ReadId(std::string_view& in) {
  AnyId id;
  id.high = ReadWord(in, 8);
  id.low = ReadWord(in, 8);
  return id;
}

void RequireSize(std::string_view bytes, std::size_t size, const char* what) {
  if (bytes.size() != size) {
    throw py::value_error(std::string(what) + " takes " + std::to_string(size) + " bytes, got " +
                          std::to_string(bytes.size()));
  }
}

}  // namespace

std::string EncodeObjectId(const ObjectId& id) {
  std::string out;
  out.reserve(kObjectIdSize);
  AppendId(out, id.task);
  AppendWord(out, id.index, 4);
  return out;
}

ObjectId DecodeObjectId(std::string_view bytes) {
  RequireSize(bytes, kObjectIdSize, "an object id");
  ObjectId id;
  id.task = ReadId<TaskId>(bytes);
  id.index = static_cast<std::uint32_t>(ReadWord(bytes, 4));
  return id;
}

std::string EncodeReference(const ObjectRef& reference) {
  std::string out = EncodeObjectId(reference.id);
  AppendId(out, reference.owner.node);
  AppendId(out, reference.owner.worker);
  return out;
}

ObjectRef DecodeReference(std::string_view bytes) {
  RequireSize(bytes, kReferenceSize, "an encoded reference");
  ObjectRef reference;
  reference.id = DecodeObjectId(bytes.substr(0, kObjectIdSize));
  bytes.remove_prefix(kObjectIdSize);
  reference.owner.node = ReadId<NodeId>(bytes);
  reference.owner.worker = ReadId<WorkerId>(bytes);
  return reference;
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
