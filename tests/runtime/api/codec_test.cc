// SPDX-License-Identifier: Apache-2.0
// Values survive the way to bytes and back, and damaged bytes are told.
#include "runtime/api/codec.h"

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
  const Encoded encoded = Encode(~std::uint64_t{0});
  const EncodedSource source{encoded.data, {}, false};
  EXPECT_THROW(Decode<std::vector<double>>(source), SerializationError);
  EXPECT_THROW(Decode<std::string>(source), SerializationError);
}

}  // namespace
}  // namespace mobula
