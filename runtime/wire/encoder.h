// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/endian/conversion.hpp>
#include "absl/container/flat_hash_map.h"
#include "runtime/base/check.h"
#include "runtime/wire/codec.h"
#include "runtime/wire/wire_types.h"

namespace mobula::wire {

/// Writes described structs in proto3 format: one pass for the sizes of all nested messages, which
/// are noted in the order of the second pass, one that writes. Fields with a zero value are left
/// out; nested messages too, unless they are optional, repeated or the alternative of a variant.
class Encoder {
 public:
  template <MessageValue T>
  void Append(const T& message, std::string& out) {
    sizes_.clear();
    next_ = 0;
    pieces_.clear();
    next_piece_ = 0;
    const std::size_t size = MeasureMessage(message);
    CHECK(size <= kMaxEncodedBytes) << size << " bytes";
    const std::size_t start = out.size();
    out.resize(start + size);
    auto* const first = reinterpret_cast<std::uint8_t*>(out.data() + start);
    TakeSize();
    const std::uint8_t* const end = size == 0 ? first : WriteContent(message, first);
    CHECK(end == first + size);
  }

 private:
  using Coded = google::protobuf::io::CodedOutputStream;
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kLengthDelimited = 2;

  // Sizes.

  static std::size_t VarintSize(std::uint64_t value) { return Coded::VarintSize64(value); }
  static std::size_t TagSize(std::uint32_t number) {
    return VarintSize(std::uint64_t{number} << 3);
  }

  template <ScalarValue T>
  static bool IsZero(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      return value.empty();
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return value.Size() == 0;
    } else {
      return value == T{};
    }
  }

  /// Without the tag, with the length where there is one.
  template <ScalarValue T>
  static std::size_t ScalarSize(const T& value) {
    if constexpr (VarintValue<T>) {
      return VarintSize(ToVarint(value));
    } else if constexpr (IdValue<T>) {
      return 1 + kIdBytes;
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return VarintSize(value.Size()) + value.Size();
    } else {
      return VarintSize(value.size()) + value.size();
    }
  }

  /// Notes the content's size and returns it. Empty messages note nothing of what they contain.
  template <MessageValue T>
  std::size_t MeasureMessage(const T& message) {
    const std::size_t slot = sizes_.size();
    sizes_.push_back(0);
    std::size_t size = 0;
    if constexpr (IsVariant<T>::value) {
      const auto number = static_cast<std::uint32_t>(message.index() + 1);
      size = TagSize(number) +
             std::visit([&](const auto& member) { return NestedSize(MeasureMessage(member)); },
                        message);
    } else {
      std::uint32_t number = 0;
      ForEachWireField(message, [&](const auto& field) { size += FieldSize(++number, field); });
    }
    if (size == 0) sizes_.resize(slot + 1);
    sizes_[slot] = size;
    return size;
  }

  static std::size_t NestedSize(std::size_t content) { return VarintSize(content) + content; }

  template <class T>
  std::size_t FieldSize(std::uint32_t number, const T& field) {
    if constexpr (ScalarValue<T>) {
      return IsZero(field) ? 0 : TagSize(number) + ScalarSize(field);
    } else if constexpr (MessageValue<T>) {
      const std::size_t content = MeasureMessage(field);
      return content == 0 ? 0 : TagSize(number) + NestedSize(content);
    } else if constexpr (SharedValue<T>) {
      pieces_.push_back(EncodedOnce(field));
      const std::size_t content = pieces_.back()->size();
      return content == 0 ? 0 : TagSize(number) + NestedSize(content);
    } else if constexpr (IsOptional<T>::value) {
      return field ? TagSize(number) + NestedSize(MeasureMessage(*field)) : 0;
    } else if constexpr (IsVector<T>::value) {
      std::size_t size = 0;
      for (const auto& element : field) {
        size += TagSize(number) + ElementSize(element);
      }
      return size;
    } else {
      static_assert(IsMap<T>::value, "no wire type for this field");
      std::size_t size = 0;
      for (const auto& [key, value] : field)
        size += TagSize(number) + NestedSize(EntrySize(key, value));
      return size;
    }
  }

  template <class T>
  std::size_t ElementSize(const T& element) {
    if constexpr (ScalarValue<T>) {
      static_assert(!VarintValue<T>, "repeated numbers would have to be packed");
      return ScalarSize(element);
    } else {
      return NestedSize(MeasureMessage(element));
    }
  }

  template <ScalarValue K, ScalarValue V>
  static std::size_t EntrySize(const K& key, const V& value) {
    return TagSize(1) + ScalarSize(key) + TagSize(2) + ScalarSize(value);
  }

  // Bytes.

  std::size_t TakeSize() { return sizes_[next_++]; }

  static std::uint8_t* WriteTag(std::uint32_t number, std::uint32_t wire_type, std::uint8_t* to) {
    return Coded::WriteVarint32ToArray((number << 3) | wire_type, to);
  }

  template <ScalarValue T>
  static std::uint8_t* WriteScalar(std::uint32_t number, const T& value, std::uint8_t* to) {
    if constexpr (VarintValue<T>) {
      return Coded::WriteVarint64ToArray(ToVarint(value), WriteTag(number, kVarint, to));
    } else {
      if constexpr (IdValue<T>) {
        to = WriteTag(number, kLengthDelimited, to);
        *to++ = kIdBytes;
        boost::endian::store_big_u64(to, value.high);
        boost::endian::store_big_u64(to + 8, value.low);
        return to + kIdBytes;
      } else if constexpr (std::is_same_v<T, Bytes>) {
        return WriteText(number, value.View(), to);
      } else {
        return WriteText(number, value, to);
      }
    }
  }

  static std::uint8_t* WriteText(std::uint32_t number, std::string_view text, std::uint8_t* to) {
    to = Coded::WriteVarint64ToArray(text.size(), WriteTag(number, kLengthDelimited, to));
    return Coded::WriteRawToArray(text.data(), static_cast<int>(text.size()), to);
  }

  template <MessageValue T>
  std::uint8_t* WriteNested(std::uint32_t number, std::size_t size, const T& message,
                            std::uint8_t* to) {
    to = Coded::WriteVarint64ToArray(size, WriteTag(number, kLengthDelimited, to));
    return size == 0 ? to : WriteContent(message, to);
  }

  template <MessageValue T>
  std::uint8_t* WriteContent(const T& message, std::uint8_t* to) {
    if constexpr (IsVariant<T>::value) {
      const auto number = static_cast<std::uint32_t>(message.index() + 1);
      return std::visit(
          [&](const auto& member) { return WriteNested(number, TakeSize(), member, to); }, message);
    } else {
      std::uint32_t number = 0;
      ForEachWireField(message, [&](const auto& field) { to = WriteField(++number, field, to); });
      return to;
    }
  }

  template <class T>
  std::uint8_t* WriteField(std::uint32_t number, const T& field, std::uint8_t* to) {
    if constexpr (ScalarValue<T>) {
      return IsZero(field) ? to : WriteScalar(number, field, to);
    } else if constexpr (MessageValue<T>) {
      const std::size_t size = TakeSize();
      return size == 0 ? to : WriteNested(number, size, field, to);
    } else if constexpr (SharedValue<T>) {
      const std::string& content = *pieces_[next_piece_++];
      return content.empty() ? to : WriteText(number, content, to);
    } else if constexpr (IsOptional<T>::value) {
      return field ? WriteNested(number, TakeSize(), *field, to) : to;
    } else if constexpr (IsVector<T>::value) {
      for (const auto& element : field) to = WriteElement(number, element, to);
      return to;
    } else {
      for (const auto& [key, value] : field) {
        to = Coded::WriteVarint64ToArray(EntrySize(key, value),
                                         WriteTag(number, kLengthDelimited, to));
        to = WriteScalar(2, value, WriteScalar(1, key, to));
      }
      return to;
    }
  }

  template <class T>
  std::uint8_t* WriteElement(std::uint32_t number, const T& element, std::uint8_t* to) {
    if constexpr (ScalarValue<T>) {
      return WriteScalar(number, element, to);
    } else {
      return WriteNested(number, TakeSize(), element, to);
    }
  }

  using Piece = std::shared_ptr<const std::string>;

  /// The content of a shared message, which is worked out once for all messages that contain it.
  template <class T>
  Piece EncodedOnce(const Shared<T>& message) {
    // Each is kept alive, so that no other can take its place.
    thread_local absl::flat_hash_map<const void*, std::pair<Shared<T>, Piece>> known;
    const auto found = known.find(message.Identity());
    if (found != known.end()) return found->second.second;
    auto piece = std::make_shared<std::string>();
    Encoder().Append(*message, *piece);
    if (known.size() >= kKnownMax) known.clear();
    if (piece->size() <= kKnownBytesMax)
      known.emplace(message.Identity(), std::pair(message, piece));
    return piece;
  }

  /// Content sizes of nested messages in the order of writing, and how many of them are used up.
  std::vector<std::size_t> sizes_;
  std::size_t next_ = 0;
  /// The same for shared messages, which are encoded already.
  std::vector<Piece> pieces_;
  std::size_t next_piece_ = 0;
};

}  // namespace mobula::wire
