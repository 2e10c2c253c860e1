// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/endian/conversion.hpp>
#include <boost/mp11/algorithm.hpp>
#include "absl/base/attributes.h"
#include "absl/container/flat_hash_map.h"
#include "runtime/base/check.h"
#include "runtime/wire/codec.h"
#include "runtime/wire/wire_types.h"

namespace mobula::wire {

/// Writes described structs in proto3 format, from the last byte to the first: so the length of a
/// nested message is known when it is due, in one pass. Fields with a zero value are left out;
/// nested messages too, unless they are optional, repeated or the alternative of a variant.
class Encoder {
 public:
  template <MessageValue T>
  void Append(const T& message, std::string& out) {
    at_ = end_;
    PutContent(message);
    CHECK(Written() <= kMaxEncodedBytes) << Written() << " bytes";
    out.append(reinterpret_cast<const char*>(at_), Written());
    if (Capacity() > kKeepBytes) Resize(0);
  }

 private:
  using Coded = google::protobuf::io::CodedOutputStream;
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kLengthDelimited = 2;
  /// A tag and a number, a length or an id.
  static constexpr std::size_t kScalarMax = 32;
  static constexpr std::size_t kFirstBytes = 1024;
  /// Room that one large message has taken is given back beyond this.
  static constexpr std::size_t kKeepBytes = 1 << 20;

  // Bytes.

  [[nodiscard]] std::size_t Written() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::size_t Capacity() const {
    return static_cast<std::size_t>(end_ - room_.get());
  }

  /// Room for `size` bytes before what is written.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Reserve(std::size_t size) {
    if (static_cast<std::size_t>(at_ - room_.get()) < size)
      Resize(std::max({kFirstBytes, 2 * Capacity(), Written() + size}));
  }
  void Resize(std::size_t capacity) {
    const std::size_t written = capacity == 0 ? 0 : Written();
    auto room = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (written > 0) std::memcpy(room.get() + capacity - written, at_, written);
    room_ = std::move(room);
    end_ = room_.get() + capacity;
    at_ = end_ - written;
  }

  // REQUIRES: there is room.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void PutVarint(std::uint64_t value) {
    if (value < 0x80) [[likely]] {
      *--at_ = static_cast<std::uint8_t>(value);
    } else {
      PutLongVarint(value);
    }
  }
  void PutLongVarint(std::uint64_t value) {
    at_ -= Coded::VarintSize64(value);
    Coded::WriteVarint64ToArray(value, at_);
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE void PutTag(std::uint32_t number, std::uint32_t wire_type) {
    PutVarint(number << 3 | wire_type);
  }
  void PutRaw(const void* bytes, std::size_t size) {
    at_ -= size;
    if (size > 0) std::memcpy(at_, bytes, size);
  }

  /// Of the content that was put last.
  void PutHead(std::uint32_t number, std::size_t size) {
    Reserve(kScalarMax);
    PutVarint(size);
    PutTag(number, kLengthDelimited);
  }

  // Fields.

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

  template <ScalarValue T>
  void PutScalar(std::uint32_t number, const T& value) {
    if constexpr (VarintValue<T>) {
      Reserve(kScalarMax);
      PutVarint(ToVarint(value));
      PutTag(number, kVarint);
    } else if constexpr (IdValue<T>) {
      Reserve(kScalarMax);
      at_ -= kIdBytes;
      boost::endian::store_big_u64(at_, value.high);
      boost::endian::store_big_u64(at_ + 8, value.low);
      PutVarint(kIdBytes);
      PutTag(number, kLengthDelimited);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      PutText(number, value.View());
    } else {
      PutText(number, value);
    }
  }

  void PutText(std::uint32_t number, std::string_view text) {
    Reserve(text.size() + kScalarMax);
    PutRaw(text.data(), text.size());
    PutHead(number, text.size());
  }

  template <MessageValue T>
  void PutNested(std::uint32_t number, const T& message) {
    const std::size_t before = Written();
    PutContent(message);
    PutHead(number, Written() - before);
  }

  template <MessageValue T>
  void PutContent(const T& message) {
    if constexpr (IsVariant<T>::value) {
      const auto number = static_cast<std::uint32_t>(message.index() + 1);
      std::visit([&](const auto& member) { PutNested(number, member); }, message);
    } else if constexpr (std::is_same_v<T, ObjectId>) {
      PutField(2, message.index);
      PutField(1, message.task);
    } else {
      using Members = boost::describe::describe_members<T, boost::describe::mod_any_access>;
      std::uint32_t number = boost::mp11::mp_size<Members>::value;
      boost::mp11::mp_for_each<boost::mp11::mp_reverse<Members>>(
          [&](auto member) { PutField(number--, message.*member.pointer); });
    }
  }

  template <class T>
  void PutField(std::uint32_t number, const T& field) {
    if constexpr (ScalarValue<T>) {
      if (!IsZero(field)) PutScalar(number, field);
    } else if constexpr (MessageValue<T>) {
      const std::size_t before = Written();
      PutContent(field);
      if (Written() > before) PutHead(number, Written() - before);
    } else if constexpr (SharedValue<T>) {
      const Piece content = EncodedOnce(field);
      if (!content->empty()) PutText(number, *content);
    } else if constexpr (IsOptional<T>::value) {
      if (field) PutNested(number, *field);
    } else if constexpr (IsNumbers<T>::value) {
      const std::size_t before = Written();
      for (auto element = field.end(); element != field.begin();) {
        Reserve(kScalarMax);
        PutVarint(ToVarint(*--element));
      }
      if (Written() > before) PutHead(number, Written() - before);
    } else if constexpr (IsSequence<T>::value) {
      for (auto element = field.end(); element != field.begin();) PutElement(number, *--element);
    } else {
      static_assert(IsMap<T>::value, "no wire type for this field");
      for (auto entry = field.end(); entry != field.begin();) {
        --entry;
        const std::size_t before = Written();
        PutScalar(2, entry->second);
        PutScalar(1, entry->first);
        PutHead(number, Written() - before);
      }
    }
  }

  template <class T>
  void PutElement(std::uint32_t number, const T& element) {
    if constexpr (ScalarValue<T>) {
      PutScalar(number, element);
    } else {
      PutNested(number, element);
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

  /// Written bytes are [at_, end_), at the end of the room.
  std::unique_ptr<std::uint8_t[]> room_;
  std::uint8_t* end_ = nullptr;
  std::uint8_t* at_ = nullptr;
};

}  // namespace mobula::wire
