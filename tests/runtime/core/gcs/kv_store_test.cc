// SPDX-License-Identifier: Apache-2.0
// Goal: the key-value store does each operation once and answers each request as often as it comes.
#include "tests/runtime/core/gcs/gcs_harness.h"

namespace mobula::gcs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class KvStoreTest : public GcsTest {
 protected:
  KvStoreTest() { Join(1); }
  KvReply Ask(const Address& source, KvRequest request) {
    Say(source, request);
    const auto replies = SentTo<KvReply>(source);
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies.at(0).request, request.request);
    return replies.at(0);
  }
  KvReply Put(const std::string& key, const std::string& value, bool overwrite = true) {
    return Ask(kSource, {++request_, KvOperation::kPut, "s", key, Bytes(value), overwrite});
  }
  KvReply Do(KvOperation operation, const std::string& key, const std::string& space = "s") {
    return Ask(kSource, {++request_, operation, space, key, {}, true});
  }

  const Address kSource = Worker(1, 1);
  std::uint64_t request_ = 0;
};

TEST_F(KvStoreTest, GivesBackWhatWasPut) {
  EXPECT_TRUE(Put("key", "value").found);
  const KvReply reply = Do(KvOperation::kGet, "key");
  EXPECT_TRUE(reply.found);
  EXPECT_EQ(reply.value, Bytes("value"));
  EXPECT_FALSE(Do(KvOperation::kGet, "other").found);
}

TEST_F(KvStoreTest, OverwritesOnlyWhenAsked) {
  Put("key", "old");
  EXPECT_FALSE(Put("key", "new", false).found);
  EXPECT_EQ(Do(KvOperation::kGet, "key").value, Bytes("old"));
  EXPECT_FALSE(Put("key", "new", true).found);
  EXPECT_EQ(Do(KvOperation::kGet, "key").value, Bytes("new"));
}

TEST_F(KvStoreTest, DeletesAndSaysWhetherItWasThere) {
  Put("key", "value");
  EXPECT_TRUE(Do(KvOperation::kDelete, "key").found);
  EXPECT_FALSE(Do(KvOperation::kDelete, "key").found);
  EXPECT_FALSE(Do(KvOperation::kExists, "key").found);
}

TEST_F(KvStoreTest, SaysWhatExistsWithoutTheValue) {
  Put("key", "value");
  const KvReply reply = Do(KvOperation::kExists, "key");
  EXPECT_TRUE(reply.found);
  EXPECT_EQ(reply.value.Size(), 0u);
}

TEST_F(KvStoreTest, ListsKeysByPrefix) {
  for (const char* key : {"b1", "a2", "a1", "ab", "a"}) Put(key, "");
  EXPECT_THAT(Do(KvOperation::kKeys, "a").keys, ElementsAre("a", "a1", "a2", "ab"));
  EXPECT_THAT(Do(KvOperation::kKeys, "").keys, ElementsAre("a", "a1", "a2", "ab", "b1"));
  EXPECT_THAT(Do(KvOperation::kKeys, "z").keys, IsEmpty());
}

TEST_F(KvStoreTest, KeepsSpacesApart) {
  Put("key", "value");
  EXPECT_FALSE(Do(KvOperation::kGet, "key", "other").found);
}

TEST_F(KvStoreTest, AJobsOwnSpaceEndsWithIt) {
  Say(Daemon(1), RegisterJob{1, kSource, {}});
  const JobId job = SentTo<JobRegistered>(Daemon(1)).at(0).job;
  const std::string space = "job/" + job.Hex();
  Ask(kSource, {++request_, KvOperation::kPut, space, "package", Bytes("zip"), true});
  Put("package", "of the cluster");
  EXPECT_TRUE(Do(KvOperation::kExists, "package", space).found);
  Say(Daemon(1), JobFinished{job});
  EXPECT_FALSE(Do(KvOperation::kExists, "package", space).found);
  EXPECT_TRUE(Do(KvOperation::kExists, "package").found);
}

TEST_F(KvStoreTest, AnswersARepeatedPutAsTheFirst) {
  const KvRequest lock{1, KvOperation::kPut, "s", "lock", Bytes("mine"), false};
  EXPECT_TRUE(Ask(Worker(1, 1), lock).found);
  EXPECT_FALSE(Ask(Worker(1, 2), lock).found);
  EXPECT_TRUE(Ask(Worker(1, 1), lock).found) << "the same request: it has the lock";
  EXPECT_FALSE(Ask(Worker(1, 2), lock).found);
}

TEST_F(KvStoreTest, DoesARepeatedDeleteOnce) {
  Put("key", "value");
  const KvRequest erase{50, KvOperation::kDelete, "s", "key", {}, true};
  EXPECT_TRUE(Ask(kSource, erase).found);
  Ask(Worker(1, 2), {1, KvOperation::kPut, "s", "key", Bytes("again"), true});
  EXPECT_TRUE(Ask(kSource, erase).found);
  EXPECT_TRUE(Ask(kSource, {51, KvOperation::kExists, "s", "key", {}, true}).found);
}

TEST_F(KvStoreTest, ForgetsTheAnswersOfTheDead) {
  const KvRequest put{1, KvOperation::kPut, "s", "key", Bytes("v"), false};
  EXPECT_TRUE(Ask(kSource, put).found);
  Say(Daemon(1), ReportWorkerDied{kSource, "killed", false});
  EXPECT_FALSE(Ask(kSource, put).found);
}

}  // namespace
}  // namespace mobula::gcs
