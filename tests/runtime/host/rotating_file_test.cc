// SPDX-License-Identifier: Apache-2.0
// Goal: logs do not grow without end, and none of their lines is divided.
#include "runtime/host/daemon/rotating_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/host/local/log_line.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

constexpr LogLimits kTen{.bytes_max = 10, .older_max = 2};

class RotatingFileTest : public testing::Test {
 protected:
  [[nodiscard]] static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// The oldest first; files are separated.
  [[nodiscard]] std::string All() const {
    std::string all;
    for (const std::string end : {".3", ".2", ".1", ""}) {
      if (std::filesystem::exists(log_ + end)) all += Content(log_ + end) + "|";
    }
    return all;
  }

  const TemporaryFolder folder_;
  const std::string log_ = folder_.File("log");
};

TEST_F(RotatingFileTest, ContinuesInANewFileAndKeepsSomeOldOnes) {
  RotatingFile file(log_, kTen);
  for (const char* line : {"11111\n", "222\n", "3\n", "44444444\n", "5\n", "6\n"}) file.Write(line);
  EXPECT_EQ(All(), "3\n|44444444\n|5\n6\n|") << "the oldest of more than two goes";
  file.Write("7777777\n");
  EXPECT_EQ(All(), "44444444\n|5\n6\n|7777777\n|");
}

TEST_F(RotatingFileTest, DividesNoLine) {
  RotatingFile file(log_, kTen);
  file.Write("aaa");
  file.Write("bbb\nccccc");
  file.Write("ddddddd");
  file.Write("eee\nff\n");
  EXPECT_EQ(All(), "aaabbb\n|cccccdddddddeee\n|ff\n|");
}

TEST_F(RotatingFileTest, DividesALineThatNeverEnds) {
  RotatingFile file(log_, kTen);
  for (int i = 0; i < 10; ++i) file.Write("12345");
  EXPECT_LE(Content(log_).size(), 25U);
  EXPECT_TRUE(std::filesystem::exists(log_ + ".1"));
}

TEST_F(RotatingFileTest, GoesOnWithWhatIsThere) {
  std::ofstream(log_) << "12345678\n";
  RotatingFile(log_, kTen).Write("90\n");
  EXPECT_EQ(All(), "12345678\n|90\n|");
}

TEST_F(RotatingFileTest, GrowsWithoutEndIfToldSo) {
  RotatingFile file(log_, {.bytes_max = 0, .older_max = 2});
  for (int i = 0; i < 10; ++i) file.Write("0123456789\n");
  EXPECT_EQ(Content(log_).size(), 110U);
}

TEST_F(RotatingFileTest, KeepsNothingOldIfToldSo) {
  RotatingFile file(log_, {.bytes_max = 3, .older_max = 0});
  file.Write("1\n2\n3\n");
  EXPECT_EQ(All(), "3\n|");
}

TEST_F(RotatingFileTest, MovesTheOwnLogAside) {
  // In a process of its own, whose standard error is a log.
  EXPECT_EXIT(
      {
        const int file = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(file, STDERR_FILENO);
        SetLogNode({1, 2});
        RotateOwnLog(kTen);
        LogLine("before");
        RotateOwnLog(kTen);
        LogLine("behind");
        _exit(7);
      },
      testing::ExitedWithCode(7), "");
  EXPECT_TRUE(Content(log_ + ".1").ends_with(" mobulad: before\n")) << Content(log_ + ".1");
  const std::string line = Content(log_);
  EXPECT_TRUE(line.ends_with(" node=" + NodeId{1, 2}.Hex() + " mobulad: behind\n")) << line;
  EXPECT_EQ(line.find('T'), 10U) << line;
}

}  // namespace
}  // namespace mobula::host
