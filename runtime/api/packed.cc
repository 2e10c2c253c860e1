// SPDX-License-Identifier: Apache-2.0
// The functions of this header that are not inline are compiled here.
#define MP_SOURCE 1
#include "runtime/api/packed.h"

#include <msgpuck.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace mobula {
namespace {

// The largest head of a value, and the largest number.
using Head = std::array<char, 9>;

void Append(const Head& head, const char* end, Encoded& out) {
  out.data.append(head.data(), static_cast<std::size_t>(end - head.data()));
}

std::uint32_t CountOf(std::size_t count) {
  if (count > std::numeric_limits<std::uint32_t>::max())
    throw SerializationError("a value has more than 2^32 bytes or elements in one piece");
  return static_cast<std::uint32_t>(count);
}

void PackExtensionHead(Extension code, std::size_t size, Encoded& out) {
  Head head;
  char* end = mp_store_u8(head.data(), 0xC9);
  end = mp_store_u32(end, CountOf(size));
  end = mp_store_u8(end, static_cast<std::uint8_t>(code));
  Append(head, end, out);
}

/// The head of an extension: which, how many bytes, and where they begin.
struct ExtensionHead {
  std::int8_t code = 0;
  std::uint32_t size = 0;
  const char* bytes = nullptr;
};

/// REQUIRES: an extension, which was checked, begins there.
ExtensionHead ReadExtensionHead(const char* at) {
  constexpr std::uint8_t kFixed = 0xD4;
  ExtensionHead head;
  const std::uint8_t kind = mp_load_u8(&at);
  if (kind >= kFixed) {
    head.size = 1U << (kind - kFixed);
  } else if (kind == 0xC7) {
    head.size = mp_load_u8(&at);
  } else if (kind == 0xC8) {
    head.size = mp_load_u16(&at);
  } else {
    head.size = mp_load_u32(&at);
  }
  head.code = static_cast<std::int8_t>(mp_load_u8(&at));
  head.bytes = at;
  return head;
}

const char* NameOf(mp_type type) {
  switch (type) {
    case MP_NIL:
      return "None";
    case MP_UINT:
    case MP_INT:
      return "a whole number";
    case MP_STR:
      return "text";
    case MP_BIN:
      return "bytes";
    case MP_ARRAY:
      return "a list";
    case MP_MAP:
      return "a dictionary";
    case MP_BOOL:
      return "a truth value";
    case MP_FLOAT:
    case MP_DOUBLE:
      return "a number";
    case MP_EXT:
      return "a reference, an actor or an array of numbers";
  }
  return "something unknown";
}

/// 8 bytes, as Python writes a small int or a float.
std::uint64_t WordOf(std::string_view bytes) {
  std::uint64_t word = 0;
  if (bytes.size() != sizeof(word)) throw SerializationError("a number has the wrong size");
  std::memcpy(&word, bytes.data(), sizeof(word));
  return word;
}

/// What Python wrote for itself, as MessagePack.
std::string Translate(std::string_view data) {
  Encoded out;
  const std::string_view rest = data.substr(1);
  switch (data.front()) {
    case 'N':
      PackNil(out);
      break;
    case 'T':
    case 'F':
      PackBool(data.front() == 'T', out);
      break;
    case 'i':
      PackInteger(static_cast<std::int64_t>(WordOf(rest)), out);
      break;
    case 'f':
      PackDouble(std::bit_cast<double>(WordOf(rest)), out);
      break;
    case 's':
      PackText(rest, out);
      break;
    case 'b':
      PackBytes(rest, out);
      break;
    default:
      throw SerializationError(
          "the value is a pickled Python object. C++ reads None, bool, int, float, str and bytes "
          "that Python put or returned to itself, and lists, dictionaries and arrays where they "
          "are arguments of a call from Python to C++ or results of a call from C++ to Python");
  }
  return std::move(out.data);
}

}  // namespace

void PackNil(Encoded& out) {
  Head head;
  Append(head, mp_encode_nil(head.data()), out);
}

void PackBool(bool value, Encoded& out) {
  Head head;
  Append(head, mp_encode_bool(head.data(), value), out);
}

void PackInteger(std::int64_t value, Encoded& out) {
  if (value >= 0) return PackUnsigned(static_cast<std::uint64_t>(value), out);
  Head head;
  Append(head, mp_encode_int(head.data(), value), out);
}

void PackUnsigned(std::uint64_t value, Encoded& out) {
  Head head;
  Append(head, mp_encode_uint(head.data(), value), out);
}

void PackDouble(double value, Encoded& out) {
  Head head;
  Append(head, mp_encode_double(head.data(), value), out);
}

void PackText(std::string_view text, Encoded& out) {
  Head head;
  Append(head, mp_encode_strl(head.data(), CountOf(text.size())), out);
  out.data += text;
}

void PackBytes(std::string_view bytes, Encoded& out) {
  Head head;
  Append(head, mp_encode_binl(head.data(), CountOf(bytes.size())), out);
  out.data += bytes;
}

void PackArray(std::size_t count, Encoded& out) {
  Head head;
  Append(head, mp_encode_array(head.data(), CountOf(count)), out);
}

void PackMap(std::size_t count, Encoded& out) {
  Head head;
  Append(head, mp_encode_map(head.data(), CountOf(count)), out);
}

void PackExtension(Extension code, std::string_view bytes, Encoded& out) {
  PackExtensionHead(code, bytes.size(), out);
  out.data += bytes;
}

void PackExtension(Extension code, std::string_view bytes, Encoded& out, char first) {
  PackExtensionHead(code, bytes.size() + 1, out);
  out.data += first;
  out.data += bytes;
}

Reader::Reader(const EncodedSource& source) : source_(source), next_(nullptr), end_(nullptr) {
  if (source.data.empty()) throw SerializationError("a value is shorter than its type");
  std::string_view packed = source.data.substr(1);
  if (source.data.front() != kPackedTag) packed = translated_ = Translate(source.data);
  next_ = packed.data();
  end_ = next_ + packed.size();
  Check();
}

Reader::Reader(std::string_view packed, const EncodedSource& source)
    : source_(source), next_(packed.data()), end_(next_ + packed.size()) {
  Check();
}

// Every value up to the end is whole, so who takes one looks only whether there is one.
void Reader::Check() {
  const char* at = next_;
  while (at < end_) {
    if (mp_check(&at, end_) != 0) throw SerializationError("the bytes of a value are damaged");
  }
}

void Reader::Expected(const char* what) const {
  const std::string found = AtEnd() ? "its end" : NameOf(mp_typeof(*next_));
  throw SerializationError(std::string("a value has another type than it is read as: expected ") +
                           what + ", got " + found);
}

// The library's check overflows for such counts, and nobody may reserve memory for them.
std::uint32_t Reader::Follow(std::uint32_t count, std::uint64_t bytes_each) const {
  if (count * bytes_each > static_cast<std::uint64_t>(end_ - next_))
    throw SerializationError("the bytes of a value are damaged");
  return count;
}

bool Reader::TakeNil() {
  if (AtEnd() || mp_typeof(*next_) != MP_NIL) return false;
  mp_decode_nil(&next_);
  return true;
}

bool Reader::TakeBool() {
  if (AtEnd() || mp_typeof(*next_) != MP_BOOL) Expected("a truth value");
  return mp_decode_bool(&next_);
}

std::int64_t Reader::TakeInteger() {
  if (!AtEnd() && mp_typeof(*next_) == MP_INT) return mp_decode_int(&next_);
  const std::uint64_t value = TakeUnsigned();
  if (!std::in_range<std::int64_t>(value))
    throw SerializationError("a whole number is too large for its type");
  return static_cast<std::int64_t>(value);
}

std::uint64_t Reader::TakeUnsigned() {
  if (!AtEnd() && mp_typeof(*next_) == MP_INT)
    throw SerializationError("a negative number is read as one that has no sign");
  if (AtEnd() || mp_typeof(*next_) != MP_UINT) Expected("a whole number");
  return mp_decode_uint(&next_);
}

double Reader::TakeDouble() {
  if (AtEnd()) Expected("a number");
  switch (mp_typeof(*next_)) {
    case MP_FLOAT:
      return mp_decode_float(&next_);
    case MP_DOUBLE:
      return mp_decode_double(&next_);
    case MP_UINT:
      return static_cast<double>(mp_decode_uint(&next_));
    case MP_INT:
      return static_cast<double>(mp_decode_int(&next_));
    default:
      Expected("a number");
  }
}

std::string_view Reader::TakeBytes() {
  if (!IsBytesNext()) Expected("text or bytes");
  std::uint32_t size = 0;
  const char* bytes = mp_decode_strbin(&next_, &size);
  return {bytes, size};
}

std::uint32_t Reader::TakeArray() {
  if (AtEnd() || mp_typeof(*next_) != MP_ARRAY) Expected("a list");
  return Follow(mp_decode_array(&next_), 1);
}

void Reader::TakeArrayOf(std::size_t count) {
  const std::uint32_t found = TakeArray();
  if (found == count) return;
  throw SerializationError("expected a list of " + std::to_string(count) + " values, got one of " +
                           std::to_string(found));
}

std::uint32_t Reader::TakeMap() {
  if (AtEnd() || mp_typeof(*next_) != MP_MAP) Expected("a dictionary");
  return Follow(mp_decode_map(&next_), 2);
}

void Reader::Skip() {
  if (AtEnd()) Expected("a value");
  if (mp_check(&next_, end_) != 0) throw SerializationError("the bytes of a value are damaged");
}

bool Reader::IsNext(Extension code) const {
  // To the library the byte that stands for nothing is an extension, too.
  return !AtEnd() && mp_typeof(*next_) == MP_EXT && *next_ != '\xC1' &&
         ReadExtensionHead(next_).code == static_cast<std::int8_t>(code);
}

bool Reader::IsBytesNext() const {
  return !AtEnd() && (mp_typeof(*next_) == MP_STR || mp_typeof(*next_) == MP_BIN);
}

std::string_view Reader::TakeExtension(Extension code) {
  if (!IsNext(code)) {
    Expected(code == Extension::kReference     ? "a reference"
             : code == Extension::kActorHandle ? "an actor"
                                               : "an array of numbers");
  }
  const ExtensionHead head = ReadExtensionHead(next_);
  next_ = head.bytes + head.size;
  return {head.bytes, head.size};
}

}  // namespace mobula
