// SPDX-License-Identifier: Apache-2.0
// Goal: nothing that follows from a change leaves the GCS before the change is in its log, and what
// changes nothing costs no write. Method: the test is the disk, and says when a write is synced.
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class JournalTest : public ActorTest {
 protected:
  JournalTest() {
    writes = 0;
    syncs_at_once = false;
  }
  void Put(std::uint64_t request) {
    Handle(MessageReceived{
        kDriver,
        KvRequest{request, KvOperation::kPut, "s", "k" + std::to_string(request), {}, true}});
  }
  void Look(std::uint64_t request) {
    Handle(MessageReceived{kDriver, KvRequest{request, KvOperation::kGet, "s", "k1", {}, true}});
  }
  std::vector<std::uint64_t> Answered() const {
    std::vector<std::uint64_t> requests;
    for (const KvReply& reply : SentTo<KvReply>(kDriver)) requests.push_back(reply.request);
    return requests;
  }
  void Fail(const std::string& reason) {
    const WriteLog write = *std::exchange(under_way, std::nullopt);
    Handle(LogFailed{write.sequence, reason});
  }
};

TEST_F(JournalTest, AnswersOnceTheChangeIsSynced) {
  sent.clear();
  Put(1);
  EXPECT_THAT(sent, IsEmpty());
  ASSERT_TRUE(under_way);
  Sync();
  EXPECT_THAT(Answered(), testing::ElementsAre(1));
}

TEST_F(JournalTest, GathersWhatChangesDuringAWriteIntoTheNext) {
  sent.clear();
  Put(1);
  Put(2);
  Put(3);
  Sync();
  EXPECT_THAT(Answered(), testing::ElementsAre(1));
  Sync();
  EXPECT_THAT(Answered(), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(writes, 2u);
}

TEST_F(JournalTest, KeepsTheOrderOfWhatItSays) {
  sent.clear();
  Look(1);
  EXPECT_THAT(Answered(), testing::ElementsAre(1));
  Put(2);
  Look(3);
  EXPECT_THAT(Answered(), testing::ElementsAre(1)) << "an answer may show what is not synced";
  Sync();
  EXPECT_THAT(Answered(), testing::ElementsAre(1, 2, 3));
}

TEST_F(JournalTest, HoldsTheNewsOfAMemberToo) {
  changes.clear();
  Join(7);
  EXPECT_THAT(changes, IsEmpty());
  Sync();
  EXPECT_THAT(changes, SizeIs(1));
}

TEST_F(JournalTest, WritesNothingForReportsSubscriptionsAndQuestions) {
  syncs_at_once = true;
  Create(Creation(), Worker(2, 5));
  writes = 0;
  Report(2, 3, 1);
  Say(kDriver, SubscribeActor{Creation().header->actor});
  Say(kDriver, ListActors{1});
  Say(kDriver, ListJobs{2});
  Say(kDriver, KvRequest{9, KvOperation::kGet, "s", "k", {}, true});
  Say(Daemon(2), NodeSuspected{NodeNumber(3), "refused"});
  Wait(Seconds(1), {1, 2, 3});
  Say(Daemon(2), ReportWorkerDied{Worker(2, 77), "a worker that is no actor's", false});
  EXPECT_EQ(writes, 0u);
}

TEST_F(JournalTest, TriesAgainAndAcknowledgesNothingUntilItSucceeds) {
  sent.clear();
  Put(1);
  const LogRecords records = under_way->records;
  Fail("no space left on device");
  EXPECT_THAT(events, Contains(HasSubstr("no space left on device")));
  Wait(Milliseconds(150), {1, 2, 3});
  ASSERT_TRUE(under_way);
  EXPECT_EQ(under_way->records, records);
  Fail("no space left on device");
  Wait(Milliseconds(150), {1, 2, 3});
  EXPECT_FALSE(under_way) << "the second time it waits for longer";
  EXPECT_THAT(sent, IsEmpty());
  Wait(Milliseconds(100), {1, 2, 3});
  Sync();
  EXPECT_THAT(Answered(), testing::ElementsAre(1));
  EXPECT_THAT(events, Contains(HasSubstr("can be written again")));
}

TEST_F(JournalTest, KeepsOneBroadcastWhileTheLogIsBroken) {
  Wait(Seconds(1), {1, 2, 3});
  Put(1);
  Fail("broken");
  for (std::uint64_t version = 1; version <= 40; ++version) {
    Report(2, version, static_cast<double>(version % 4));
    Wait(Milliseconds(20), {1, 2, 3});
    if (under_way) Fail("broken");
  }
  sent.clear();
  while (!under_way) Wait(Milliseconds(100), {1, 2, 3});
  sent.clear();
  Sync();
  Wait(Milliseconds(100), {1, 2, 3});
  EXPECT_LE(SentTo<ClusterChanged>(Daemon(1)).size(), 1u);
}

TEST_F(JournalTest, WithoutALogEverythingLeavesAtOnce) {
  Gcs plain{Options{}};
  Effects effects;
  plain.Handle(now, MessageReceived{Daemon(1), Registration(1)}, effects);
  EXPECT_THAT(effects, Contains(testing::VariantWith<Send>(testing::_)));
  EXPECT_THAT(effects, testing::Not(Contains(testing::VariantWith<WriteLog>(testing::_))));
}

}  // namespace
}  // namespace mobula::gcs
