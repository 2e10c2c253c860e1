// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/protocol/reference_bytes.h"

namespace mobula {
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

/// REQUIRES: enough bytes.
ObjectId ReadObjectId(std::string_view& in) {
  ObjectId id;
  id.task = ReadId<TaskId>(in);
  id.index = static_cast<std::uint32_t>(ReadWord(in, 4));
  return id;
}

}  // namespace

std::string EncodeObjectId(const ObjectId& id) {
  std::string out;
  out.reserve(kObjectIdSize);
  AppendId(out, id.task);
  AppendWord(out, id.index, 4);
  return out;
}

std::optional<ObjectId> DecodeObjectId(std::string_view bytes) {
  if (bytes.size() != kObjectIdSize) return std::nullopt;
  return ReadObjectId(bytes);
}

std::string EncodeReference(const ObjectRef& reference) {
  std::string out = EncodeObjectId(reference.id);
  AppendId(out, reference.owner.node);
  AppendId(out, reference.owner.worker);
  return out;
}

std::optional<ObjectRef> DecodeReference(std::string_view bytes) {
  if (bytes.size() != kReferenceSize) return std::nullopt;
  ObjectRef reference;
  reference.id = ReadObjectId(bytes);
  reference.owner.node = ReadId<NodeId>(bytes);
  reference.owner.worker = ReadId<WorkerId>(bytes);
  return reference;
}

}  // namespace mobula
