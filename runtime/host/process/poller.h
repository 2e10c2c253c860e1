// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <optional>
#include <span>

#include "runtime/host/local/fd.h"
#include "runtime/host/process/lookout.h"
#include "runtime/host/process/spin.h"

namespace mobula::host {

/// The set of a process's descriptors, waited for either by one thread that leads or, while it is
/// `Armed`, by the background thread. The set is an epoll of its own inside a second one, so that
/// arming it for the background thread is one system call that wakes nobody; what arrives later
/// does. Besides, there are the rings of its `Lookout`, which tell of themselves by a descriptor
/// only while the process sleeps.
class Poller {
 public:
  using Events = std::array<epoll_event, 64>;

  Poller();

  void Add(int number);
  /// One that is reported once, and again after `Renew`.
  void AddOnce(int number);
  void Renew(int number);
  void Remove(int number);
  /// Whether `number` is also reported when it can be written.
  void WatchWritable(int number, bool watch);

  /// Of the leader: waits until something is ready, `Kick` or a signal: awake for as long as `Spin`
  /// allows, then asleep. The span lies in `events`;
  /// it is empty after a signal. Entries with `data.fd` < 0 are kicks and news in a ring.
  std::span<const epoll_event> Wait(Events& events);
  /// Makes one `Wait` return.
  void Kick();
  /// What is ready now; never blocks.
  std::span<const epoll_event> Poll(Events& events);

  void Arm();
  void Disarm();
  /// Of the background thread: is awake until `FallAsleep`.
  void WakeUp() { lookout_.Wake(); }
  /// From here on whatever comes wakes the background thread, if it is armed.
  void FallAsleep();
  /// Of the background thread: blocks until something is ready while armed, `NudgeBackground`, or
  /// the patience is at its end.
  void WaitInBackground(std::optional<Duration> patience);
  void NudgeBackground();

  [[nodiscard]] Lookout& Rings() { return lookout_; }

 private:
  std::span<const epoll_event> Collect(Events& events, int timeout_ms);
  std::span<const epoll_event> Look(Events& events, Instant until);
  static std::span<const epoll_event> News(Events& events);
  void SetArmed(bool armed);

  Fd set_;
  Fd kick_;
  Fd outer_;
  Fd nudge_;
  Spin spin_;
  Lookout lookout_;
};

/// An eventfd: signalled once, it stays readable until cleared.
[[nodiscard]] Fd NewEventFd();
void SignalEvent(int eventfd);
void ClearEvent(int eventfd);

}  // namespace mobula::host
