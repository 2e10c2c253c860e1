// SPDX-License-Identifier: Apache-2.0
// Goal: random programs under random faults keep their promises however the cluster places tasks.
// Method: the first cases of tools/soak, each under every policy; the default one, which they have
// there, without locality.
#include <gmock/gmock.h>

#include "tests/properties/search.h"

namespace mobula::properties {
namespace {

using scheduler::PolicyKind;

constexpr std::uint64_t kSeeds = 200;

class PoliciesTest : public testing::TestWithParam<PolicyKind> {};

TEST_P(PoliciesTest, RandomProgramsKeepTheirPromises) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    RunOptions options;
    options.scheduling.policy = GetParam();
    options.scheduling.locality = GetParam() != PolicyKind::kHybrid;
    const Outcome outcome = RunHere(CaseOfSeed(Strategy::kSwarm, seed), options);
    EXPECT_THAT(outcome.problems, testing::IsEmpty()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PoliciesTest,
                         testing::Values(PolicyKind::kHybrid, PolicyKind::kSpread,
                                         PolicyKind::kRandom, PolicyKind::kPowerOfTwo,
                                         PolicyKind::kCentral),
                         [](const auto& one) { return ToString(one.param).substr(1); });

}  // namespace
}  // namespace mobula::properties
