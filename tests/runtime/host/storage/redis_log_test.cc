// SPDX-License-Identifier: Apache-2.0
// Goal: what was acknowledged is in Redis, whatever becomes of connections, servers and daemons.
// Method: a real server, which is killed, emptied and cut off.
#include "runtime/host/storage/redis_log.h"

#include <cstdlib>

#include "tests/runtime/host/redis_server.h"

namespace mobula::host {
namespace {

using testing::HasSubstr;

gcs::WriteLog Put(int number, const std::string& value) {
  return {static_cast<std::uint64_t>(number),
          {gcs::KvRow{"space", "key" + std::to_string(number), Bytes(value)}}};
}

std::unique_ptr<RedisLog> MustOpen(const std::string& url) {
  absl::StatusOr<std::unique_ptr<RedisLog>> log = RedisLog::Open(url);
  CHECK(log.ok()) << log.status();
  CHECK((*log)->Read().ok());
  return *std::move(log);
}

/// The values of key1, key2, ... in the log, for a daemon that comes after all others.
std::vector<std::string> Values(const std::string& url) {
  const absl::StatusOr<gcs::Rows> rows = MustOpen(url)->Read();
  std::vector<std::string> values;
  const auto space = rows->keys.find("space");
  if (space == rows->keys.end()) return values;
  for (const auto& [key, value] : space->second) values.emplace_back(value.View());
  return values;
}

std::string ErrorOf(const std::string& url) {
  return std::string(RedisLog::Open(url).status().message());
}

using Texts = std::vector<std::string>;

TEST(RedisLog, GivesBackWhatWasWritten) {
  const RedisServer server;
  EXPECT_EQ(Values(server.Url()), Texts{});
  const std::string binary("a\0b\r\n", 5);
  {
    const auto log = MustOpen(server.Url());
    EXPECT_TRUE(log->Append(Put(1, binary)).ok());
    EXPECT_TRUE(log->Append(Put(2, std::string(1'000'000, 'x'))).ok());
  }
  EXPECT_EQ(Values(server.Url()), (Texts{binary, std::string(1'000'000, 'x')}));
}

TEST(RedisLog, KeepsClustersOfOneServerApart) {
  const RedisServer server;
  EXPECT_TRUE(MustOpen(server.Url())->Append(Put(1, "one")).ok());
  EXPECT_TRUE(MustOpen(server.Url("/3"))->Append(Put(1, "two")).ok());
  EXPECT_TRUE(MustOpen(server.Url("/3?prefix=other"))->Append(Put(1, "three")).ok());
  EXPECT_EQ(Values(server.Url()), Texts{"one"});
  EXPECT_EQ(Values(server.Url("/3")), Texts{"two"});
  EXPECT_EQ(Values(server.Url("/3?prefix=other")), Texts{"three"});
}

TEST(RedisLog, SurvivesThatTheServerIsKilledAndComesBack) {
  RedisServer server("secret");
  const auto log = MustOpen(server.Url());
  EXPECT_TRUE(log->Append(Put(1, "one")).ok());
  server.Kill();
  const absl::Status failed = log->Append(Put(2, "lost"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("cannot reach the Redis of --storage"));
  server.Start();
  EXPECT_TRUE(log->Append(Put(2, "two")).ok());
  EXPECT_EQ(Values(server.Url()), (Texts{"one", "two"}));
}

TEST(RedisLog, GoesOnAfterAConnectionIsDropped) {
  const RedisServer server;
  const auto log = MustOpen(server.Url());
  EXPECT_TRUE(log->Append(Put(1, "one")).ok());
  for (int i = 2; i < 5; ++i) {
    EXPECT_EQ(server.Ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), "1");
    EXPECT_TRUE(log->Append(Put(i, std::to_string(i))).ok());
  }
  EXPECT_EQ(Values(server.Url()), (Texts{"one", "2", "3", "4"}));
  EXPECT_EQ(server.Ask({"LLEN", "mobula:gcs:log"}), "4");
}

TEST(RedisLog, PutsARepeatedWriteInThePlaceOfOneWhoseAnswerWasLost) {
  RedisServer server;
  const auto log = MustOpen(server.Url());
  EXPECT_TRUE(log->Append(Put(1, "one")).ok());
  // What an attempt leaves that arrived, and was never answered.
  server.Ask({"RPUSH", "mobula:gcs:log", "something"});
  EXPECT_TRUE(log->Append(Put(2, "two")).ok());
  EXPECT_EQ(server.Ask({"LLEN", "mobula:gcs:log"}), "2");
  EXPECT_EQ(Values(server.Url()), (Texts{"one", "two"}));
}

TEST(RedisLog, WritesALostLogAnew) {
  RedisServer server("", false);
  const auto log = MustOpen(server.Url());
  EXPECT_TRUE(log->Append(Put(1, "one")).ok());
  EXPECT_TRUE(log->Append(Put(2, "two")).ok());
  server.Kill();
  server.Start();
  EXPECT_EQ(server.Ask({"LLEN", "mobula:gcs:log"}), "0");
  testing::internal::CaptureStderr();
  EXPECT_TRUE(log->Append(Put(3, "three")).ok());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("came back without the log"));
  EXPECT_EQ(Values(server.Url()), (Texts{"one", "two", "three"}));
}

TEST(RedisLog, LetsOnlyTheLastDaemonWrite) {
  const RedisServer server;
  const auto first = MustOpen(server.Url());
  EXPECT_TRUE(first->Append(Put(1, "one")).ok());
  const auto second = MustOpen(server.Url());
  const absl::Status refused = first->Append(Put(2, "of the first"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another daemon has taken over the log"));
  EXPECT_TRUE(second->Append(Put(2, "of the second")).ok());
  EXPECT_FALSE(first->Append(Put(2, "of the first")).ok());
  EXPECT_EQ(Values(server.Url()), (Texts{"one", "of the second"}));
}

TEST(RedisLog, IsRewrittenWhenItIsLong) {
  const RedisServer server;
  const auto log = MustOpen(server.Url());
  log->SetRewriteAt(10'000);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(log->Append(Put(1, std::string(1000, static_cast<char>('a' + i % 26)))).ok());
  }
  EXPECT_LT(std::stoi(server.Ask({"LLEN", "mobula:gcs:log"})), 12);
  EXPECT_EQ(Values(server.Url()), Texts{std::string(1000, 'v')});
}

TEST(RedisLog, RefusesADamagedLog) {
  const RedisServer server;
  EXPECT_TRUE(MustOpen(server.Url())->Append(Put(1, "one")).ok());
  server.Ask({"RPUSH", "mobula:gcs:log", "nonsense"});
  const auto error = [&](const std::string& rest) {
    return std::string((*RedisLog::Open(server.Url(rest)))->Read().status().message());
  };
  EXPECT_THAT(error(""), HasSubstr("damaged at element 1 of mobula:gcs:log; restore it"));
  server.Ask({"SET", "other:gcs:log", "a text"});
  EXPECT_THAT(error("?prefix=other"), HasSubstr("is not a log of mobula"));
}

TEST(RedisLog, SaysWhatIsWrongWithAPassword) {
  const RedisServer server("secret");
  const std::string at = absl::StrCat("127.0.0.1:", server.Port());
  EXPECT_THAT(ErrorOf("redis://" + at), HasSubstr("refuses the password"));
  EXPECT_THAT(ErrorOf("redis://:wrong@" + at), HasSubstr("set MOBULA_REDIS_PASSWORD"));
  EXPECT_THAT(ErrorOf("redis://nobody:secret@" + at), HasSubstr("refuses the password"));
  EXPECT_EQ(ErrorOf("redis://default:secret@" + at), "");
  setenv("MOBULA_REDIS_PASSWORD", "secret", 1);
  EXPECT_EQ(ErrorOf("redis://" + at), "");
  EXPECT_EQ(std::getenv("MOBULA_REDIS_PASSWORD"), nullptr);
  const RedisServer open;
  EXPECT_THAT(ErrorOf(absl::StrCat("redis://:any@127.0.0.1:", open.Port())),
              HasSubstr("refuses the password"));
}

TEST(RedisLog, SaysWhatIsWrongWithAUrl) {
  for (const auto& [url, message] : std::vector<std::pair<std::string, std::string>>{
           {"rediss://host", "no TLS; reach a distant Redis through a tunnel"},
           {"redis://", "there is no host in it"},
           {"redis://host:many", "the port many is none"},
           {"redis://host:", "the port  is none"},
           {"redis://host:70000", "the port 70000 is none"},
           {"redis://host/first", "the database first is no number"},
           {"redis://host?name=x", "what follows the ?"},
       }) {
    EXPECT_THAT(ErrorOf(url), testing::AllOf(HasSubstr(message), HasSubstr("expected a folder")))
        << url;
  }
  EXPECT_THAT(ErrorOf("redis://127.0.0.1:1"),
              testing::AllOf(HasSubstr("cannot reach"), HasSubstr("Connection refused")));
  const absl::StatusOr<RedisPlace> place =
      RedisPlace::Parse("redis://user:p@ss:word@host:7000/2?prefix=mine");
  EXPECT_EQ(place->user, "user");
  EXPECT_EQ(place->password, "p@ss:word");
  EXPECT_EQ(place->host, "host");
  EXPECT_EQ(place->port, 7000);
  EXPECT_EQ(place->database, 2);
  EXPECT_EQ(place->prefix, "mine");
}

TEST(RedisLog, WarnsOfAServerThatKeepsNothing) {
  const auto warning = [](bool keeps) {
    const RedisServer server("", keeps);
    testing::internal::CaptureStderr();
    MustOpen(server.Url());
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(warning(false), HasSubstr("has appendonly off"));
  EXPECT_EQ(warning(true), "");
}

}  // namespace
}  // namespace mobula::host
