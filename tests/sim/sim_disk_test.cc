// SPDX-License-Identifier: Apache-2.0
// What is on a simulated disk after which crash.
#include "sim/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace mobula::sim {
namespace {

using faults::DiskFiles;
using faults::DiskMode;

class SimDiskTest : public testing::Test {
 protected:
  static gcs::WriteLog Put(std::uint64_t sequence) {
    return {sequence, {gcs::KvRow{"s", std::to_string(sequence), Bytes("v")}}};
  }
  static bool Write(SimDisk& disk, std::uint64_t sequence) {
    disk.Begin(Put(sequence));
    return std::holds_alternative<gcs::LogSynced>(disk.End());
  }
  static faults::DiskFault Bad(DiskMode mode, Duration delay = {},
                               DiskFiles files = DiskFiles::kAll) {
    return {"n1", mode, delay, {}, files};
  }
  static SimDisk NewDisk(std::uint64_t seed = 1) { return {{Microseconds(200)}, Rng(seed)}; }
};

TEST_F(SimDiskTest, KeepsWhatItAcknowledged) {
  SimDisk disk = NewDisk();
  EXPECT_EQ(disk.Begin(Put(1)), Microseconds(200));
  EXPECT_TRUE(std::holds_alternative<gcs::LogSynced>(disk.End()));
  disk.Crash(true);
  EXPECT_EQ(disk.Read(), Put(1).records);
  disk.Replace();
  EXPECT_TRUE(disk.Read().empty());
}

TEST_F(SimDiskTest, AWriteUnderWayIsThereOrNotAfterACrashAndNeverAnswered) {
  std::set<std::size_t> left;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk = NewDisk(seed);
    EXPECT_TRUE(Write(disk, 1));
    const std::uint64_t epoch = disk.Epoch();
    disk.Begin(Put(2));
    disk.Crash(true);
    EXPECT_NE(disk.Epoch(), epoch);
    left.insert(disk.Read().size());
  }
  EXPECT_EQ(left, (std::set<std::size_t>{1, 2}));
  SimDisk disk = NewDisk();
  disk.Begin(Put(1));
  disk.Crash(false);
  EXPECT_EQ(disk.Read().size(), 1u) << "the machine lives on, and writes what it was given";
}

TEST_F(SimDiskTest, FailsAndRecovers) {
  SimDisk disk = NewDisk();
  disk.BeginFault(1, Bad(DiskMode::kFull));
  disk.Begin(Put(1));
  EXPECT_EQ(std::get<gcs::LogFailed>(disk.End()).reason, "no space left on device");
  EXPECT_TRUE(disk.Read().empty());
  disk.EndFault(7);
  disk.EndFault(1);
  EXPECT_TRUE(Write(disk, 1));
  EXPECT_EQ(disk.Read().size(), 1u);
}

TEST_F(SimDiskTest, TheLongestDelayCounts) {
  SimDisk disk = NewDisk();
  disk.BeginFault(1, Bad(DiskMode::kSlow, Milliseconds(1)));
  disk.BeginFault(2, Bad(DiskMode::kSlow, Milliseconds(2)));
  EXPECT_EQ(disk.Begin(Put(1)), Milliseconds(2) + Microseconds(200));
}

TEST_F(SimDiskTest, OneThatLiesLosesAllButAPrefix) {
  std::set<std::size_t> left;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SimDisk disk = NewDisk(seed);
    disk.BeginFault(1, Bad(DiskMode::kLoseUnsynced));
    for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(Write(disk, i));
    disk.Crash(true);
    const gcs::LogRecords records = disk.Read();
    left.insert(records.size());
    for (std::size_t i = 0; i < records.size(); ++i)
      EXPECT_EQ(records[i], Put(i + 1).records[0]) << "a gap";
  }
  EXPECT_EQ(left, (std::set<std::size_t>{0, 1, 2, 3}));
}

TEST_F(SimDiskTest, OneThatLiesNoMoreHasWrittenEverything) {
  SimDisk disk = NewDisk();
  disk.BeginFault(1, Bad(DiskMode::kLoseUnsynced));
  EXPECT_TRUE(Write(disk, 1));
  disk.EndFault(1);
  disk.Crash(true);
  EXPECT_EQ(disk.Read().size(), 1u);
}

}  // namespace
}  // namespace mobula::sim
