// SPDX-License-Identifier: Apache-2.0
// Goal: text, hash and equality of a struct follow from the list of its fields.
#include "runtime/base/describe.h"

#include <gtest/gtest.h>

#include "runtime/base/resources.h"

namespace mobula {
namespace {

enum class Colour { kRed, kBlue };
BOOST_DESCRIBE_ENUM(Colour, kRed, kBlue)

struct Leaf {
  std::int32_t number = 0;
  std::string text;
  MOBULA_FIELDS(Leaf, number, text)
};

struct Tree {
  Colour colour = Colour::kRed;
  std::vector<Leaf> leaves;
  std::optional<Leaf> fruit;
  Boxed<Leaf> nut;
  std::map<std::string, std::uint64_t> counts;
  Bytes bytes;
  Duration age;
  MOBULA_FIELDS(Tree, colour, leaves, fruit, nut, counts, bytes, age)
};

using Plant = std::variant<Leaf, Tree>;

std::uint64_t HashOf(const auto& value) {
  Hasher hasher;
  hasher.Mix(value);
  return hasher.Value();
}

Tree SomeTree() {
  return {Colour::kBlue, {{1, "a"}},   std::nullopt,      {},
          {{"x", 2}},    Bytes("abc"), Milliseconds(1500)};
}

TEST(Describe, PrintsEveryKindOfField) {
  EXPECT_EQ(ToString(SomeTree()),
            "Tree{colour: kBlue, leaves: [{number: 1, text: \"a\"}], fruit: none, nut: none, "
            "counts: {\"x\": "
            "2}, bytes: 3 "
            "bytes, age: 1.5s}");
}

TEST(Describe, NamesTheAlternativeOfAVariant) {
  EXPECT_EQ(NameOf(Plant(Leaf{})), "Leaf");
  EXPECT_EQ(ToString(Plant(Leaf{4, "b"})), "Leaf{number: 4, text: \"b\"}");
}

TEST(Describe, VisitsFieldsInTheOrderOfTheDescription) {
  std::string names;
  Leaf leaf;
  ForEachField(leaf, [&names](const char* name, auto&) { names += std::string(name) + " "; });
  EXPECT_EQ(names, "number text ");
}

TEST(Describe, ComparesMemberWise) {
  Tree other = SomeTree();
  EXPECT_EQ(other, SomeTree());
  other.leaves[0].text = "b";
  EXPECT_NE(other, SomeTree());
}

TEST(Boxed, IsCopiedWithWhatIsInIt) {
  Boxed<Leaf> leaf = Leaf{1, "a"};
  const Boxed<Leaf> copy = leaf;
  EXPECT_EQ(copy, leaf);
  leaf->number = 2;
  EXPECT_NE(copy, leaf);
  EXPECT_EQ(copy->number, 1);
  EXPECT_NE(copy, Boxed<Leaf>());
  EXPECT_EQ(sizeof(copy), sizeof(void*));
}

TEST(Hasher, GivesEqualValuesTheSameHash) { EXPECT_EQ(HashOf(SomeTree()), HashOf(SomeTree())); }

TEST(Hasher, NoticesAChangeOfAnyField) {
  const std::uint64_t base = HashOf(SomeTree());
  for (int field = 0; field < 7; ++field) {
    Tree tree = SomeTree();
    if (field == 0) tree.colour = Colour::kRed;
    if (field == 1) tree.leaves.push_back({});
    if (field == 2) tree.fruit = Leaf{};
    if (field == 3) tree.counts["x"] = 3;
    if (field == 4) tree.bytes = Bytes("abd");
    if (field == 6) tree.nut = Leaf{};
    if (field == 5) tree.age = Milliseconds(1);
    EXPECT_NE(HashOf(tree), base) << field;
  }
}

TEST(Hasher, TellsAlternativesWithEqualFieldsApart) {
  EXPECT_NE(HashOf(std::variant<Leaf, Tree>(Leaf{})), HashOf(std::variant<Tree, Leaf>(Leaf{})));
}

TEST(Hasher, TellsWhereOneTextEndsAndTheNextBegins) {
  EXPECT_NE(HashOf(std::vector<std::string>{"ab", "c"}),
            HashOf(std::vector<std::string>{"a", "bc"}));
}

TEST(Bytes, AreSharedAndComparedByContent) {
  const Bytes first("abc");
  const Bytes copy = first;
  EXPECT_EQ(copy.View().data(), first.View().data());
  EXPECT_EQ(first, Bytes("abc"));
  EXPECT_NE(first, Bytes());
  EXPECT_EQ(Bytes(), Bytes(""));
}

}  // namespace
}  // namespace mobula
