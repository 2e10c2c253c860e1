// SPDX-License-Identifier: Apache-2.0
// What is wrong with a plan only on a certain cluster.
#include "faults/plan_check.h"

#include "faults/plan_file.h"

namespace mobula::faults {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<NodeFacts> kNodes{{"n1", {}, true, true}, {"n2", {{"rack", "r1"}}, true, false}};

std::string Complaint(const Kind& kind) {
  Plan plan;
  plan.Add(At(Seconds(1), kind));
  return std::string(CheckPlan(plan, kNodes).message());
}

TEST(PlanCheck, NamesTheNodesWhenOneIsUnknown) {
  EXPECT_THAT(Complaint(CrashWorker{"n9", ""}), AllOf(HasSubstr("\"n9\""), HasSubstr("n1, n2")));
  EXPECT_THAT(Complaint(Partition{{"n1"}, {"n9"}, false, {}}), HasSubstr("partition.b[0]"));
  EXPECT_THAT(Complaint(CrashNode{"rack=r2", false, {}}), HasSubstr("labelled rack=r2"));
}

TEST(PlanCheck, RefusesToCrashTheHead) {
  EXPECT_THAT(Complaint(CrashNode{"n1", false, {}}), HasSubstr("n1 is the head"));
  EXPECT_EQ(Complaint(CrashWorker{"n1", ""}), "");
  EXPECT_EQ(Complaint(CrashNode{"all", false, {}}), "");
}

TEST(PlanCheck, KnowsWhatADiskAndTheGcsCanDo) {
  EXPECT_EQ(Complaint(CrashGcs{Seconds(1), false, false}), "");
  EXPECT_THAT(Complaint(CrashGcs{Duration{} - Seconds(1), false, false}),
              HasSubstr("crash_gcs.restart_after: is negative"));
  EXPECT_EQ(Complaint(DiskFault{"n1", DiskMode::kFull, {}, {}}), "");
  EXPECT_THAT(Complaint(DiskFault{"n1", DiskMode::kSlow, {}, {}}),
              HasSubstr("how much longer its writes take"));
}

TEST(PlanCheck, TakesLabelsAndAny) {
  EXPECT_EQ(Complaint(CrashNode{"rack=r1", false, {}}), "");
  EXPECT_EQ(Complaint(CrashNode{"any", false, {}}), "");
}

TEST(PlanCheck, SaysInWhichLineAnUnknownNodeStands) {
  const auto plan = ParsePlan("\nfault {\n  at: \"1s\"\n  crash_node {\n    node: \"n7\" } }",
                              "a.plan", PlanFormat::kText);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(std::string(CheckPlan(*plan, kNodes).message()),
              AllOf(HasSubstr("a.plan:5: "), HasSubstr("n7")));
}

}  // namespace
}  // namespace mobula::faults
