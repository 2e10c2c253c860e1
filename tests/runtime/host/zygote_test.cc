// SPDX-License-Identifier: Apache-2.0
// Goal: a daemon never waits for a zygote that lives.
#include "runtime/host/daemon/zygote.h"

#include <unistd.h>

#include <chrono>

#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

using boost::asio::posix::stream_descriptor;

// A node that comes back as a new one closes what the old one had and starts a zygote, all in one
// turn of the loop: what was ready of the old descriptors is then said of the new ones.
TEST(ZygoteTest, ReadinessOfClosedDescriptorsIsNotTakenForItsEnd) {
  const TemporaryFolder folder;
  boost::asio::io_context loop;
  std::vector<std::string> deaths;
  Zygote zygote(loop, {.on_forked = [](WorkerId, pid_t) {},
                       .on_exited = [](WorkerId, int) {},
                       .on_dead = [&](const std::string& reason) { deaths.push_back(reason); }});
  std::vector<stream_descriptor> old;
  for (int i = 0; i < 3; ++i) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    old.emplace_back(loop, ends[0]);
    close(ends[1]);
  }
  for (stream_descriptor& one : old) {
    one.async_wait(stream_descriptor::wait_read, [&](const boost::system::error_code& error) {
      if (error || zygote.IsRunning()) return;
      for (stream_descriptor& each : old) each.close();
      ASSERT_TRUE(zygote.Start({"/bin/sleep", "5"}, folder.File("zygote")).ok());
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  loop.run_for(std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  EXPECT_TRUE(zygote.IsRunning());
  EXPECT_TRUE(deaths.empty());
}

}  // namespace
}  // namespace mobula::host
