// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/host/process/poller.h"

namespace mobula::host {

/// Decides which of a process's waiting threads reads the sockets. View: one process's.
///
/// State of a waiting thread | meaning                             | leaves by
/// leader                    | in epoll; at most one               | its condition holds
/// follower                  | on an eventfd of its own            | its condition holds; promoted
///
/// The background thread reads while nobody leads. It holds the lock whenever it works, and so
/// never keeps a thread from leading.
///
/// State of the background thread | meaning                              | leaves by
/// idle                           | somebody leads; it sleeps            | the leader leaves: armed
/// armed                          | nobody leads; whatever comes wakes it| somebody leads: idle, or
///                                |                                      | ticking when that was
///                                soon
/// ticking                        | leaders or visitors come and go: it  | a tick in which none
///                                | looks once in a tick, and they have  | came or went: idle or
///                                | not to tell it, which takes system   | armed
///                                | calls                                |
///
/// A visitor is a thread that reads what is there while it has the lock for something else, and
/// does not wait: one that submits tasks while answers come.
class WaitRoom {
 public:
  using Lock = std::unique_lock<std::mutex>;
  using Condition = absl::FunctionRef<bool()>;
  /// Works off what the poller found ready. Called with the lock, which it may release for a while.
  using Work = std::function<void(Lock&, std::span<const epoll_event>)>;

  WaitRoom(Poller& poller, Work work) : poller_(poller), work_(std::move(work)) { HandOver(); }

  struct Options {
    /// A thread that waits for long and rarely is wanted should not lead, lest others follow.
    bool may_lead = true;
    /// Asked without the lock after each signal and each `Interrupt`; true ends the wait.
    std::function<bool()> interrupted;
  };
  /// Blocks until `done`, which is asked with the lock. False when interrupted.
  /// REQUIRES: `lock` is held; so it is afterwards, also when `interrupted` throws.
  bool Wait(Lock& lock, const Options& options, Condition done);

  /// After any work: wakes the waiting threads whose conditions hold. REQUIRES: the lock.
  void WakeSatisfied();
  /// Makes every wait ask its `interrupted`. REQUIRES: the lock.
  void Interrupt();
  /// Whether the caller, who has the lock, should read itself: nobody leads, and nobody did just
  /// now. Whoever comes often keeps the background thread from being woken for what it finds
  /// itself.
  [[nodiscard]] bool Visit(Instant now);
  /// What the background thread does until `StopBackground`. REQUIRES: not the lock.
  void RunInBackground(std::mutex& mutex);
  /// REQUIRES: the lock.
  void StopBackground();
  /// Waits until nobody leads, once every condition holds. REQUIRES: the lock.
  void AwaitUnattended(Lock& lock);

 private:
  struct Waiter {
    Condition done;
    bool may_lead;
    bool interrupted = false;
    /// While it follows: where to wake it.
    int event = -1;
  };

  bool IsInterrupted(Lock& lock, Waiter& waiter, const Options& options);
  void Lead(Lock& lock, Waiter& waiter);
  void Follow(Lock& lock, Waiter& waiter);
  void HandOver();
  void Arm();
  void Disarm(bool soon);
  void Attend(Lock& lock);

  Poller& poller_;
  Work work_;
  Waiter* leader_ = nullptr;
  /// The leader is in epoll and nobody has kicked it yet.
  bool leader_polls_ = false;
  enum class Background { kIdle, kArmed, kTicking };
  Background background_ = Background::kIdle;
  Instant armed_since_;
  Instant last_visit_;
  /// Counts those that came to lead or visit, and how many there were at the last tick.
  std::uint64_t comers_ = 0;
  std::uint64_t comers_seen_ = 0;
  bool stopped_ = false;
  std::vector<Waiter*> followers_;
};

}  // namespace mobula::host
