// SPDX-License-Identifier: Apache-2.0
// Values survive the way to bytes and back, and damaged bytes are told.
#include "runtime/api/codec.h"

#include <limits>

namespace mobula {
namespace {

struct Point {
  int x = 0;
  std::string name;
  std::vector<double> more;
  MOBULA_FIELDS(Point, x, name, more)
};

template <class T>
void ExpectReturns(const T& value) {
  const Encoded encoded = Encode(value);
  EXPECT_EQ(Decode<T>(EncodedSource{encoded.data, {}, false}), value);
}

TEST(Codec, ReturnsNumbersAndStrings) {
  ExpectReturns(42);
  ExpectReturns(-1.5);
  ExpectReturns(true);
  ExpectReturns(ErrorKind::kActorDied);
  ExpectReturns(std::string("a\0b", 3));
  ExpectReturns(std::string());
}

TEST(Codec, ReturnsContainers) {
  ExpectReturns(std::vector<int>{1, 2, 3});
  ExpectReturns(std::vector<int>{});
  ExpectReturns(std::vector<bool>{true, false});
  ExpectReturns(std::vector<std::string>{"a", "", "c"});
  ExpectReturns(std::array<int, 2>{4, 5});
  ExpectReturns(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  ExpectReturns(std::set<int>{3, 1});
  ExpectReturns(std::tuple<int, std::string, std::pair<char, bool>>{1, "x", {'c', true}});
  ExpectReturns(std::optional<int>{7});
  ExpectReturns(std::optional<int>{});
}

TEST(Codec, ReturnsDescribedStructsAndIds) {
  ExpectReturns(Point{3, "p", {1, 2}});
  ExpectReturns(ObjectRef{ObjectId{TaskId{1, 2}, 3}, Address{NodeId{4, 5}, WorkerId{6, 7}}});
}

template <class T>
T FromPython(const std::string& bytes) {
  return Decode<T>(EncodedSource{bytes, {}, false});
}
template <class T>
T Recoded(const auto& value) {
  const Encoded encoded = Encode(value);
  return Decode<T>(EncodedSource{encoded.data, {}, false});
}

TEST(Codec, ReturnsNumbersAtTheirLimits) {
  ExpectReturns(std::numeric_limits<std::int64_t>::min());
  ExpectReturns(std::numeric_limits<std::uint64_t>::max());
  ExpectReturns(std::numeric_limits<std::int8_t>::min());
  ExpectReturns(std::numeric_limits<double>::denorm_min());
  ExpectReturns('x');
}

TEST(Codec, ReturnsLongVectorsOfNumbersAndBytes) {
  ExpectReturns(std::vector<double>(1000, 0.1));
  ExpectReturns(std::vector<std::int16_t>(kNumbersMin, -3));
  ExpectReturns(std::vector<unsigned char>(1000, 200));
  ExpectReturns(std::vector<std::byte>(3, std::byte{7}));
  ExpectReturns(std::unordered_map<std::string, int>{{"a", 1}});
  ExpectReturns(std::unordered_set<int>{4});
}

TEST(Codec, ConvertsNumbersThatFitAndNoOthers) {
  EXPECT_EQ(Recoded<double>(3), 3.0);
  EXPECT_EQ(Recoded<std::int8_t>(std::uint64_t{127}), 127);
  EXPECT_EQ(Recoded<std::vector<double>>(std::vector<int>(100, 5)), std::vector<double>(100, 5));
  EXPECT_THROW(Recoded<std::int8_t>(128), SerializationError);
  EXPECT_THROW(Recoded<unsigned>(-1), SerializationError);
  EXPECT_THROW(Recoded<int>(1.5), SerializationError);
  EXPECT_THROW(Recoded<std::vector<int>>(std::vector<double>(100, 1)), SerializationError);
  EXPECT_THROW(Recoded<std::vector<std::uint8_t>>(std::vector<int>(100, 256)), SerializationError);
}

TEST(Codec, ReadsThePlainValuesThatPythonWritesForItself) {
  EXPECT_EQ(FromPython<std::optional<int>>("N"), std::nullopt);
  EXPECT_TRUE(FromPython<bool>("T"));
  EXPECT_EQ(FromPython<int>(std::string("i\xfe") + std::string(7, '\xff')), -2);
  EXPECT_EQ(FromPython<double>(std::string("f") + std::string(6, '\0') + "\xf8\x3f"), 1.5);
  EXPECT_EQ(FromPython<std::string>("stext"), "text");
  EXPECT_THROW(FromPython<std::vector<int>>("q\x80"), SerializationError);
}

TEST(Codec, ThrowsWhenTheBytesAreTooFewOrTooMany) {
  const Encoded encoded = Encode(std::vector<std::string>{"abc", "d"});
  for (std::size_t size = 0; size < encoded.data.size(); ++size) {
    const EncodedSource cut{std::string_view(encoded.data).substr(0, size), {}, false};
    EXPECT_THROW(Decode<std::vector<std::string>>(cut), SerializationError) << size;
  }
  const EncodedSource whole{encoded.data, {}, false};
  EXPECT_THROW(Decode<int>(whole), SerializationError);
}

TEST(Codec, ThrowsOnACountThatMakesNoSense) {
  // A list of 2^32 - 1 values, and an array of numbers whose size is no multiple of theirs.
  EXPECT_THROW(FromPython<std::vector<double>>("m\xdd\xff\xff\xff\xff"), SerializationError);
  EXPECT_THROW(FromPython<std::vector<double>>(std::string("m\xc7\x04\x03") + "dabc"),
               SerializationError);
  EXPECT_THROW(FromPython<std::vector<double>>(std::string("m\xc1")), SerializationError);
}

}  // namespace
}  // namespace mobula
