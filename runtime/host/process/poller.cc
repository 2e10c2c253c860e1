// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/poller.h"

#include <sched.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

#include "runtime/base/check.h"
#include "runtime/host/local/clock.h"

namespace mobula::host {
namespace {

constexpr int kNoDescriptor = -1;
constexpr int kLooksPerYield = 100;

void Control(const Fd& epoll, int operation, int number, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = number;
  CHECK(epoll_ctl(epoll.Get(), operation, number, &event) == 0) << "errno " << errno;
}

}  // namespace

Poller::Poller()
    : set_(epoll_create1(EPOLL_CLOEXEC)),
      kick_(NewEventFd()),
      outer_(epoll_create1(EPOLL_CLOEXEC)),
      nudge_(NewEventFd()) {
  CHECK(set_.IsOpen() && outer_.IsOpen());
  Add(kick_.Get());
  Control(outer_, EPOLL_CTL_ADD, set_.Get(), 0);
  Control(outer_, EPOLL_CTL_ADD, nudge_.Get(), EPOLLIN);
}

void Poller::Add(int number) { Control(set_, EPOLL_CTL_ADD, number, EPOLLIN); }
void Poller::AddOnce(int number) { Control(set_, EPOLL_CTL_ADD, number, EPOLLIN | EPOLLONESHOT); }
void Poller::Renew(int number) { Control(set_, EPOLL_CTL_MOD, number, EPOLLIN | EPOLLONESHOT); }
void Poller::Remove(int number) { Control(set_, EPOLL_CTL_DEL, number, 0); }
void Poller::WatchWritable(int number, bool watch) {
  Control(set_, EPOLL_CTL_MOD, number, EPOLLIN | (watch ? EPOLLOUT : 0u));
}

std::span<const epoll_event> Poller::Wait(Events& events) {
  const Instant start = SteadyNow();
  std::span<const epoll_event> ready = Look(events, start + spin_.Budget());
  if (ready.empty()) {
    if (!lookout_.Sleep()) return News(events);
    ready = Collect(events, -1);
    lookout_.Wake();
  }
  spin_.Waited(SteadyNow() - start);
  return ready;
}

std::span<const epoll_event> Poller::Poll(Events& events) { return Collect(events, 0); }

/// Who has the work may be on this very core: lets others run now and then.
std::span<const epoll_event> Poller::Look(Events& events, Instant until) {
  for (Instant now = SteadyNow(); now < until;) {
    for (int i = 0; i < kLooksPerYield; ++i) {
      if (lookout_.HasNews()) return News(events);
    }
    if (const auto ready = Collect(events, 0); !ready.empty()) return ready;
    const Instant before = SteadyNow();
    sched_yield();
    now = SteadyNow();
    if (!spin_.Yielded(now - before)) break;
  }
  return {};
}

std::span<const epoll_event> Poller::News(Events& events) {
  events[0] = {};
  events[0].data.fd = kNoDescriptor;
  return std::span(events).first(1);
}

std::span<const epoll_event> Poller::Collect(Events& events, int timeout_ms) {
  const int count =
      epoll_wait(set_.Get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  CHECK(count >= 0 || errno == EINTR) << "errno " << errno;
  if (count <= 0) return {};
  const std::span<epoll_event> ready(events.data(), static_cast<std::size_t>(count));
  for (epoll_event& event : ready) {
    if (event.data.fd == kick_.Get()) {
      ClearEvent(kick_.Get());
      event.data.fd = kNoDescriptor;
    }
  }
  return ready;
}

void Poller::Kick() { SignalEvent(kick_.Get()); }

void Poller::Arm() {
  SetArmed(true);
  FallAsleep();
}

void Poller::Disarm() {
  SetArmed(false);
  WakeUp();
}

void Poller::FallAsleep() {
  if (!lookout_.Sleep()) Kick();
}

void Poller::SetArmed(bool armed) {
  Control(outer_, EPOLL_CTL_MOD, set_.Get(), armed ? EPOLLIN : 0u);
}

void Poller::WaitInBackground(std::optional<Duration> patience) {
  const int timeout_ms =
      patience ? static_cast<int>(patience->nanoseconds / Milliseconds(1).nanoseconds) : -1;
  std::array<epoll_event, 2> events;
  int count = 0;
  do {
    count = epoll_wait(outer_.Get(), events.data(), 2, timeout_ms);
    CHECK(count >= 0 || errno == EINTR) << "errno " << errno;
  } while (count < 0);
  for (int i = 0; i < count; ++i) {
    if (events[static_cast<std::size_t>(i)].data.fd == nudge_.Get()) ClearEvent(nudge_.Get());
  }
}

void Poller::NudgeBackground() { SignalEvent(nudge_.Get()); }

Fd NewEventFd() {
  Fd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK(fd.IsOpen()) << "errno " << errno;
  return fd;
}

void SignalEvent(int eventfd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(eventfd, &one, sizeof(one));
}

void ClearEvent(int eventfd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(eventfd, &count, sizeof(count));
}

}  // namespace mobula::host
