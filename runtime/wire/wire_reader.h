// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <string_view>

#include "absl/base/attributes.h"

namespace mobula::wire {

/// The bytes of one encoded message, from front to back: tags, numbers and lengths as proto3 has
/// them. In line, because the answer of one small task is forty of them: protobuf's
/// CodedInputStream, which can also read from streams, took three times the instructions.
/// Every `Read...` and `Skip` returns false, and the reader is of no use any more, where the bytes
/// end too early or are nothing that can be.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}

  [[nodiscard]] bool AtEnd() const { return at_ == end_; }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadVarint(std::uint64_t& value) {
    if (at_ != end_ && *at_ < 0x80) {
      value = *at_++;
      return true;
    }
    return ReadLongVarint(value);
  }
  /// Never zero.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadTag(std::uint32_t& tag) {
    std::uint64_t value = 0;
    if (!ReadVarint(value) || value == 0 || value > UINT32_MAX) return false;
    tag = static_cast<std::uint32_t>(value);
    return true;
  }
  /// Of a field's content. False unless so many bytes are left.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadLength(std::uint32_t tag, std::size_t& length) {
    std::uint64_t value = 0;
    if (Lite::GetTagWireType(tag) != Lite::WIRETYPE_LENGTH_DELIMITED || !ReadVarint(value) ||
        value > Left()) {
      return false;
    }
    length = static_cast<std::size_t>(value);
    return true;
  }
  /// The next bytes. REQUIRES: so many are left.
  std::string_view Take(std::size_t length) {
    const std::string_view content(reinterpret_cast<const char*>(at_), length);
    at_ += length;
    return content;
  }
  /// A field that nobody knows. Groups, which proto3 does not have, are refused.
  bool Skip(std::uint32_t tag) {
    std::uint64_t number = 0;
    std::size_t length = 0;
    switch (Lite::GetTagWireType(tag)) {
      case Lite::WIRETYPE_VARINT:
        return ReadVarint(number);
      case Lite::WIRETYPE_FIXED64:
        return Drop(8);
      case Lite::WIRETYPE_LENGTH_DELIMITED:
        return ReadLength(tag, length) && Drop(length);
      case Lite::WIRETYPE_FIXED32:
        return Drop(4);
      default:
        return false;
    }
  }

  using Limit = const std::uint8_t*;
  /// Lets the bytes end after `length` more. REQUIRES: so many are left.
  Limit Narrow(std::size_t length) {
    const Limit outer = end_;
    end_ = at_ + length;
    return outer;
  }
  /// Back to where they ended before `Narrow`.
  void Widen(Limit outer) { end_ = outer; }

 private:
  using Lite = google::protobuf::internal::WireFormatLite;
  static constexpr int kVarintBytesMax = 10;

  [[nodiscard]] std::size_t Left() const { return static_cast<std::size_t>(end_ - at_); }
  bool Drop(std::size_t length) {
    if (length > Left()) return false;
    at_ += length;
    return true;
  }
  bool ReadLongVarint(std::uint64_t& value) {
    std::uint64_t read = 0;
    for (int i = 0; i < kVarintBytesMax && at_ != end_; ++i) {
      const std::uint64_t byte = *at_++;
      read |= (byte & 0x7F) << (7 * i);
      if (byte >= 0x80) continue;
      value = read;
      return true;
    }
    return false;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace mobula::wire
