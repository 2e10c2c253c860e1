// SPDX-License-Identifier: Apache-2.0
// Goal: a job begins once and ends with its driver, however that ends.
#include "tests/runtime/core/gcs/gcs_harness.h"

namespace mobula::gcs {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class JobTableTest : public GcsTest {
 protected:
  JobTableTest() {
    Join(1);
    Join(2);
  }
  JobId Start(const Address& driver, std::uint64_t request = 1) {
    Say(Address::Daemon(driver.node), RegisterJob{request, driver, {"space", Bytes("config")}});
    const auto answers = SentTo<JobRegistered>(Address::Daemon(driver.node));
    EXPECT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers.at(0).driver, driver);
    EXPECT_EQ(answers.at(0).request, request);
    return answers.at(0).job;
  }
};

TEST_F(JobTableTest, GivesEachDriverItsOwnJob) {
  EXPECT_NE(Start(Worker(1, 1), 1), Start(Worker(1, 2), 2));
  EXPECT_THAT(gcs.Jobs(), SizeIs(2));
}

TEST_F(JobTableTest, GivesARepeatedRequestTheSameJob) {
  EXPECT_EQ(Start(Worker(1, 1), 1), Start(Worker(1, 1), 1));
  EXPECT_THAT(gcs.Jobs(), SizeIs(1));
}

TEST_F(JobTableTest, TellsRequestsWithEqualNumbersOfTwoNodesApart) {
  EXPECT_NE(Start(Worker(1, 1), 1), Start(Worker(2, 2), 1));
}

TEST_F(JobTableTest, TellsEveryRayletOnceWhenAJobFinished) {
  const JobId job = Start(Worker(1, 1));
  Say(Daemon(1), JobFinished{job});
  EXPECT_THAT(SentTo<JobFinished>(Daemon(1)), ElementsAre(JobFinished{job}));
  EXPECT_THAT(SentTo<JobFinished>(Daemon(2)), ElementsAre(JobFinished{job}));
  EXPECT_TRUE(gcs.Jobs().at(0).finished);
  Say(Daemon(1), JobFinished{job});
  EXPECT_EQ(CountSent<JobFinished>(), 0u);
}

TEST_F(JobTableTest, EndsAJobWithItsDriver) {
  Start(Worker(1, 1));
  Say(Daemon(1), ReportWorkerDied{Worker(1, 1), "killed", false});
  EXPECT_EQ(CountSent<JobFinished>(), 2u);
}

TEST_F(JobTableTest, EndsAJobWithTheNodeOfItsDriver) {
  const JobId job = Start(Worker(2, 1));
  Say(Daemon(2), UnregisterNode{NodeNumber(2), "stopped"});
  EXPECT_THAT(SentTo<JobFinished>(Daemon(1)), ElementsAre(JobFinished{job}));
  EXPECT_EQ(CountSent<JobFinished>(), 1u);
}

TEST_F(JobTableTest, IgnoresTheEndOfAnUnknownJob) {
  Say(Daemon(1), JobFinished{JobId{9, 9}});
  EXPECT_EQ(CountSent<JobFinished>(), 0u);
}

TEST_F(JobTableTest, ListsJobs) {
  const JobId job = Start(Worker(1, 1));
  Say(Worker(1, 1), ListJobs{5});
  const auto replies = SentTo<ListJobsReply>(Worker(1, 1));
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_THAT(replies[0].jobs,
              ElementsAre(JobView{job, Worker(1, 1), {"space", Bytes("config")}, false}));
}

}  // namespace
}  // namespace mobula::gcs
