// SPDX-License-Identifier: Apache-2.0
// Goal: sockets without files, memory without files, and timers in order.
#include <poll.h>

#include "runtime/host/local/clock.h"
#include "runtime/host/local/process_page.h"
#include "runtime/host/local/store_segment.h"
#include "runtime/host/local/timer_queue.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {
namespace {

std::string FreshName(const char* test) {
  return std::string("mobula-test-") + test + std::to_string(getpid());
}

bool IsReadable(int descriptor, int timeout_ms) {
  pollfd entry{descriptor, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1;
}

TEST(UnixSocket, ConnectsProcessesOfOneUserByName) {
  const std::string name = FreshName("connect");
  const absl::StatusOr<Fd> listener = ListenOn(name);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const absl::StatusOr<Fd> client = ConnectTo(name);
  ASSERT_TRUE(client.ok()) << client.status();
  const std::optional<Fd> server = AcceptFrom(listener->Get());
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(PeerPid(server->Get()), getpid());
  EXPECT_FALSE(AcceptFrom(listener->Get()).has_value());
}

TEST(UnixSocket, SaysThatNobodyListens) {
  EXPECT_EQ(ConnectTo(FreshName("nobody")).status().code(), absl::StatusCode::kUnavailable);
}

TEST(UnixSocket, FreesTheNameWithTheSocket) {
  const std::string name = FreshName("free");
  {
    ASSERT_TRUE(ListenOn(name).ok());
  }
  const absl::StatusOr<Fd> first = ListenOn(name);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(ListenOn(name).ok());
}

TEST(UnixSocket, PassesTheStoreAlong) {
  const std::string name = FreshName("welcome");
  const absl::StatusOr<Fd> listener = ListenOn(name);
  const absl::StatusOr<Fd> client = ConnectTo(name);
  const std::optional<Fd> server = AcceptFrom(listener->Get());
  const absl::StatusOr<StoreSegment> ours = StoreSegment::Create(1 << 20);
  absl::StatusOr<ProcessPage> page = ProcessPage::Create();
  ASSERT_TRUE(SendWelcome(server->Get(), ours->File(), ours->Size(), page->TakeFile().Get()).ok());
  absl::StatusOr<Welcome> welcome = ReceiveWelcome(client->Get());
  ASSERT_TRUE(welcome.ok()) << welcome.status();
  const absl::StatusOr<StoreSegment> theirs =
      StoreSegment::Map(std::move(welcome->store), welcome->store_bytes);
  ASSERT_TRUE(theirs.ok());
  *theirs->At(12345, 1) = std::byte{42};
  EXPECT_EQ(*ours->At(12345, 1), std::byte{42});
  const absl::StatusOr<ProcessPage> same = ProcessPage::Map(std::move(welcome->page));
  ASSERT_TRUE(same.ok());
  same->Samples()[7] = std::byte{43};
  EXPECT_EQ(page->Samples()[7], std::byte{43});
}

TEST(UnixSocket, RefusesAWelcomeFromSomethingElse) {
  const std::string name = FreshName("stranger");
  const absl::StatusOr<Fd> listener = ListenOn(name);
  const absl::StatusOr<Fd> client = ConnectTo(name);
  std::optional<Fd> server = AcceptFrom(listener->Get());
  ASSERT_GT(write(server->Get(), "HTTP/1.1 200 OK", 15), 0);
  EXPECT_FALSE(ReceiveWelcome(client->Get()).ok());
  server.reset();
  EXPECT_FALSE(ReceiveWelcome(client->Get()).ok());
}

TEST(StoreSegment, GivesMemoryBack) {
  const absl::StatusOr<StoreSegment> store = StoreSegment::Create(16 << 20);
  ASSERT_TRUE(store.ok());
  std::byte* const data = store->At(0, 8 << 20);
  data[0] = data[5000] = std::byte{1};
  // The first page is only partly in the range, and stays.
  store->Discard(100, 8 << 20);
  EXPECT_EQ(data[0], std::byte{1});
  EXPECT_EQ(data[5000], std::byte{0});
}

TEST(TimerQueue, FiresInOrderOfTimeThenOfStart) {
  TimerQueue timers;
  const Instant now = SteadyNow();
  timers.Start(now, Milliseconds(2), {1, 0});
  timers.Start(now, Milliseconds(1), {2, 0});
  timers.Start(now, Milliseconds(2), {3, 0});
  timers.Start(now, Seconds(100), {4, 0});
  ASSERT_TRUE(IsReadable(timers.Number(), 1000));
  std::vector<std::uint32_t> fired;
  while (fired.size() < 3 && IsReadable(timers.Number(), 1000)) {
    timers.Expire(SteadyNow(), [&](TimerId timer) { fired.push_back(timer.kind); });
  }
  EXPECT_EQ(fired, (std::vector<std::uint32_t>{2, 1, 3}));
  EXPECT_FALSE(IsReadable(timers.Number(), 5));
}

TEST(TimerQueue, HearsOfAnEarlierTimerThatIsStartedLater) {
  TimerQueue timers;
  timers.Start(SteadyNow(), Seconds(100), {1, 0});
  timers.Start(SteadyNow(), Milliseconds(1), {2, 0});
  EXPECT_TRUE(IsReadable(timers.Number(), 1000));
}

/// The machine's clock again, when the test is over.
struct SteadyAgain {
  ~SteadyAgain() { SetClockLaw({MachineNow(), MachineNow(), 1}); }
};

TEST(ClockLaw, LetsTheClockOfTheNodeDrift) {
  const SteadyAgain steady;
  const Instant start = MachineNow();
  SetClockLaw({start, Instant{5'000'000'000}, 2});
  EXPECT_GE(SteadyNow(), Instant{5'000'000'000});
  EXPECT_LT(SteadyNow(), Instant{65'000'000'000});
  EXPECT_EQ(ToMachineTime(Instant{7'000'000'000}), start + Seconds(1));
}

TEST(TimerQueue, ObeysTheClockOfTheNode) {
  const SteadyAgain steady;
  TimerQueue timers;
  timers.Start(SteadyNow(), Seconds(100), TimerId{1, 1});
  EXPECT_FALSE(IsReadable(timers.Number(), 20));
  SetClockLaw({MachineNow(), SteadyNow(), 2000});
  timers.ClockChanged();
  EXPECT_TRUE(IsReadable(timers.Number(), 5000));
  int fired = 0;
  timers.Expire(SteadyNow(), [&](TimerId) { ++fired; });
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace mobula::host
