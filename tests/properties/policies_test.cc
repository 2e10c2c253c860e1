// SPDX-License-Identifier: Apache-2.0
// Goal: random programs under random faults keep their promises however the cluster places tasks.
// Method: the first cases of tools/soak, each under every policy.
#include <gmock/gmock.h>

#include "tests/properties/search.h"

namespace mobula::properties {
namespace {

using scheduler::PolicyKind;

constexpr std::uint64_t kSeeds = 200;

class PoliciesTest : public testing::TestWithParam<scheduler::Options> {};

TEST_P(PoliciesTest, RandomProgramsKeepTheirPromises) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    RunOptions options;
    options.scheduling = GetParam();
    const Outcome outcome = RunHere(CaseOfSeed(Strategy::kSwarm, seed), options);
    EXPECT_THAT(outcome.problems, testing::IsEmpty()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PoliciesTest,
    testing::Values(scheduler::Options{.locality = false},
                    scheduler::Options{.policy = PolicyKind::kSpread},
                    scheduler::Options{.policy = PolicyKind::kRandom},
                    scheduler::Options{.policy = PolicyKind::kPowerOfTwo},
                    scheduler::Options{.policy = PolicyKind::kCentral}),
    [](const auto& one) { return std::string(ToString(one.param.policy)).substr(1); });

}  // namespace
}  // namespace mobula::properties
