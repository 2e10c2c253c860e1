// SPDX-License-Identifier: Apache-2.0
// Goal: logs are listed and read in parts, and nothing else is.
#include "runtime/host/daemon/log_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

class LogFilesTest : public testing::Test {
 protected:
  LogFilesTest() {
    mkdir(logs_.c_str(), 0700);
    std::ofstream(logs_ + "/mobulad.log") << "one\ntwo\n";
    std::ofstream(folder_.File("secret")) << "secret";
  }
  [[nodiscard]] HttpAnswer Ask(const std::string& path) const { return AnswerLogs(logs_, path); }

  const TemporaryFolder folder_;
  const std::string logs_ = folder_.File("logs");
};

TEST_F(LogFilesTest, ListsFilesWithTheirSizes) {
  EXPECT_EQ(Ask("/logs").body, "[{\"name\":\"mobulad.log\",\"bytes\":8}]\n");
}

TEST_F(LogFilesTest, ReadsTheEndOrFromAnOffset) {
  EXPECT_EQ(Ask("/logs/mobulad.log").body, "one\ntwo\n");
  EXPECT_EQ(Ask("/logs/mobulad.log/4").body, "two\n");
  EXPECT_EQ(Ask("/logs/mobulad.log/8").body, "");
  EXPECT_EQ(Ask("/logs/mobulad.log/99").body, "");
}

TEST_F(LogFilesTest, ReadsOnePartOfALargeFile) {
  std::ofstream(logs_ + "/large") << std::string(kLogPartBytes, 'a') << std::string(10, 'b');
  EXPECT_EQ(Ask("/logs/large").body.size(), kLogPartBytes);
  EXPECT_TRUE(Ask("/logs/large").body.ends_with("bbbbbbbbbb"));
  EXPECT_EQ(Ask("/logs/large/0").body, std::string(kLogPartBytes, 'a'));
}

TEST_F(LogFilesTest, ReadsNothingElse) {
  ASSERT_EQ(symlink("../secret", (logs_ + "/link").c_str()), 0);
  ASSERT_EQ(mkfifo((logs_ + "/pipe").c_str(), 0600), 0);
  mkdir((logs_ + "/folder").c_str(), 0700);
  for (const std::string path :
       {"/logs/", "/logs/..", "/logs/../secret", "/logs/..%2Fsecret", "/logs/link", "/logs/pipe",
        "/logs/folder", "/logs/none", "/logs/mobulad.log/x", "/logs/mobulad.log/-1",
        "/logs/mobulad.log/1/2", "/logsx", "/logs//secret"}) {
    EXPECT_EQ(Ask(path).status, 404) << path;
    EXPECT_EQ(Ask(path).body.find("secret"), std::string::npos) << path;
  }
  EXPECT_EQ(Ask("/logs").body.find("link"), std::string::npos);
}

}  // namespace
}  // namespace mobula::host
