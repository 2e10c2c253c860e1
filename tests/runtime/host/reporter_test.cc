// SPDX-License-Identifier: Apache-2.0
// Goal: a process tells the controller of a fault plan what it listens for, stands still until it
// may go on, obeys meanwhile, and is not held up by a controller that has gone. Method: the other
// end is played by a thread.
#include "runtime/host/local/reporter.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "absl/strings/str_split.h"
#include "tests/temporary_folder.h"

namespace mobula::host {
namespace {

using Words = Reporter::Words;

class Controller {
 public:
  Controller() : listener_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(bind(listener_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.Get(), 4), 0);
    setenv(Reporter::kVariable, ("n2:" + path_).c_str(), 1);
  }
  ~Controller() { unsetenv(Reporter::kVariable); }

  void Accept() { process_ = Fd(accept(listener_.Get(), nullptr, nullptr)); }
  Words Receive() {
    std::array<char, 4096> packet;
    const ssize_t size = recv(process_.Get(), packet.data(), packet.size(), 0);
    if (size <= 0) return {};
    return absl::StrSplit(std::string(packet.data(), static_cast<std::size_t>(size) - 1), '\0');
  }
  void Send(const Words& words) {
    std::string packet;
    for (const std::string& word : words) (packet += word).push_back('\0');
    ASSERT_GT(send(process_.Get(), packet.data(), packet.size(), 0), 0);
  }
  void Leave() {
    process_.Reset();
    listener_.Reset();
  }

 private:
  const TemporaryFolder folder_;
  const std::string path_ = folder_.File("faults");
  Fd listener_;
  Fd process_;
};

/// Introduces a worker to a controller that listens for the start of tasks named "f".
std::unique_ptr<Reporter> Introduced(Controller& controller, Reporter::Obey obey) {
  std::unique_ptr<Reporter> reporter = Reporter::Connect(std::move(obey));
  std::thread other([&] {
    controller.Accept();
    EXPECT_EQ(controller.Receive(), (Words{"hello", "worker", "n2", "77"}));
    controller.Send({"listen", "1", "0", "TaskStarted", "f"});
    controller.Send({"go"});
    EXPECT_EQ(controller.Receive(), (Words{"done", "1"}));
  });
  reporter->Introduce("worker", "77");
  other.join();
  return reporter;
}

TEST(Reporter, IsNotThereWithoutAPlan) { EXPECT_EQ(Reporter::Connect({}), nullptr); }

TEST(Reporter, IsNotThereWithoutItsController) {
  Controller controller;
  controller.Leave();
  EXPECT_EQ(Reporter::Connect({}), nullptr);
}

TEST(Reporter, ReportsWhatIsListenedForAndObeysWhileItWaits) {
  Controller controller;
  std::vector<Words> orders;
  const auto reporter =
      Introduced(controller, [&](const Words& order) { orders.push_back(order); });
  EXPECT_EQ(reporter->Node(), "n2");
  // Nobody answers these; they must not wait.
  reporter->Report({faults::Happening::kTaskStarted, "g", "n2", ""});
  reporter->Report({faults::Happening::kTaskFinished, "f", "n2", ""});
  reporter->Tell({"runs", "+", "f"});
  std::thread other([&] {
    EXPECT_EQ(controller.Receive(), (Words{"saw", "TaskStarted", "f", "n2", ""}));
    controller.Send({"silence", "2", "abc"});
    EXPECT_EQ(controller.Receive(), (Words{"done", "2"}));
    controller.Send({"go"});
  });
  reporter->Report({faults::Happening::kTaskStarted, "f", "n2", ""});
  other.join();
  ASSERT_EQ(orders.size(), 2u);
  EXPECT_EQ(orders[1], (Words{"silence", "2", "abc"}));
}

TEST(Reporter, TellsNewsOnlyWhenWatched) {
  Controller controller;
  const auto reporter = Introduced(controller, {});
  std::thread other([&] {
    controller.Send({"listen", "3", "1"});
    EXPECT_EQ(controller.Receive(), (Words{"done", "3"}));
    EXPECT_EQ(controller.Receive(), (Words{"runs", "+", "f"}));
  });
  // Whenever the order comes: it is news again and again.
  for (int round = 0; round < 40; ++round) {
    EXPECT_TRUE(reporter->HandleReadable());
    reporter->Tell({"runs", "+", "f"});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  other.join();
}

TEST(Reporter, GoesOnWhenTheControllerHasGone) {
  Controller controller;
  const auto reporter = Introduced(controller, {});
  std::thread other([&] {
    EXPECT_EQ(controller.Receive()[0], "saw");
    controller.Leave();
  });
  reporter->Report({faults::Happening::kTaskStarted, "f", "n2", ""});
  other.join();
  EXPECT_FALSE(reporter->HandleReadable());
  reporter->Report({faults::Happening::kTaskStarted, "f", "n2", ""});
}

}  // namespace
}  // namespace mobula::host
