// SPDX-License-Identifier: Apache-2.0
// Goal: copies share their elements until one of them is changed, and nobody else sees the change.
#include "runtime/base/shared_array.h"

#include <gtest/gtest.h>

#include <string>

namespace mobula {
namespace {

SharedArray<std::string> ArrayOf(std::initializer_list<std::string> elements) {
  SharedArray<std::string> array;
  for (const std::string& element : elements) array.emplace_back() = element;
  return array;
}

TEST(SharedArray, CopiesShareTheirElements) {
  const SharedArray<std::string> first = ArrayOf({"a", "b"});
  const SharedArray<std::string> second = first;
  EXPECT_EQ(&first[0], &second[0]);
  EXPECT_EQ(first, second);
  EXPECT_EQ(second.size(), 2u);
}

TEST(SharedArray, AChangeIsTheHoldersOwn) {
  const SharedArray<std::string> first = ArrayOf({"a", "b"});
  SharedArray<std::string> second = first;
  second.Edit()[1] = "changed";
  EXPECT_EQ(first, ArrayOf({"a", "b"}));
  EXPECT_EQ(second, ArrayOf({"a", "changed"}));
}

TEST(SharedArray, AnEmptyOneIsAsGoodAsAnyOther) {
  const SharedArray<std::string> empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.begin(), empty.end());
  EXPECT_EQ(empty, SharedArray<std::string>());
  EXPECT_NE(empty, ArrayOf({""}));
}

TEST(SharedArray, WhatWasWorkedOutIsForgottenWithAChange) {
  SharedArray<std::string> array = ArrayOf({"a"});
  EXPECT_EQ(array.Memo([] { return 1; }), 1u);
  EXPECT_EQ(array.Memo([] { return 2; }), 1u);
  array.emplace_back() = "b";
  EXPECT_EQ(array.Memo([] { return 3; }), 3u);
}

}  // namespace
}  // namespace mobula
