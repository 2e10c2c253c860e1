// SPDX-License-Identifier: Apache-2.0
// Goal: what was acknowledged is read back after any end of the daemon, and what a crash or a bad
// disk left is never taken for it. Method: real files, cut and damaged at every byte.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "runtime/host/storage/gcs_storage.h"
#include "runtime/host/storage/log_file.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

using testing::HasSubstr;

class LogFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string Path() const { return folder_ + "/gcs.log"; }
  static gcs::WriteLog Put(std::uint64_t sequence, const std::string& value) {
    return {sequence,
            {gcs::KvRow{"space", "key" + std::to_string(sequence), Bytes(value)},
             gcs::KvAnswerRow{{NodeId{1, 1}, WorkerId{2, 2}}, sequence, true}}};
  }
  static LogFile MustOpen(const std::string& folder) {
    absl::StatusOr<LogFile> file = LogFile::Open(folder);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  /// The values of key1, key2, ... in the log.
  std::vector<std::string> Values() const {
    LogFile file = MustOpen(folder_);
    const absl::StatusOr<gcs::Rows> rows = file.Read();
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> values;
    const auto space = rows->keys.find("space");
    if (space == rows->keys.end()) return values;
    for (std::uint64_t i = 1; space->second.contains("key" + std::to_string(i)); ++i)
      values.emplace_back(space->second.at("key" + std::to_string(i)).View());
    return values;
  }
  [[nodiscard]] std::string Content() const {
    std::ifstream file(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void SetContent(std::string_view content) const {
    std::ofstream(Path(), std::ios::binary | std::ios::trunc) << content;
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.Path();
};

TEST_F(LogFileTest, GivesBackWhatWasWritten) {
  {
    LogFile file = MustOpen(folder_);
    EXPECT_TRUE(file.Append(Put(1, "one")).ok());
    EXPECT_TRUE(file.Append(Put(2, std::string(100'000, 'x'))).ok());
  }
  EXPECT_EQ(Values(), (std::vector<std::string>{"one", std::string(100'000, 'x')}));
  EXPECT_EQ(MustOpen(folder_).CutOff(), "");
}

TEST_F(LogFileTest, WritesEveryKindOfRecord) {
  gcs::Rows rows;
  rows.gcs = gcs::GcsRow{NodeId{1, 1}, 7};
  gcs::NodeRow& node = rows.nodes[NodeId{1, 1}];
  node.info.node = NodeId{1, 1};
  node.info.total = ResourceSet::Of({{"CPU", 4}});
  node.info.labels = {{"rack", "r1"}};
  const JobId job{3, 3};
  rows.jobs[job] = {{job, {NodeId{1, 1}, WorkerId{2, 2}}, {"space", Bytes("config")}, true}, {}, 9};
  const ActorId actor{4, 4};
  rows.actors[actor].view.actor = actor;
  rows.actors[actor].view.handle_description = Bytes("handle");
  rows.creations[actor].header.Edit().actor = actor;
  rows.creations[actor].header.Edit().actor_options.emplace().max_restarts = -1;
  rows.refusals[ActorId{5, 5}] = {
      ActorId{5, 5}, {}, {ErrorKind::kInvalid, "taken", {}, {}, ActorId{5, 5}, {}}};
  rows.keys["space"]["key"] = Bytes(std::string("\0binary", 7));
  rows.answers[Address{NodeId{1, 1}, WorkerId{2, 2}}] = {{1, true}, {2, false}};
  gcs::WriteLog write{1, rows.Records()};
  write.records.emplace_back(gcs::KvDeleted{"space", "none"});
  write.records.emplace_back(gcs::AskerGone{Address{NodeId{9, 9}, WorkerId{9, 9}}});
  EXPECT_TRUE(MustOpen(folder_).Append(write).ok());
  EXPECT_TRUE(*MustOpen(folder_).Read() == rows);
}

TEST_F(LogFileTest, CutsOffWhatACrashLeftOfTheLastWriteWhereverItStopped) {
  std::size_t whole = 0;
  {
    LogFile file = MustOpen(folder_);
    EXPECT_TRUE(file.Append(Put(1, "one")).ok());
    whole = file.Bytes();
    EXPECT_TRUE(file.Append(Put(2, "two")).ok());
  }
  const std::string content = Content();
  for (std::size_t end = whole; end < content.size(); ++end) {
    SetContent(content.substr(0, end));
    EXPECT_EQ(MustOpen(folder_).CutOff().empty(), end == whole) << end;
    EXPECT_EQ(Values(), (std::vector<std::string>{"one"})) << end;
    EXPECT_EQ(Content().size(), whole) << end;
    // And it goes on from there.
    EXPECT_TRUE(MustOpen(folder_).Append(Put(2, "again")).ok());
    EXPECT_EQ(Values(), (std::vector<std::string>{"one", "again"})) << end;
  }
}

TEST_F(LogFileTest, TakesALogThatIsCutWithinItsFirstBytesForANewOne) {
  (void)MustOpen(folder_);
  const std::string content = Content();
  for (std::size_t end = 0; end < content.size(); ++end) {
    SetContent(content.substr(0, end));
    EXPECT_TRUE(Values().empty());
    EXPECT_EQ(Content(), content);
  }
}

TEST_F(LogFileTest, CutsOffATailOfZeros) {
  EXPECT_TRUE(MustOpen(folder_).Append(Put(1, "one")).ok());
  SetContent(Content() + std::string(5000, '\0'));
  EXPECT_EQ(Values(), (std::vector<std::string>{"one"}));
}

TEST_F(LogFileTest, RefusesDamageToWhatWasAcknowledgedWhicheverBitItIs) {
  {
    LogFile file = MustOpen(folder_);
    EXPECT_TRUE(file.Append(Put(1, "one")).ok());
    EXPECT_TRUE(file.Append(Put(2, "two")).ok());
  }
  const std::string content = Content();
  const std::size_t second = (content.size() + 8) / 2;
  for (std::size_t bit = 0; bit < second * 8; ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    SetContent(damaged);
    const absl::StatusOr<LogFile> file = LogFile::Open(folder_);
    ASSERT_EQ(file.status().code(), absl::StatusCode::kDataLoss) << "bit " << bit;
    EXPECT_THAT(file.status().message(), HasSubstr(Path()));
    ASSERT_EQ(Content(), damaged) << "what is left is for a person to look at";
  }
}

TEST_F(LogFileTest, ADamagedLastWriteIsNeverReadAsAnother) {
  {
    LogFile file = MustOpen(folder_);
    EXPECT_TRUE(file.Append(Put(1, "one")).ok());
    EXPECT_TRUE(file.Append(Put(2, "two")).ok());
  }
  const std::string content = Content();
  const std::size_t second = (content.size() + 8) / 2;
  for (std::size_t bit = second * 8; bit < content.size() * 8; ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    SetContent(damaged);
    ASSERT_EQ(Values(), (std::vector<std::string>{"one"})) << "bit " << bit;
  }
}

TEST_F(LogFileTest, RewritesItselfWhenItHasGrown) {
  {
    LogFile file = MustOpen(folder_);
    file.SetRewriteAt(10'000);
    for (std::uint64_t i = 0; i < 2000; ++i) {
      ASSERT_TRUE(file.Append(Put(1 + i % 3, std::to_string(i))).ok());
      ASSERT_LT(file.Bytes(), 11'000u);
    }
  }
  EXPECT_EQ(Values(), (std::vector<std::string>{"1998", "1999", "1997"}));
  EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(LogFileTest, AFailedWriteLeavesNoTraceAndCanBeTriedAgain) {
  LogFile file = MustOpen(folder_);
  EXPECT_TRUE(file.Append(Put(1, "one")).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = file.Bytes() + 20;  // Like a disk that gets full in the midst of a write.
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = file.Append(Put(2, std::string(1000, 'x')));
  EXPECT_EQ(Content().size(), file.Bytes());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("cannot write to"));
  EXPECT_TRUE(file.Append(Put(2, "two")).ok());
  EXPECT_EQ(file.Read()->keys.at("space").size(), 2u);
}

TEST_F(LogFileTest, KeepsASecondDaemonOut) {
  const LogFile first = MustOpen(folder_);
  const absl::StatusOr<LogFile> second = LogFile::Open(folder_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("in use"));
}

TEST_F(LogFileTest, RefusesAnotherFile) {
  SetContent("something else\n");
  EXPECT_EQ(LogFile::Open(folder_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogFileTest, AThreadWritesAndTheLoopHearsOfItInOrder) {
  boost::asio::io_context loop;
  const DiskFaults no_faults;
  auto storage = GcsStorage::Open(loop, folder_, no_faults);
  ASSERT_TRUE(storage.ok()) << storage.status();
  std::vector<std::uint64_t> done;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    (*storage)->Write(Put(i, "v"), [&done, i](const absl::Status& status) {
      EXPECT_TRUE(status.ok());
      done.push_back(i);
    });
  }
  // Waits for the writes before it.
  EXPECT_EQ((*storage)->Read()->size(), 6u);
  loop.run();
  EXPECT_EQ(done, (std::vector<std::uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace mobula::host
