// SPDX-License-Identifier: Apache-2.0
// Goal: real daemons, workers and drivers run tasks, and whatever is killed leaves nothing behind.
// Method: programs of the build, started, asked and killed as users and accidents do.
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "runtime/host/daemon/node_links.h"
#include "runtime/host/local/unix_socket.h"
#include "tests/runtime/host/test_cluster.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

/// The answer to GET `path` of the server on `port`.
std::string HttpGet(const std::string& port, const std::string& path) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return "";
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (write(socket.Get(), request.data(), request.size()) < 0) return "";
  std::string answer;
  char buffer[4096];
  for (ssize_t count; (count = read(socket.Get(), buffer, sizeof(buffer))) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(count));
  }
  return answer;
}

TEST(HostCluster, RunsTasksInWorkersThatItStarts) {
  const DaemonProcess head({"--head", "--num-cpus=2"});
  TestDriver driver(head.Text("socket_name"));
  EXPECT_EQ(driver.Call("echo", "hello"), "hello");
  std::vector<ObjectId> results;
  for (int i = 0; i < 500; ++i) results.push_back(driver.Submit("echo", std::to_string(i)));
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(driver.Get(results[static_cast<std::size_t>(i)]), std::to_string(i));
  }
}

TEST(HostCluster, ForksWorkersFromTheZygote) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  driver.Use(Language::kPython);
  const auto worker = static_cast<pid_t>(std::stoi(driver.Call("pid", "")));
  EXPECT_NE(worker, head.Pid());
  EXPECT_THAT(driver.Call("die", ""), testing::HasSubstr("signal 9"));
  EXPECT_FALSE(IsAlive(worker));
  EXPECT_EQ(driver.Call("echo", "from another"), "from another");
}

TEST(HostCluster, PassesLargeValuesThroughSharedMemory) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  const ObjectId large = driver.Submit("repeat", "8000000");
  EXPECT_EQ(driver.Get(driver.SubmitOn("length", large, {{"CPU", 1}})), "8000000");
  EXPECT_EQ(driver.Get(large), std::string(8000000, 'x'));
}

TEST(HostCluster, MovesAnObjectBetweenNodes) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  const DaemonProcess other(
      {"--address=" + head.Text("address"), "--num-cpus=1", "--resources={\"far\": 1}"});
  ASSERT_EQ(other.Text("error"), "");
  TestDriver driver(head.Text("socket_name"));
  const ObjectId large = driver.Submit("repeat", "8000000", {{"far", 1}});
  const std::string here = driver.Get(large);
  EXPECT_EQ(here.size(), 8000000u);
  EXPECT_EQ(here, std::string(8000000, 'x'));
}

TEST(HostCluster, ReportsAWorkerThatWasKilled) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  EXPECT_THAT(driver.Call("die", ""), testing::HasSubstr("kWorkerCrashed"));
  EXPECT_EQ(driver.Call("echo", "still here"), "still here");
}

TEST(HostCluster, ShowsTheDriverWhatWorkersPrint) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  driver.Call("print", "from afar");
  const auto shown = [&] {
    while (const std::optional<Notice> notice = driver.Process().PollNotice()) {
      const auto* logs = std::get_if<worker::ShowLogs>(&*notice);
      if (logs != nullptr && logs->logs.lines == std::vector<std::string>{"from afar"}) return true;
    }
    return false;
  };
  EXPECT_TRUE(Eventually(shown));
}

TEST(HostCluster, FailsADriversWaitsWhenItsDaemonIsKilled) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  const auto worker = static_cast<pid_t>(std::stoi(driver.Call("pid", "")));
  const ObjectId never = driver.Submit("sleep", "60000");
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    head.Kill(SIGKILL);
  });
  EXPECT_THROW(driver.Get(never), RuntimeDisconnected);
  killer.join();
  EXPECT_FALSE(driver.Process().IsConnected());
  EXPECT_TRUE(Eventually([&] { return !IsAlive(worker); }));
}

TEST(HostCluster, IsNotDisturbedByAForkedChildOfItsDriver) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  auto driver = std::make_unique<TestDriver>(head.Text("socket_name"));
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      (void)driver->Call("echo", "from the child");
    } catch (const RuntimeDisconnected&) {
      refused = true;
    }
    driver.reset();
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(driver->Call("echo", "from the parent"), "from the parent");
}

TEST(HostCluster, EndsWithItsLifeline) {
  DaemonProcess head({"--head", "--num-cpus=1"});
  TestDriver driver(head.Text("socket_name"));
  const auto worker = static_cast<pid_t>(std::stoi(driver.Call("pid", "")));
  head.CutLifeline();
  EXPECT_TRUE(head.WaitForEnd(std::chrono::seconds(10)));
  EXPECT_TRUE(Eventually([&] { return !IsAlive(worker); }));
  EXPECT_FALSE(ConnectTo(head.Text("socket_name")).ok());
}

TEST(HostCluster, LeavesNothingBehindWhenADriverIsKilled) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  SpawnOptions options;
  options.argv = {ProgramPath("host_test_worker"), "--driver"};
  // The killed driver cannot remove its logs itself.
  const TemporaryFolder logs;
  options.environment = {{"TMPDIR", logs.Path()}};
  options.output = ends[1];
  const absl::StatusOr<SpawnedProcess> driver = Spawn(options);
  ASSERT_TRUE(driver.ok());
  close(ends[1]);
  FILE* const output = fdopen(ends[0], "r");
  int daemon = 0;
  int worker = 0;
  ASSERT_EQ(fscanf(output, "%d %d", &daemon, &worker), 2);
  ASSERT_TRUE(IsAlive(daemon) && IsAlive(worker));
  kill(driver->pid, SIGKILL);
  waitpid(driver->pid, nullptr, 0);
  EXPECT_TRUE(Eventually([&] { return !IsAlive(daemon) && !IsAlive(worker); }));
  (void)fclose(output);
}

TEST(HostCluster, RunsTasksAfterAnotherNodeDied) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  const DaemonProcess other(
      {"--address=" + head.Text("address"), "--num-cpus=1", "--resources={\"far\": 1}"});
  TestDriver driver(head.Text("socket_name"));
  const auto worker =
      static_cast<pid_t>(std::stoi(driver.Get(driver.Submit("pid", "", {{"far", 1}}))));
  const ObjectId lost = driver.Submit("sleep", "60000", {{"far", 1}});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  other.Kill(SIGKILL);
  EXPECT_THAT(driver.Get(lost), testing::HasSubstr("error"));
  EXPECT_EQ(driver.Call("echo", "here"), "here");
  EXPECT_TRUE(Eventually([&] { return !IsAlive(worker); }));
}

TEST(HostCluster, ComesBackAsANewNodeAfterItWasDeclaredDead) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  const DaemonProcess other(
      {"--address=" + head.Text("address"), "--num-cpus=1", "--resources={\"far\": 1}"});
  TestDriver driver(head.Text("socket_name"));
  const auto worker =
      static_cast<pid_t>(std::stoi(driver.Get(driver.Submit("pid", "", {{"far", 1}}))));
  const std::string port = head.Text("metrics_export_port");
  const auto shows = [&](const std::string& line) {
    return Eventually([&] { return HttpGet(port, "/metrics").find(line) != std::string::npos; });
  };
  other.Kill(SIGSTOP);
  ASSERT_TRUE(shows("mobula_nodes{state=\"dead\"} 1"));
  other.Kill(SIGCONT);
  EXPECT_TRUE(shows("mobula_nodes{state=\"alive\"} 2"));
  EXPECT_TRUE(Eventually([&] { return !IsAlive(worker); }));
  EXPECT_EQ(driver.Get(driver.Submit("echo", "again", {{"far", 1}})), "again");
}

TEST(HostCluster, SaysWhyADaemonCannotStart) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  const std::string port = head.Text("address").substr(head.Text("address").find(':') + 1);
  EXPECT_THAT(DaemonProcess({"--head", "--port=" + port}).Text("error"),
              testing::HasSubstr("port is in use"));
  EXPECT_THAT(DaemonProcess({"--head", "--listen=10.1.2.3"}).Text("error"),
              testing::HasSubstr("--listen=10.1.2.3 can be reached from other hosts, so a token"));
  EXPECT_THAT(
      DaemonProcess({"--head", "--dashboard-host=10.1.2.3", "--dashboard-port=0"}).Text("error"),
      testing::HasSubstr("--dashboard-host=10.1.2.3 can be reached from other hosts"));
  EXPECT_THAT(DaemonProcess({"--address=127.0.0.1:1"}).Text("error"),
              testing::HasSubstr("no mobula daemon answers at 127.0.0.1:1"));
}

TEST(HostCluster, AnswersToolsAboutItself) {
  const DaemonProcess head({"--head", "--num-cpus=1"});
  const absl::StatusOr<ClusterIdentity> identity = NodeLinks::Ask(head.Text("address"));
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->gcs_node.Hex(), head.Text("node_id"));
  const std::string port = head.Text("metrics_export_port");
  EXPECT_THAT(HttpGet(port, "/"), testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(HttpGet(port, "/api/nodes"), testing::HasSubstr(head.Text("node_id")));
  EXPECT_THAT(HttpGet(port, "/metrics"), testing::HasSubstr("mobula_nodes{state=\"alive\"} 1"));
  EXPECT_THAT(HttpGet(port, "/api/leases"), testing::HasSubstr("[]"));
  EXPECT_THAT(HttpGet(port, "/logs"), testing::HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(HttpGet(port, "/nothing"), testing::StartsWith("HTTP/1.1 404"));
}

TEST(HostCluster, KeepsTheGcsInAProcessOfItsOwnIfAsked) {
  const DaemonProcess gcs({"--head", "--gcs-only"});
  ASSERT_EQ(gcs.Text("error"), "");
  const DaemonProcess head(
      {"--head", "--no-gcs", "--address=" + gcs.Text("address"), "--num-cpus=1"});
  ASSERT_EQ(head.Text("error"), "");
  TestDriver driver(head.Text("socket_name"));
  EXPECT_EQ(driver.Call("echo", "hello"), "hello");
}

}  // namespace
}  // namespace mobula::host
