// SPDX-License-Identifier: Apache-2.0
// Goal: what was spilled is read back byte for byte; whatever the disk says comes to the caller;
// nothing is left in the folder. Method: real files, a file where the folder should be, a limit on
// file sizes, and every planned fault.
#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/host/storage/spill_folder.h"
#include "runtime/host/storage/spill_storage.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

using faults::DiskFault;
using faults::DiskFiles;
using faults::DiskMode;
using testing::HasSubstr;

constexpr std::uint64_t kSize = 100'000;

class SpillStorageTest : public testing::Test {
 protected:
  SpillStorageTest() : store_(*StoreSegment::Create(8 * kSize)) { Open(folder_ + "/objects"); }

  void Open(const std::string& folder) {
    storage_ = std::make_unique<SpillStorage>(loop_, std::make_unique<SpillFolder>(folder), store_,
                                              faults_);
  }
  void Fill(std::uint64_t part, char value) {
    std::memset(store_.At(part * kSize, kSize), value, kSize);
  }
  [[nodiscard]] std::string Content(std::uint64_t part) const {
    return {reinterpret_cast<const char*>(store_.At(part * kSize, kSize)), kSize};
  }
  /// Parts 0 and 1 of the store, to this file.
  absl::Status Write(std::uint64_t file) {
    absl::Status result = absl::UnknownError("not called");
    storage_->Write({file, {{{}, 0, kSize}, {{}, kSize, kSize}}},
                    [&](const absl::Status& status) { result = status; });
    Await();
    return result;
  }
  /// The second object of the file, to this part of the store.
  absl::Status Read(std::uint64_t file, std::uint64_t part) {
    absl::Status result = absl::UnknownError("not called");
    storage_->Read({{}, 0, file, kSize, kSize, part * kSize},
                   [&](const absl::Status& status) { result = status; });
    Await();
    return result;
  }
  /// One answer.
  void Await() { loop_.run_one(); }
  void Suffer(DiskMode mode, DiskFiles files = DiskFiles::kSpill) {
    faults_.Begin(1, DiskFault{"n1", mode, {}, {}, files});
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.Path();
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  StoreSegment store_;
  DiskFaults faults_;
  std::unique_ptr<SpillStorage> storage_;
};

TEST_F(SpillStorageTest, GivesBackWhatItWasGiven) {
  Fill(0, 'a');
  Fill(1, 'b');
  ASSERT_TRUE(Write(1).ok());
  Fill(1, 'x');
  ASSERT_TRUE(Read(1, 3).ok());
  EXPECT_EQ(Content(3), std::string(kSize, 'b'));
  absl::StatusOr<std::string> chunk;
  storage_->ReadChunk(1, kSize - 2, 4, [&](auto bytes) { chunk = std::move(bytes); });
  Await();
  EXPECT_EQ(*chunk, "aabb");
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/objects")) << "files have no names";
}

TEST_F(SpillStorageTest, KnowsNothingOfWhatWasDeleted) {
  ASSERT_TRUE(Write(1).ok());
  storage_->Delete(1);
  EXPECT_EQ(Read(1, 3).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read(2, 3).code(), absl::StatusCode::kNotFound);
}

TEST_F(SpillStorageTest, NamesAFolderThatCannotBeUsed) {
  std::ofstream(folder_ + "/file") << "in the way";
  Open(folder_ + "/file/objects");
  EXPECT_THAT(Write(1).message(), HasSubstr("cannot write to a file in " + folder_));
}

TEST_F(SpillStorageTest, AFileThatGotNoRoomIsNotThere) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit narrow{kSize + kSize / 2, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &narrow), 0);
  const absl::Status written = Write(1);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(Read(1, 3).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Write(2).ok());
}

TEST_F(SpillStorageTest, SaysWhatThePlanSays) {
  ASSERT_TRUE(Write(1).ok());
  Suffer(DiskMode::kFull);
  EXPECT_EQ(Write(2).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Read(1, 3).ok()) << "a full disk can be read";
  Suffer(DiskMode::kFail);
  EXPECT_THAT(Write(2).message(), HasSubstr("says the fault plan"));
  EXPECT_FALSE(Read(1, 3).ok());
  Suffer(DiskMode::kFail, DiskFiles::kGcsLog);
  EXPECT_TRUE(Write(2).ok()) << "other files are meant";
  Suffer(DiskMode::kLoseUnsynced, DiskFiles::kAll);
  EXPECT_TRUE(Write(3).ok());
  EXPECT_EQ(Read(3, 3).code(), absl::StatusCode::kDataLoss);
  faults_.End(1);
  EXPECT_TRUE(Read(2, 3).ok());
}

TEST_F(SpillStorageTest, ASlowDiskTakesItsTime) {
  faults_.Begin(1, DiskFault{"n1", DiskMode::kSlow, Milliseconds(50), {}, DiskFiles::kAll});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(Write(1).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace mobula::host
