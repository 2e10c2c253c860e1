// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/wire_format_lite.h>

#include <boost/endian/conversion.hpp>
#include <boost/mp11/list.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/wire/wire_reader.h"
#include "runtime/wire/wire_types.h"

namespace mobula::wire {

/// Reads described structs from proto3 format, strictly: what does not fit the struct is an error,
/// except fields that it does not know. One decoder reads one message. Never allocates more than a
/// small multiple of the bytes that are really there.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : input_(bytes) {}

  /// REQUIRES: called once.
  template <MessageValue T>
  absl::Status Read(T& message) {
    SetToZero(message);
    if (ReadContent(message)) return absl::OkStatus();
    return absl::InvalidArgumentError(problem_.empty() ? "cut short" : problem_);
  }

 private:
  using Lite = google::protobuf::internal::WireFormatLite;

  bool Fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  /// A field that is left out is zero, whatever its initial value in the struct is.
  template <class T>
  static void SetToZero(T& value) {
    if constexpr (VarintValue<T>) {
      value = T{};
    } else if constexpr (MessageValue<T> && !IsVariant<T>::value) {
      ForEachWireField(value, [](auto& field) { SetToZero(field); });
    } else if constexpr (SharedValue<T>) {
      static const T zero = [] {
        typename T::Value content;
        SetToZero(content);
        return T(std::move(content));
      }();
      value = zero;
    }
  }

  /// Up to the end of the input or of the innermost nested message.
  template <MessageValue T>
  bool ReadContent(T& message) {
    std::uint64_t seen = 0;
    while (!input_.AtEnd()) {
      std::uint32_t tag = 0;
      if (!input_.ReadTag(tag)) return Fail("a tag is cut short or zero");
      const auto number = static_cast<std::uint32_t>(Lite::GetTagFieldNumber(tag));
      if (number < 64) seen |= std::uint64_t{1} << number;
      if (!ReadFieldOf(message, number, tag)) {
        return Fail(absl::StrCat("field ", number, " of ", internal::TypeName<T>(), " is wrong"));
      }
    }
    return HasRequired(message, seen);
  }

  /// Only variants have no zero value.
  template <MessageValue T>
  bool HasRequired(const T& message, std::uint64_t seen) {
    if constexpr (IsVariant<T>::value) {
      return variant_read_ || Fail("a message of a kind that is not known here");
    } else {
      bool complete = true;
      std::uint32_t number = 0;
      ForEachWireField(message, [&]<class Field>(const Field&) {
        ++number;
        if (IsVariant<Field>::value && ((seen >> number) & 1) == 0) complete = false;
      });
      return complete || Fail(absl::StrCat(internal::TypeName<T>(), " without a message"));
    }
  }

  template <MessageValue T>
  bool ReadFieldOf(T& message, std::uint32_t number, std::uint32_t tag) {
    if constexpr (IsVariant<T>::value) {
      constexpr std::size_t kCount = std::variant_size_v<T>;
      if (number == 0 || number > kCount) return Skip(tag);
      variant_read_ = true;
      return boost::mp11::mp_with_index<kCount>(number - 1, [&](auto index) {
        auto& member = message.template emplace<index()>();
        SetToZero(member);
        return ReadNested(member, tag);
      });
    } else if constexpr (std::is_same_v<T, ObjectId>) {
      if (number == 1) return ReadField(message.task, tag);
      return number == 2 ? ReadField(message.index, tag) : Skip(tag);
    } else {
      using Members = boost::describe::describe_members<T, boost::describe::mod_any_access>;
      constexpr std::size_t kCount = boost::mp11::mp_size<Members>::value;
      if constexpr (kCount == 0) {
        return Skip(tag);
      } else {
        if (number == 0 || number > kCount) return Skip(tag);
        return boost::mp11::mp_with_index<kCount>(number - 1, [&](auto index) {
          using Member = boost::mp11::mp_at_c<Members, index()>;
          return ReadField(message.*Member::pointer, tag);
        });
      }
    }
  }

  bool Skip(std::uint32_t tag) { return input_.Skip(tag); }

  template <class T>
  bool ReadField(T& field, std::uint32_t tag) {
    if constexpr (ScalarValue<T>) {
      return ReadScalar(field, tag);
    } else if constexpr (MessageValue<T>) {
      return ReadNested(field, tag);
    } else if constexpr (SharedValue<T>) {
      return ReadShared(field, tag);
    } else if constexpr (IsOptional<T>::value) {
      if (!field) SetToZero(field.emplace());
      return ReadNested(*field, tag);
    } else if constexpr (IsNumbers<T>::value) {
      if (Lite::GetTagWireType(tag) == Lite::WIRETYPE_VARINT)
        return ReadVarint(field.emplace_back());
      return InLimit(tag, [&] {
        while (!input_.AtEnd()) {
          if (!ReadVarint(field.emplace_back())) return false;
        }
        return true;
      });
    } else if constexpr (IsSequence<T>::value) {
      auto& element = field.emplace_back();
      SetToZero(element);
      return ReadField(element, tag);
    } else {
      static_assert(IsMap<T>::value, "no wire type for this field");
      return ReadEntry(field, tag);
    }
  }

  template <MessageValue T>
  bool ReadNested(T& message, std::uint32_t tag) {
    return InLimit(tag, [&] { return ReadContent(message); });
  }

  /// What was read before is shared again.
  template <class T>
  bool ReadShared(Shared<T>& field, std::uint32_t tag) {
    thread_local absl::flat_hash_map<std::string, Shared<T>> known;
    std::size_t length = 0;
    if (!input_.ReadLength(tag, length)) return false;
    const std::string_view content = input_.Take(length);
    const auto found = known.find(absl::string_view(content.data(), content.size()));
    if (found != known.end()) {
      field = found->second;
    } else {
      T value;
      Decoder inner(content);
      if (const absl::Status status = inner.Read(value); !status.ok())
        return Fail(std::string(status.message()));
      field = std::move(value);
      if (known.size() >= kKnownMax) known.clear();
      if (length <= kKnownBytesMax) known.emplace(content, field);
    }
    return true;
  }

  /// Runs `read` with the end of the field's content as limit.
  template <class ReadIt>
  bool InLimit(std::uint32_t tag, ReadIt&& read) {
    std::size_t length = 0;
    if (!input_.ReadLength(tag, length)) return false;
    const WireReader::Limit outer = input_.Narrow(length);
    const bool ok = read();
    input_.Widen(outer);
    return ok;
  }

  template <ScalarValue T>
  bool ReadScalar(T& value, std::uint32_t tag) {
    if constexpr (VarintValue<T>) {
      return Lite::GetTagWireType(tag) == Lite::WIRETYPE_VARINT && ReadVarint(value);
    } else {
      std::size_t length = 0;
      if (!input_.ReadLength(tag, length)) return false;
      const std::string_view content = input_.Take(length);
      if constexpr (IdValue<T>) {
        return ReadId(value, content);
      } else if constexpr (std::is_same_v<T, Bytes>) {
        value = Bytes::Of(content);
      } else {
        value = content;
      }
      return true;
    }
  }

  template <VarintValue T>
  bool ReadVarint(T& value) {
    std::uint64_t varint = 0;
    if (!input_.ReadVarint(varint)) return false;
    if constexpr (TimeValue<T>) {
      value.nanoseconds = static_cast<std::int64_t>(varint);
    } else if constexpr (DescribedEnum<T>) {
      using Enumerators = boost::describe::describe_enumerators<T>;
      if (varint >= boost::mp11::mp_size<Enumerators>::value) return false;
      value = static_cast<T>(varint);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = varint != 0;
    } else if constexpr (std::is_signed_v<T>) {
      const auto number = static_cast<std::int64_t>(varint);
      if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max())
        return false;
      value = static_cast<T>(number);
    } else {
      if (varint > std::numeric_limits<T>::max()) return false;
      value = static_cast<T>(varint);
    }
    return true;
  }

  /// A nil id may be written out or empty.
  template <IdValue T>
  static bool ReadId(T& id, std::string_view content) {
    if (content.empty()) {
      id = T{};
      return true;
    }
    if (content.size() != kIdBytes) return false;
    const auto* const raw = reinterpret_cast<const std::uint8_t*>(content.data());
    id.high = boost::endian::load_big_u64(raw);
    id.low = boost::endian::load_big_u64(raw + 8);
    return true;
  }

  template <class Map>
  bool ReadEntry(Map& map, std::uint32_t tag) {
    typename Map::key_type key{};
    typename Map::mapped_type value{};
    const bool ok = InLimit(tag, [&] {
      while (!input_.AtEnd()) {
        std::uint32_t entry = 0;
        if (!input_.ReadTag(entry)) return false;
        const int number = Lite::GetTagFieldNumber(entry);
        if (!(number == 1   ? ReadScalar(key, entry)
              : number == 2 ? ReadScalar(value, entry)
                            : Skip(entry))) {
          return false;
        }
      }
      return true;
    });
    if (ok) map.insert_or_assign(std::move(key), std::move(value));
    return ok;
  }

  WireReader input_;
  /// The innermost thing that was wrong.
  std::string problem_;
  /// A variant is required and occurs once in what is decoded.
  bool variant_read_ = false;
};

}  // namespace mobula::wire
