// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/process_runtime.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/local/clock.h"
#include "runtime/host/local/run_trace.h"
#include "runtime/host/local/timer_queue.h"
#include "runtime/host/process/loop_watch.h"
#include "runtime/host/process/observers.h"
#include "runtime/host/process/process_network.h"
#include "runtime/host/process/wait_room.h"

namespace mobula::host {
namespace {

constexpr Duration kExitPatience = Seconds(1);
/// Notices that nobody takes do not pile up.
constexpr std::size_t kNoticesMax = 10'000;

/// Forks of this process, counted in each child.
std::atomic<int> forks = 0;

void CountForks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  CHECK(registered == 0);
}

class RealProcess final : public ProcessRuntime {
 public:
  explicit RealProcess(const ConnectOptions& options)
      : is_driver_(options.is_driver),
        machine_(options.worker_id, options.worker),
        room_(poller_, [this](WaitRoom::Lock& lock, std::span<const epoll_event> ready) {
          WorkOff(lock, ready);
        }) {}
  ~RealProcess() override { Close("the process was disconnected"); }

  absl::Status Connect(ConnectOptions options);

  const WorkerRegistered& Identity() const override { return identity_; }
  worker::RequestId NextRequest() override { return ++last_request_; }
  void Post(worker::Event event) override;
  worker::Completion Await(worker::RequestId request) override;
  std::optional<std::vector<worker::FetchedValue>> Peek(
      const std::vector<ObjectId>& objects) const override;
  std::byte* StoreAt(std::uint64_t offset, std::uint64_t size) override {
    return network_->Store().At(offset, size);
  }
  Instant Now() const override { return SteadyNow(); }
  void Sleep(Duration span) override;

  std::optional<worker::Completion> AwaitUnless(worker::RequestId request,
                                                const Interrupted& interrupted) override;
  int WakeupFd() override;
  std::optional<worker::Completion> TryTake(worker::RequestId request) override;
  void NotifyThroughFd(worker::RequestId request) override;
  int CompletionFd() const override { return completion_event_.Get(); }
  std::vector<worker::RequestId> TakeNotified() override;

  std::optional<TaskEvent> NextTask() override;
  void AwaitTasks(int loop, std::optional<Duration> timeout) override;
  std::optional<std::vector<TaskEvent>> TakeTasks() override;
  void OnInterrupt(std::function<void(const worker::InterruptTask&)> handler) override;

  std::optional<Notice> PollNotice() override;
  std::optional<Notice> NextNotice() override;

  void MarkSpan(Instant started, Instant ended, std::string_view text) override;
  std::span<std::byte> MetricSamples() override { return network_->Page().Samples(); }

  std::vector<worker::PendingTask> PendingTasks() const override;
  std::size_t PendingCalls(ActorId actor) const override;
  std::vector<worker::FailedTask> FailedTasks() const override;
  std::vector<worker::ReferenceView> References() const override;
  ObjectRef FindReference(ObjectId object) const override;

  void Close(std::string_view reason) override;
  bool IsConnected() const override;

 private:
  void WorkOff(WaitRoom::Lock& lock, std::span<const epoll_event> ready);
  void ReadRings(Instant now);
  void Deliver(Instant now, Envelope&& envelope);
  void Settle(WaitRoom::Lock& lock);
  void Feed(Instant now, const worker::Event& event);
  void Handle(Instant now, const worker::Event& event);
  void Disconnect(std::string reason);
  void ExitNow();
  std::optional<worker::Completion> Take(worker::RequestId request);
  [[nodiscard]] bool MustLeave() const { return exit_requested_ || IsOver(); }
  TaskEvent TakeTask();
  void RunInBackground();
  [[nodiscard]] bool IsOver() const { return !over_.empty(); }
  /// This is a copy in a forked child (a program's own fork): the sockets are the parent's.
  [[nodiscard]] bool IsCopy() const { return forks != forks_; }

  void Run(Send& effect);
  void Run(StartTimer& effect) { timers_.Start(SteadyNow(), effect.delay, effect.timer); }
  void Run(worker::Registered& effect);
  void Run(worker::FulfilGet& effect) { Complete(effect.request, std::move(effect)); }
  void Run(worker::FulfilWait& effect) { Complete(effect.request, std::move(effect)); }
  void Run(worker::FulfilCreate& effect);
  void Run(worker::FulfilGcs& effect);
  void Run(worker::FulfilStream& effect) { Complete(effect.request, std::move(effect)); }
  void Run(worker::RunTask& effect);
  void Run(worker::InterruptTask& effect) { interrupts_.push_back(effect); }
  void Run(worker::ExitProcess& effect);
  void Run(worker::Warn& effect) { Show(std::move(effect)); }
  void Run(worker::UnhandledError& effect) { Show(std::move(effect)); }
  void Run(worker::ShowLogs& effect) { Show(std::move(effect)); }
  void Run(worker::TaskRetried& effect);
  void Complete(worker::RequestId request, worker::Completion completion);
  void Show(Notice notice);

  const bool is_driver_;
  const int forks_ = forks;
  std::atomic<worker::RequestId> last_request_ = 0;
  Fd completion_event_ = NewEventFd();
  /// Made by the first `WakeupFd`.
  Fd wakeup_read_;
  Fd wakeup_write_;
  /// Written once, before `Connect` returns.
  WorkerRegistered identity_;

  mutable std::mutex mutex_;
  worker::Worker machine_;
  Poller poller_;
  TimerQueue timers_;
  std::unique_ptr<ProcessNetwork> network_;
  /// Write to the network's page.
  std::optional<Observers> observers_;
  /// Of the event that is handled.
  Instant now_;
  WaitRoom room_;
  /// Made by the first `AwaitTasks` with a loop.
  std::optional<LoopWatch> loop_;
  /// Reused between events; what the machine sends to itself goes back through `inbox_`.
  worker::Effects effects_;
  std::deque<worker::Event> inbox_;
  bool registered_ = false;

  /// Answers that nobody has taken yet.
  std::map<worker::RequestId, worker::Completion> completions_;
  /// Requests whose answer is to be announced by `completion_event_`, and those announced.
  std::set<worker::RequestId> to_notify_;
  std::vector<worker::RequestId> notified_;

  std::deque<TaskEvent> tasks_;
  /// Handed out by `NextTask` and not executed yet.
  std::uint32_t running_ = 0;
  bool exit_requested_ = false;
  std::vector<worker::InterruptTask> interrupts_;
  std::function<void(const worker::InterruptTask&)> on_interrupt_;
  std::deque<Notice> notices_;
  /// Why the process is no part of the cluster any more.
  std::string over_;
  std::thread background_;
  /// Null unless a trace is wanted.
  std::unique_ptr<RunTrace> trace_;
};

absl::Status RealProcess::Connect(ConnectOptions options) {
  absl::StatusOr<std::unique_ptr<ProcessNetwork>> network =
      ProcessNetwork::Connect(options.socket_name, options.worker_id, poller_);
  if (!network.ok()) return network.status();
  network_ = *std::move(network);
  poller_.Add(timers_.Number());
  observers_.emplace(network_->Page(), Activity::Connect(options.is_driver, options.worker_id,
                                                         [this] { timers_.ClockChanged(); }));
  if (observers_->Number() >= 0) poller_.Add(observers_->Number());
  background_ = std::thread([this] { RunInBackground(); });

  WaitRoom::Lock lock(mutex_);
  trace_ = RunTrace::Open("process-" + options.worker_id.Short(), options.worker_id);
  if (trace_) {
    trace_->RecordWorld("ProcessStart",
                        absl::StrCat(options.is_driver ? "driver" : "worker", ", pid ", getpid()));
  }
  RegisterWorker registration;
  registration.worker = options.worker_id;
  registration.pid = static_cast<std::uint32_t>(getpid());
  registration.language = options.language;
  registration.is_driver = options.is_driver;
  registration.job_config = std::move(options.job_config);
  // The daemon at the other end of the socket is meant; its name comes with the answer.
  Feed(SteadyNow(), worker::Started{std::move(registration), NodeId{}});
  Settle(lock);
  room_.Wait(lock, {}, [this] { return registered_ || IsOver(); });
  return registered_ ? absl::OkStatus() : absl::UnavailableError(over_);
}

// ---- The machine and its effects

void RealProcess::Feed(Instant now, const worker::Event& event) {
  Handle(now, event);
  while (!inbox_.empty()) {
    const worker::Event next = std::move(inbox_.front());
    inbox_.pop_front();
    Handle(now, next);
  }
}

void RealProcess::Handle(Instant now, const worker::Event& event) {
  effects_.clear();
  now_ = now;
  machine_.Handle(now, event, effects_);
  if (trace_) trace_->Record(now, machine_, event, effects_);
  for (worker::Effect& effect : effects_) {
    std::visit([this](auto& member) { Run(member); }, effect);
  }
}

void RealProcess::Run(Send& effect) {
  if (effect.target == network_->Self()) {
    inbox_.push_back(MessageReceived{effect.target, std::move(effect.message)});
    return;
  }
  observers_->Sent(now_, network_->Self(), effect.target, effect.message);
  network_->Send(effect.target, std::move(effect.message));
}

void RealProcess::Run(worker::RunTask& effect) {
  observers_->Assigned(now_, effect.spec);
  tasks_.push_back(std::move(effect));
}

void RealProcess::Run(worker::FulfilCreate& effect) {
  observers_->Answered(now_, Rpc::kBuffer, effect.request);
  Complete(effect.request, std::move(effect));
}

void RealProcess::Run(worker::FulfilGcs& effect) {
  observers_->Answered(now_, Rpc::kGcs, effect.request);
  Complete(effect.request, std::move(effect));
}

void RealProcess::Run(worker::TaskRetried& effect) {
  observers_->Retried(effect);
  Show(std::move(effect));
}

void RealProcess::Run(worker::Registered& effect) {
  identity_ = std::move(effect.answer);
  network_->SetNode(identity_.address.node);
  if (trace_) trace_->SetNode(identity_.address.node);
  registered_ = true;
}

void RealProcess::Run(worker::ExitProcess& effect) {
  if (is_driver_) return Disconnect(effect.reason);
  if (effect.at_once) ExitNow();
  exit_requested_ = true;
}

void RealProcess::Complete(worker::RequestId request, worker::Completion completion) {
  completions_.emplace(request, std::move(completion));
  if (to_notify_.erase(request) == 0) return;
  notified_.push_back(request);
  SignalEvent(completion_event_.Get());
}

void RealProcess::Show(Notice notice) {
  if (notices_.size() == kNoticesMax) notices_.pop_front();
  notices_.push_back(std::move(notice));
}

/// What the poller found ready, from whichever thread leads.
void RealProcess::WorkOff(WaitRoom::Lock& lock, std::span<const epoll_event> ready) {
  const Instant now = SteadyNow();
  for (const epoll_event& event : ready) {
    if (IsOver()) break;
    if (event.data.fd == timers_.Number()) {
      timers_.Expire(now, [&](TimerId timer) { Feed(now, TimerFired{timer}); });
    } else if (wakeup_read_.IsOpen() && event.data.fd == wakeup_read_.Get()) {
      char ignored[64];
      while (read(wakeup_read_.Get(), ignored, sizeof ignored) > 0) continue;
      room_.Interrupt();
    } else if (loop_ && loop_->Handle(event.data.fd)) {
      continue;
    } else if (event.data.fd < 0) {
      continue;
    } else if (event.data.fd == observers_->Number()) {
      if (!observers_->HandleReadable()) poller_.Remove(observers_->Number());
    } else {
      network_->HandleReady(event, [&](Envelope&& envelope) { Deliver(now, std::move(envelope)); });
    }
  }
  ReadRings(now);
  Settle(lock);
}

void RealProcess::ReadRings(Instant now) {
  if (IsOver()) return;
  network_->ReadRings([&](Envelope&& envelope) { Deliver(now, std::move(envelope)); });
}

void RealProcess::Deliver(Instant now, Envelope&& envelope) {
  observers_->Received(now, envelope.source, envelope.message);
  Feed(now, worker::Event(std::in_place_type<MessageReceived>, envelope.source,
                          std::move(envelope.message)));
}

/// After events were fed: writes, and wakes whom it concerns.
void RealProcess::Settle(WaitRoom::Lock& lock) {
  observers_->Pending(machine_.PendingCount());
  network_->Flush();
  if (!network_->Failure().empty()) Disconnect(network_->Failure());
  room_.WakeSatisfied();
  if (interrupts_.empty()) return;
  std::vector<worker::InterruptTask> interrupts = std::exchange(interrupts_, {});
  if (!on_interrupt_) {
    for (worker::InterruptTask& interrupt : interrupts) tasks_.push_back(interrupt);
    room_.WakeSatisfied();
    return;
  }
  lock.unlock();
  for (const worker::InterruptTask& interrupt : interrupts) on_interrupt_(interrupt);
  lock.lock();
  room_.Interrupt();
}

/// A worker ends with its daemon; a driver's waits fail.
void RealProcess::Disconnect(std::string reason) {
  if (IsOver()) return;
  if (!is_driver_) _exit(1);
  over_ = std::move(reason);
  SignalEvent(completion_event_.Get());
}

void RealProcess::ExitNow() {
  network_->FlushBeforeExit(kExitPatience);
  _exit(0);
}

void RealProcess::RunInBackground() {
  // Signals are for the threads of the program.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  room_.RunInBackground(mutex_);
}

// ---- The language layer's calls

void RealProcess::Post(worker::Event event) {
  if (IsCopy()) return;
  WaitRoom::Lock lock(mutex_);
  if (IsOver()) return;
  const Instant now = SteadyNow();
  observers_->Posted(now, event);
  if (std::holds_alternative<worker::TaskExecuted>(event) && running_ > 0) --running_;
  Feed(now, event);
  // So that those who wait for this process's answers need not wait for its next wait.
  if (room_.Visit(now)) ReadRings(now);
  Settle(lock);
}

void RealProcess::MarkSpan(Instant started, Instant ended, std::string_view text) {
  if (IsCopy()) return;
  const std::lock_guard lock(mutex_);
  if (!IsOver()) observers_->Marked(started, ended, text);
}

std::optional<worker::Completion> RealProcess::Take(worker::RequestId request) {
  auto node = completions_.extract(request);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

worker::Completion RealProcess::Await(worker::RequestId request) {
  return *AwaitUnless(request, Interrupted());
}

std::optional<worker::Completion> RealProcess::AwaitUnless(worker::RequestId request,
                                                           const Interrupted& interrupted) {
  if (IsCopy()) {
    throw RuntimeDisconnected(
        "this is a forked child of a process of the cluster; connect it, or start it afresh");
  }
  WaitRoom::Lock lock(mutex_);
  const WaitRoom::Options options{.interrupted = interrupted};
  const bool done =
      room_.Wait(lock, options, [&] { return completions_.contains(request) || IsOver(); });
  if (!done) return std::nullopt;
  std::optional<worker::Completion> completion = Take(request);
  if (!completion) throw RuntimeDisconnected(over_);
  return completion;
}

std::optional<std::vector<worker::FetchedValue>> RealProcess::Peek(
    const std::vector<ObjectId>& objects) const {
  if (IsCopy()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return IsOver() ? std::nullopt : machine_.Peek(objects);
}

int RealProcess::WakeupFd() {
  const std::lock_guard lock(mutex_);
  if (!wakeup_write_.IsOpen()) {
    int ends[2];
    CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0) << "errno " << errno;
    wakeup_read_ = Fd(ends[0]);
    wakeup_write_ = Fd(ends[1]);
    poller_.Add(wakeup_read_.Get());
  }
  return wakeup_write_.Get();
}

std::optional<worker::Completion> RealProcess::TryTake(worker::RequestId request) {
  const std::lock_guard lock(mutex_);
  return Take(request);
}

void RealProcess::NotifyThroughFd(worker::RequestId request) {
  const std::lock_guard lock(mutex_);
  to_notify_.insert(request);
}

std::vector<worker::RequestId> RealProcess::TakeNotified() {
  const std::lock_guard lock(mutex_);
  ClearEvent(completion_event_.Get());
  return std::exchange(notified_, {});
}

void RealProcess::Sleep(Duration span) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(span.nanoseconds));
}

std::optional<TaskEvent> RealProcess::NextTask() {
  WaitRoom::Lock lock(mutex_);
  room_.Wait(lock, {}, [this] { return !tasks_.empty() || MustLeave(); });
  if (IsOver() && is_driver_) throw RuntimeDisconnected(over_);
  if (MustLeave()) {
    network_->FlushBeforeExit(kExitPatience);
    return std::nullopt;
  }
  return TakeTask();
}

void RealProcess::AwaitTasks(int loop, std::optional<Duration> timeout) {
  WaitRoom::Lock lock(mutex_);
  if (loop >= 0) {
    if (!loop_) loop_.emplace(poller_, loop);
    loop_->Begin(timeout);
  }
  room_.Wait(lock, {},
             [this] { return !tasks_.empty() || MustLeave() || (loop_ && loop_->IsDue()); });
}

std::optional<std::vector<TaskEvent>> RealProcess::TakeTasks() {
  WaitRoom::Lock lock(mutex_);
  const Instant now = SteadyNow();
  if (room_.Visit(now)) {
    ReadRings(now);
    Settle(lock);
  }
  if (MustLeave()) {
    network_->FlushBeforeExit(kExitPatience);
    return std::nullopt;
  }
  std::vector<TaskEvent> events;
  while (!tasks_.empty()) events.push_back(TakeTask());
  return events;
}

TaskEvent RealProcess::TakeTask() {
  TaskEvent next = std::move(tasks_.front());
  tasks_.pop_front();
  if (const auto* run = std::get_if<worker::RunTask>(&next)) {
    ++running_;
    observers_->Started(run->spec);
  }
  return next;
}

void RealProcess::OnInterrupt(std::function<void(const worker::InterruptTask&)> handler) {
  const std::lock_guard lock(mutex_);
  on_interrupt_ = std::move(handler);
}

std::optional<Notice> RealProcess::PollNotice() {
  const std::lock_guard lock(mutex_);
  if (notices_.empty()) return std::nullopt;
  Notice notice = std::move(notices_.front());
  notices_.pop_front();
  return notice;
}

std::optional<Notice> RealProcess::NextNotice() {
  {
    WaitRoom::Lock lock(mutex_);
    const WaitRoom::Options options{.may_lead = false, .interrupted = {}};
    room_.Wait(lock, options, [this] { return !notices_.empty() || IsOver(); });
  }
  return PollNotice();
}

std::vector<worker::PendingTask> RealProcess::PendingTasks() const {
  const std::lock_guard lock(mutex_);
  return machine_.PendingTasks();
}

std::size_t RealProcess::PendingCalls(ActorId actor) const {
  const std::lock_guard lock(mutex_);
  return machine_.PendingCalls(actor);
}

std::vector<worker::FailedTask> RealProcess::FailedTasks() const {
  const std::lock_guard lock(mutex_);
  return machine_.FailedTasks();
}

std::vector<worker::ReferenceView> RealProcess::References() const {
  const std::lock_guard lock(mutex_);
  return machine_.References();
}

ObjectRef RealProcess::FindReference(ObjectId object) const {
  const std::lock_guard lock(mutex_);
  return machine_.FindReference(object);
}

bool RealProcess::IsConnected() const {
  const std::lock_guard lock(mutex_);
  return registered_ && !IsOver();
}

void RealProcess::Close(std::string_view reason) {
  if (IsCopy()) {
    // The thread is the parent's, too, and the lock may be one that it held.
    if (background_.joinable()) background_.detach();
    return;
  }
  std::thread background;
  {
    WaitRoom::Lock lock(mutex_);
    if (network_ && !IsOver()) network_->FlushBeforeExit(kExitPatience);
    if (!IsOver()) over_ = reason;
    room_.WakeSatisfied();
    room_.StopBackground();
    background = std::move(background_);
  }
  if (!background.joinable()) return;
  background.join();
  WaitRoom::Lock lock(mutex_);
  room_.AwaitUnattended(lock);
  network_->CloseAll();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessRuntime>> ConnectProcess(ConnectOptions options) {
  CountForks();
  options.worker.note_touched = RunTrace::IsWanted();
  auto process = std::make_unique<RealProcess>(options);
  if (absl::Status status = process->Connect(std::move(options)); !status.ok()) return status;
  return process;
}

WorkerId FreshWorkerId() {
  WorkerId id;
  CHECK(getrandom(&id, sizeof(id), 0) == static_cast<ssize_t>(sizeof(id)));
  return id;
}

}  // namespace mobula::host
