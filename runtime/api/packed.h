// SPDX-License-Identifier: Apache-2.0
/// Serialised values: a tag, then MessagePack, which all languages read. References, handles of
/// actors and long runs of numbers are extensions of it. Values that Python wrote for itself are
/// read, too, when they are plain (python/mobula/_serialization.py lists the tags).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/core/protocol/address.h"

namespace mobula {

/// Of a value that all languages read.
inline constexpr char kPackedTag = 'm';

/// What MessagePack has no type for. Python has the same list (mobula/_packed.py).
enum class Extension : std::int8_t {
  kReference = 1,    ///< An object: `EncodeReference`.
  kActorHandle = 2,  ///< (actor, reference, max_task_retries, description).
  kNumbers = 3,      ///< A code of Python's module `array`, then the numbers as memory has them.
};

/// A serialised value, and the references inside it.
struct Encoded {
  std::string data;
  std::vector<ObjectRef> contained;
  /// Holds those references while this lives: a function's result may be gone before it is
  /// reported.
  std::vector<std::shared_ptr<const void>> held;
};

void PackNil(Encoded& out);
void PackBool(bool value, Encoded& out);
void PackInteger(std::int64_t value, Encoded& out);
void PackUnsigned(std::uint64_t value, Encoded& out);
void PackDouble(double value, Encoded& out);
void PackText(std::string_view text, Encoded& out);
void PackBytes(std::string_view bytes, Encoded& out);
/// That many values follow; of a map twice as many.
void PackArray(std::size_t count, Encoded& out);
void PackMap(std::size_t count, Encoded& out);
void PackExtension(Extension code, std::string_view bytes, Encoded& out);
/// The same with a byte in front.
void PackExtension(Extension code, std::string_view bytes, Encoded& out, char first);

/// Where serialised bytes came from: references read out of them are held through it.
struct EncodedSource {
  std::string_view data;
  /// The object whose value this is, or {task, 0} of the task whose argument it is.
  ObjectId container;
  bool container_is_task = false;
};

/// Takes values off the front of serialised bytes. Throws SerializationError for bytes that are
/// damaged, or were written by Python for Python, and where another type is taken than comes next.
class Reader {
 public:
  explicit Reader(const EncodedSource& source);
  /// Of what an extension holds: bytes without a tag.
  Reader(std::string_view packed, const EncodedSource& source);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Whether nil is next, which is then taken.
  bool TakeNil();
  bool TakeBool();
  std::int64_t TakeInteger();
  std::uint64_t TakeUnsigned();
  /// Whole numbers are taken, too.
  double TakeDouble();
  /// Text or bytes.
  std::string_view TakeBytes();
  /// How many values follow; of a map, how many pairs.
  std::uint32_t TakeArray();
  std::uint32_t TakeMap();
  std::string_view TakeExtension(Extension code);
  /// Whether that extension is next.
  [[nodiscard]] bool IsNext(Extension code) const;
  /// Whether text or bytes are next.
  [[nodiscard]] bool IsBytesNext() const;
  [[nodiscard]] bool AtEnd() const { return next_ == end_; }
  [[nodiscard]] const EncodedSource& Source() const { return source_; }

  /// Leaves the next value out.
  void Skip();
  /// A fixed number of values, as of a pair.
  void TakeArrayOf(std::size_t count);

 private:
  void Check();
  /// Returns the count when so many values may follow, each of so many bytes at least.
  [[nodiscard]] std::uint32_t Follow(std::uint32_t count, std::uint64_t bytes_each) const;
  [[noreturn]] void Expected(const char* what) const;

  EncodedSource source_;
  /// What Python wrote, as MessagePack.
  std::string translated_;
  const char* next_;
  const char* end_;
};

}  // namespace mobula
