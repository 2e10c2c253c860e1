// SPDX-License-Identifier: Apache-2.0
// Goal: what the machine, control groups of both versions and processes use is read as it is, and
// the one that is nearest to its end counts. Method: files as the kernel writes them, in a folder;
// then the kernel's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/host/daemon/memory_use.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

constexpr std::uint64_t kMebibyte = 1ull << 20;

class MemoryUseTest : public testing::Test {
 protected:
  MemoryUseTest() {
    Write("proc/meminfo", "MemTotal:       102400 kB\nMemFree: 1 kB\nMemAvailable:    61440 kB\n");
  }
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.Path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void ExpectTightest(std::uint64_t used, std::uint64_t limit) {
    const MemoryUse use = gauge_.Tightest();
    EXPECT_EQ(use.used, used * kMebibyte);
    EXPECT_EQ(use.limit, limit * kMebibyte);
  }

  TemporaryFolder folder_;
  MemoryGauge gauge_{folder_.Path()};
};

TEST_F(MemoryUseTest, WithoutControlGroupsTheMachineCounts) {
  ExpectTightest(40, 100);
  EXPECT_EQ(gauge_.Limit(), 100 * kMebibyte);
}

TEST_F(MemoryUseTest, AControlGroupOfVersion2AndThoseAboveIt) {
  Write("proc/self/cgroup", "0::/outer/inner\n");
  Write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  Write("sys/fs/cgroup/outer/inner/memory.current", "1048576\n");
  Write("sys/fs/cgroup/outer/memory.max", "52428800\n");
  Write("sys/fs/cgroup/outer/memory.current", "31457280\n");
  Write("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 5242880\n");
  ExpectTightest(25, 50);
  EXPECT_EQ(gauge_.Limit(), 50 * kMebibyte);
}

TEST_F(MemoryUseTest, AControlGroupOfVersion1) {
  Write("proc/self/cgroup", "7:cpu:/elsewhere\n4:memory:/group\n0::/unified\n");
  Write("sys/fs/cgroup/memory/group/memory.limit_in_bytes", "20971520\n");
  Write("sys/fs/cgroup/memory/group/memory.usage_in_bytes", "15728640\n");
  Write("sys/fs/cgroup/memory/group/memory.stat", "inactive_file 9\ntotal_inactive_file 1048576\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "15728640\n");
  ExpectTightest(14, 20);
}

TEST_F(MemoryUseTest, TheMachineCountsWhenItIsNearerToItsEnd) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "52428800\n");
  Write("sys/fs/cgroup/memory.current", "5242880\n");
  ExpectTightest(40, 100);
  EXPECT_EQ(gauge_.Limit(), 50 * kMebibyte);
}

TEST_F(MemoryUseTest, OfAProcessWhatItHasAlone) {
  Write("proc/12/status", "Name:\tworker\nVmRSS:\t    9000 kB\nRssAnon:\t    2048 kB\n");
  EXPECT_EQ(gauge_.OfProcess(12), 2 * kMebibyte);
  EXPECT_EQ(gauge_.OfProcess(13), 0u);
}

TEST_F(MemoryUseTest, TheKernelsOwnFilesAreUnderstood) {
  const MemoryGauge here;
  const MemoryUse use = here.Tightest();
  EXPECT_GT(use.used, 0u);
  EXPECT_GE(use.limit, use.used);
  EXPECT_GE(here.Limit(), 64 * kMebibyte);
  EXPECT_GT(here.OfProcess(getpid()), 0u);
}

}  // namespace
}  // namespace mobula::host
