// SPDX-License-Identifier: Apache-2.0
// Goal: a GCS in a process of its own can be killed and started again while a real cluster works.
// Method: kill -9, the same port and the same folder.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

#include "absl/strings/str_cat.h"
#include "tests/runtime/host/redis_server.h"
#include "tests/runtime/host/test_cluster.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

class GcsRestartTest : public testing::Test {
 protected:
  GcsRestartTest() {
    StartGcs(0);
    address_ = gcs_->Text("address");
  }

  void StartGcs(int port) {
    gcs_ = std::make_unique<DaemonProcess>(std::vector<std::string>{
        "--head", "--gcs-only", "--storage=" + storage_, absl::StrCat("--port=", port)});
    ASSERT_EQ(gcs_->Text("error"), "");
  }
  void KillGcs() {
    gcs_->Kill(SIGKILL);
    ASSERT_TRUE(gcs_->WaitForEnd(std::chrono::seconds(10)));
  }
  /// On the port it had.
  void StartGcsAgain() { StartGcs(std::stoi(address_.substr(address_.rfind(':') + 1))); }

  /// A new cluster, whose log is there.
  void MoveTo(const std::string& storage) {
    KillGcs();
    storage_ = storage;
    StartGcs(0);
    address_ = gcs_->Text("address");
  }

  static bool Put(TestDriver& driver, const std::string& key) {
    KvRequest question;
    question.operation = KvOperation::kPut;
    question.space = "test";
    question.key = key;
    question.overwrite = false;
    return std::get<KvReply>(Ask(driver, question)).found;
  }
  static std::size_t LivingNodes(TestDriver& driver) {
    const Message answer = Ask(driver, ListNodes{});
    std::size_t living = 0;
    for (const NodeView& node : std::get<ListNodesReply>(answer).nodes)
      living += node.alive ? 1 : 0;
    return living;
  }
  static Message Ask(TestDriver& driver, const Message& question) {
    const worker::RequestId request = driver.Process().NextRequest();
    driver.Process().Post(worker::GcsRequested{request, question, {}});
    return std::get<worker::FulfilGcs>(driver.Process().Await(request)).answer;
  }

  const TemporaryFolder folder_;
  std::string storage_ = folder_.Path();
  std::string address_;
  std::unique_ptr<DaemonProcess> gcs_;
};

TEST_F(GcsRestartTest, WorkGoesOnWhileItIsKilledAndComesBack) {
  const DaemonProcess head({"--head", "--no-gcs", "--address=" + address_, "--num-cpus=1"});
  ASSERT_EQ(head.Text("error"), "");
  const DaemonProcess other({"--address=" + address_, "--num-cpus=1", "--resources={\"far\": 1}"});
  ASSERT_EQ(other.Text("error"), "");
  TestDriver driver(head.Text("socket_name"));
  const ActorId actor = driver.CreateActor();
  const std::string actor_pid = driver.Get(driver.SubmitTo(actor, "pid", ""));
  const std::string far_pid = driver.Get(driver.Submit("pid", "", {{"far", 1}}));
  EXPECT_TRUE(Put(driver, "first"));
  for (int round = 0; round < 3; ++round) {
    KillGcs();
    const ObjectId running = driver.Submit("sleep", "300", {{"far", 1}});
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(driver.Call("echo", std::to_string(i)), std::to_string(i));
      ASSERT_EQ(driver.Get(driver.SubmitTo(actor, "echo", std::to_string(i))), std::to_string(i));
    }
    StartGcsAgain();
    EXPECT_FALSE(Put(driver, "first")) << "it remembers";
    EXPECT_TRUE(Put(driver, absl::StrCat("round", round)));
    EXPECT_EQ(driver.Get(running), "");
    EXPECT_EQ(driver.Get(driver.SubmitTo(actor, "pid", "")), actor_pid) << "the actor lives on";
    EXPECT_EQ(driver.Get(driver.Submit("pid", "", {{"far", 1}})), far_pid) << "and the workers";
    EXPECT_EQ(LivingNodes(driver), 2u);
    // It is in charge again: the actor is restarted, another one made.
    EXPECT_EQ(driver.Get(driver.SubmitTo(driver.CreateActor(), "echo", "new")), "new");
  }
  kill(static_cast<pid_t>(std::stoi(actor_pid)), SIGKILL);
  EXPECT_NE(driver.Get(driver.SubmitTo(actor, "pid", "")), actor_pid);
}

TEST_F(GcsRestartTest, RestartsAnActorThatDiedWhileItWasDown) {
  const DaemonProcess head({"--head", "--no-gcs", "--address=" + address_, "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  const ActorId actor = driver.CreateActor();
  const std::string first = driver.Get(driver.SubmitTo(actor, "pid", ""));
  KillGcs();
  kill(static_cast<pid_t>(std::stoi(first)), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(static_cast<pid_t>(std::stoi(first))); }));
  StartGcsAgain();
  EXPECT_NE(driver.Get(driver.SubmitTo(actor, "pid", "")), first);
}

TEST_F(GcsRestartTest, ComesBackFromRedisWhichMayBeAwayForAWhile) {
  RedisServer redis("secret");
  MoveTo(redis.Url("/1?prefix=test"));
  const DaemonProcess head({"--head", "--no-gcs", "--address=" + address_, "--num-cpus=1"});
  ASSERT_EQ(head.Text("error"), "");
  TestDriver driver(head.Text("socket_name"));
  const ActorId actor = driver.CreateActor();
  const std::string pid = driver.Get(driver.SubmitTo(actor, "pid", ""));
  EXPECT_TRUE(Put(driver, "first"));
  KillGcs();
  StartGcsAgain();
  EXPECT_FALSE(Put(driver, "first")) << "it remembers";
  redis.Kill();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(driver.Call("echo", std::to_string(i)), std::to_string(i));
    ASSERT_EQ(driver.Get(driver.SubmitTo(actor, "echo", "x")), "x");
  }
  // The server ends with the thread that starts it, so it is the question that has its own.
  std::future<bool> put = std::async(std::launch::async, [&] { return Put(driver, "second"); });
  EXPECT_EQ(put.wait_for(std::chrono::seconds(1)), std::future_status::timeout);
  redis.Start();
  EXPECT_TRUE(put.get()) << "answered when it is kept";
  KillGcs();
  StartGcsAgain();
  EXPECT_FALSE(Put(driver, "second"));
  EXPECT_EQ(driver.Get(driver.SubmitTo(actor, "pid", "")), pid);
  KillGcs();
  redis.Kill();
  const DaemonProcess refused({"--head", "--gcs-only", "--storage=" + storage_});
  EXPECT_THAT(refused.Text("error"), testing::HasSubstr("cannot reach the Redis of --storage"));
}

TEST_F(GcsRestartTest, WithoutItsLogEveryNodeComesBackAsANewOne) {
  const DaemonProcess head({"--head", "--no-gcs", "--address=" + address_, "--num-cpus=1"});
  auto driver = std::make_unique<TestDriver>(head.Text("socket_name"));
  EXPECT_TRUE(Put(*driver, "first"));
  KillGcs();
  std::filesystem::remove(storage_ + "/gcs.log");
  StartGcsAgain();
  // Its node was declared dead, so the driver is without one.
  EXPECT_TRUE(Eventually([&] { return !driver->Process().IsConnected(); }));
}

TEST_F(GcsRestartTest, ReportsATornWriteAndRefusesADamagedLog) {
  const DaemonProcess head({"--head", "--no-gcs", "--address=" + address_, "--num-cpus=1"});
  {
    TestDriver driver(head.Text("socket_name"));
    EXPECT_TRUE(Put(driver, "first"));
  }
  KillGcs();
  std::ofstream(storage_ + "/gcs.log", std::ios::binary | std::ios::app) << "half a wri";
  StartGcsAgain();
  KillGcs();
  std::fstream log(storage_ + "/gcs.log", std::ios::binary | std::ios::in | std::ios::out);
  log.seekp(20);
  log.put('\x7f');
  log.close();
  const DaemonProcess refused({"--head", "--gcs-only", "--storage=" + storage_});
  EXPECT_THAT(refused.Text("error"), testing::HasSubstr("is damaged at byte 8"));
}

}  // namespace
}  // namespace mobula::host
