// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/parallel_copy.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace mobula::host {
namespace {

class ParallelCopyTest : public testing::TestWithParam<std::size_t> {};

TEST_P(ParallelCopyTest, CopiesEachByteAndNoMore) {
  std::vector<std::byte> source(GetParam());
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * i % 251);
  const std::byte untouched{252};
  std::vector<std::byte> target(source.size() + 1, untouched);
  ParallelCopy(std::span(target).first(source.size()), source);
  EXPECT_EQ(target.back(), untouched);
  target.pop_back();
  EXPECT_TRUE(target == source);
}

// Nothing, one thread, several with and without a rest.
INSTANTIATE_TEST_SUITE_P(Sizes, ParallelCopyTest,
                         testing::Values(0, 1, (8 << 20) + 1, 16 << 20, (48 << 20) + 7));

}  // namespace
}  // namespace mobula::host
