// SPDX-License-Identifier: Apache-2.0
/// The real process of a driver or worker: what the language layers (C++ API, Python binding) link.
/// Knows Unix sockets, epoll and shared memory; knows no gRPC and no Asio.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/core/worker/options.h"
#include "runtime/core/worker/process.h"
#include "runtime/core/worker/worker.h"

namespace mobula::host {

struct ConnectOptions {
  /// The daemon's abstract socket, without the leading NUL.
  std::string socket_name;
  /// A worker's comes from its daemon; a driver draws its own with `FreshWorkerId`.
  WorkerId worker_id;
  Language language = Language::kPython;
  bool is_driver = false;
  /// Drivers only.
  JobConfig job_config;
  worker::Options worker;
};

/// Thrown out of `Await` and `NextTask` in a driver when its daemon is gone, or after `Close`.
/// `what()` says which and what to do. A worker process never sees it: it ends with its daemon.
class RuntimeDisconnected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a worker's main loop is told to do.
using TaskEvent = std::variant<worker::RunTask, worker::InterruptTask>;
/// What a driver is told to show.
using Notice =
    std::variant<worker::Warn, worker::UnhandledError, worker::ShowLogs, worker::TaskRetried>;

/// A `worker::Process` on a real machine. Hosts one Worker machine behind one mutex, connected to
/// the node's daemon and, on first use, directly to other processes of the node. View: one
/// process's, from connection to `Close`. Thread-safe.
///
/// Who reads the sockets: the thread that waits. A thread in `Await` or `NextTask` waits in epoll
/// itself (it leads), so that an answer wakes the thread that wants it and no other; further
/// waiting threads follow and one of them is promoted when the leader leaves. While nobody waits, a
/// background thread is woken by what arrives. Entering and leaving cost a system call each and
/// wake no thread.
///
/// Forking: loading the library starts no thread and opens nothing; connect after the fork. In a
/// child that a connected program forks, `Post` does nothing and `Await` throws.
class ProcessRuntime : public worker::Process {
 public:
  /// Asked by an interruptible wait whenever a signal or `InterruptTask` arrives; true gives the
  /// wait up. Called without a lock, in the waiting thread.
  using Interrupted = std::function<bool()>;

  // Of worker::Process: `Post` handles the event in the calling thread and writes what follows from
  // it to the sockets; it is a no-op once disconnected. `Await` throws RuntimeDisconnected.

  /// As `Await`; nullopt when `interrupted` said so. The request stays posted: await it again, or
  /// post `RequestAbandoned`.
  virtual std::optional<worker::Completion> AwaitUnless(worker::RequestId request,
                                                        const Interrupted& interrupted) = 0;
  /// The answer if it is there. Never blocks.
  virtual std::optional<worker::Completion> TryTake(worker::RequestId request) = 0;

  /// The write end of a pipe, owned by the runtime: whatever is written there makes every waiting
  /// thread ask its `interrupted`. For signal handlers, which may run in another thread than the
  /// one that waits, or just before it waits (Python: signal.set_wakeup_fd).
  [[nodiscard]] virtual int WakeupFd() = 0;

  /// For event loops (asyncio): the answer to `request` makes `CompletionFd` readable. Call it
  /// before the request is posted.
  virtual void NotifyThroughFd(worker::RequestId request) = 0;
  /// An eventfd, owned by the runtime; poll it for reading.
  [[nodiscard]] virtual int CompletionFd() const = 0;
  /// The requests answered since the last call, of those given to `NotifyThroughFd`; also clears
  /// the fd. Their answers are then taken with `TryTake`.
  virtual std::vector<worker::RequestId> TakeNotified() = 0;

  /// Blocks until there is something to run. nullopt: the process must exit, in order. It is ended
  /// at once, without this being asked, when it must exit while a task runs (a forced cancellation)
  /// and when its daemon is gone.
  virtual std::optional<TaskEvent> NextTask() = 0;
  /// The same for a thread that runs an event loop, or hands tasks to other threads. Blocks until
  /// there is something to run, the loop's descriptor (an epoll, always the same one; none if
  /// negative) is readable, or the timeout is over.
  virtual void AwaitTasks(int loop, std::optional<Duration> timeout) = 0;
  /// All that has come. nullopt: as `NextTask`. Never blocks.
  virtual std::optional<std::vector<TaskEvent>> TakeTasks() = 0;
  /// Where `InterruptTask` goes instead of `NextTask`, because the thread that would call
  /// `NextTask` is busy with the very task. Called without a lock in whichever thread reads the
  /// socket; must not block or call this object. Set it before the first task runs.
  virtual void OnInterrupt(std::function<void(const worker::InterruptTask&)> handler) = 0;

  /// The next thing to show, if any. Never blocks.
  virtual std::optional<Notice> PollNotice() = 0;
  /// Blocks for it; nullopt once disconnected or closed. Such a thread never leads.
  virtual std::optional<Notice> NextNotice() = 0;

  /// Notes a span of the program's own for the time line of the cluster.
  virtual void MarkSpan(Instant started, Instant ended, std::string_view text) = 0;
  /// Where the language layer writes the metrics of its program, see ProcessPage::Samples. As long
  /// as this object.
  virtual std::span<std::byte> MetricSamples() = 0;

  // The machine's tables, for tools and for naming the owner of a reference.
  [[nodiscard]] virtual std::vector<worker::PendingTask> PendingTasks() const = 0;
  [[nodiscard]] virtual std::size_t PendingCalls(ActorId actor) const = 0;
  [[nodiscard]] virtual std::vector<worker::FailedTask> FailedTasks() const = 0;
  [[nodiscard]] virtual std::vector<worker::ReferenceView> References() const = 0;
  [[nodiscard]] virtual ObjectRef FindReference(ObjectId object) const = 0;

  /// Sends what is queued, closes every socket, ends the background thread and makes every wait
  /// throw. Idempotent; the destructor does it. Not from a callback of this object.
  virtual void Close(std::string_view reason) = 0;
  [[nodiscard]] virtual bool IsConnected() const = 0;
};

/// Connects, registers and waits for the daemon's answer. Unavailable: nobody listens under that
/// name, or it closed the connection; PermissionDenied: another user's daemon.
[[nodiscard]] absl::StatusOr<std::unique_ptr<ProcessRuntime>> ConnectProcess(
    ConnectOptions options);

/// A name for a new process, from the operating system's random numbers.
[[nodiscard]] WorkerId FreshWorkerId();

}  // namespace mobula::host
