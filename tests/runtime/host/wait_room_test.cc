// SPDX-License-Identifier: Apache-2.0
// Goal: of several waiting threads exactly one reads, none sleeps past its condition, and without
// any the background thread takes over.
#include "runtime/host/process/wait_room.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "runtime/host/local/clock.h"

namespace mobula::host {
namespace {

/// A room whose one descriptor adds to a counter, and a background thread as a process has it.
class Room {
 public:
  Room()
      : room_(poller_,
              [this](WaitRoom::Lock&, std::span<const epoll_event> ready) { Work(ready); }) {
    poller_.Add(input_.Get());
    background_ = std::thread([this] { room_.RunInBackground(mutex_); });
  }
  ~Room() {
    {
      const WaitRoom::Lock lock(mutex_);
      room_.StopBackground();
    }
    background_.join();
  }

  void Input() { SignalEvent(input_.Get()); }
  bool WaitFor(int count, const WaitRoom::Options& options = {}) {
    WaitRoom::Lock lock(mutex_);
    return room_.Wait(lock, options, [&] { return count_ >= count; });
  }
  /// A thread that has the lock for something else, and reads when it may.
  bool Visit() {
    const WaitRoom::Lock lock(mutex_);
    return room_.Visit(SteadyNow());
  }
  void Add() {
    const WaitRoom::Lock lock(mutex_);
    ++count_;
    room_.WakeSatisfied();
  }
  int BackgroundWork() {
    const WaitRoom::Lock lock(mutex_);
    return background_work_;
  }
  int Count() {
    const WaitRoom::Lock lock(mutex_);
    return count_;
  }

 private:
  void Work(std::span<const epoll_event> ready) {
    for (const epoll_event& event : ready) {
      if (event.data.fd != input_.Get()) continue;
      // On a busy machine two inputs may be seen at once.
      std::uint64_t inputs = 0;
      ASSERT_EQ(read(input_.Get(), &inputs, sizeof(inputs)), sizeof(inputs));
      count_ += static_cast<int>(inputs);
      if (std::this_thread::get_id() == background_.get_id()) ++background_work_;
    }
    room_.WakeSatisfied();
  }

  std::mutex mutex_;
  Poller poller_;
  Fd input_ = NewEventFd();
  WaitRoom room_;
  int count_ = 0;
  int background_work_ = 0;
  std::thread background_;
};

TEST(WaitRoom, LetsTheWaitingThreadReadItself) {
  Room room;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    room.Input();
  });
  EXPECT_TRUE(room.WaitFor(1));
  EXPECT_EQ(room.BackgroundWork(), 0);
  other.join();
}

TEST(WaitRoom, ReadsInTheBackgroundWhileNobodyWaits) {
  Room room;
  ASSERT_TRUE((room.Add(), room.WaitFor(1)));
  room.Input();
  while (room.Count() < 2) std::this_thread::yield();
  EXPECT_EQ(room.BackgroundWork(), 1);
}

// Then nobody tells the background thread; it looks by itself.
TEST(WaitRoom, ReadsInTheBackgroundAfterLeadersThatCameAndWent) {
  Room room;
  for (int count = 1; count <= 100; ++count) {
    room.Input();
    ASSERT_TRUE(room.WaitFor(count));
  }
  // A tick may have come in between.
  const int before = room.BackgroundWork();
  for (int count = 101; count <= 103; ++count) {
    room.Input();
    while (room.Count() < count) std::this_thread::yield();
    // Some ticks, after which it sleeps until it is woken.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(room.BackgroundWork(), before + 3);
}

// As many as come in a tick: the background thread is not woken for what they find themselves, and
// looks when they stay away.
TEST(WaitRoom, LetsVisitorsReadInPlaceOfTheBackgroundThread) {
  Room room;
  ASSERT_TRUE((room.Add(), room.WaitFor(1)));
  const Instant end = SteadyNow() + Milliseconds(20);
  int quick = 0;
  int reads = 0;
  for (Instant last = SteadyNow(); last < end;) {
    reads += room.Visit() ? 1 : 0;
    const Instant now = SteadyNow();
    quick += now - last < Microseconds(100) ? 1 : 0;
    last = now;
  }
  ASSERT_GT(quick, 100);
  EXPECT_GT(reads, 0);
  EXPECT_LE(reads, 4'001) << "once in 5 us";
  room.Input();
  while (room.Count() < 2) std::this_thread::yield();
  EXPECT_EQ(room.BackgroundWork(), 1);
}

TEST(WaitRoom, VisitorsDoNotReadWhileALeaderDoes) {
  Room room;
  std::thread leader([&] { EXPECT_TRUE(room.WaitFor(1)); });
  // At once after a visit there is nothing to read.
  const auto visit = [&] {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    return room.Visit();
  };
  while (visit()) continue;
  room.Add();
  leader.join();
}

TEST(WaitRoom, WakesTheLeaderWhenAnotherThreadFulfilsItsCondition) {
  Room room;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    room.Add();
  });
  EXPECT_TRUE(room.WaitFor(1));
  other.join();
}

TEST(WaitRoom, PromotesAFollowerWhenTheLeaderLeaves) {
  Room room;
  std::vector<std::thread> waiters;
  for (int count = 1; count <= 8; ++count) {
    waiters.emplace_back([&room, count] { EXPECT_TRUE(room.WaitFor(count)); });
  }
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    room.Input();
  }
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(WaitRoom, ServesThreadsThatMayNotLead) {
  Room room;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    room.Input();
  });
  EXPECT_TRUE(room.WaitFor(1, {.may_lead = false, .interrupted = {}}));
  EXPECT_EQ(room.BackgroundWork(), 1);
  other.join();
}

TEST(WaitRoom, AsksAfterASignalWhetherToGoOn) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  Room room;
  const pthread_t waiting = pthread_self();
  std::atomic<bool> given_up = false;
  std::thread other([&] {
    while (!given_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      pthread_kill(waiting, SIGUSR1);
    }
  });
  int asked = 0;
  EXPECT_FALSE(room.WaitFor(1, {.may_lead = true, .interrupted = [&] { return ++asked == 3; }}));
  given_up = true;
  other.join();
}

}  // namespace
}  // namespace mobula::host
