// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/worker_main.h"

#include <sys/prctl.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/host/process/process_runtime.h"

namespace mobula::host {
namespace {

ConnectOptions ParseArguments(int argc, char** argv) {
  constexpr std::string_view kSocket = "--socket=";
  constexpr std::string_view kWorker = "--worker=";
  ConnectOptions options;
  options.language = Language::kCpp;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kSocket)) options.socket_name = argument.substr(kSocket.size());
    if (argument.starts_with(kWorker)) {
      options.worker_id = WorkerId::FromHex(argument.substr(kWorker.size()));
    }
  }
  return options;
}

/// The calls of an actor that may run several at once, on as many threads as they need.
class ThreadedCalls {
 public:
  ThreadedCalls(ProcessRuntime& process, const TaskHandler& handler, std::size_t limit)
      : process_(process), handler_(handler), limit_(limit) {}

  void Start(worker::RunTask task) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
    if (idle_ >= waiting_.size()) {
      changed_.notify_one();
    } else if (threads_.size() < limit_) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  /// Returns when every call has ended.
  ~ThreadedCalls() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      changed_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      worker::RunTask task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      handler_(process_, std::move(task));
      lock.lock();
    }
  }

  ProcessRuntime& process_;
  const TaskHandler& handler_;
  std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<worker::RunTask> waiting_;
  std::size_t idle_ = 0;
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

/// How many calls of the actor that the task makes may run at once; 1 for other tasks.
std::uint32_t ConcurrencyOf(const worker::RunTask& task) {
  const auto& options = task.spec.header->actor_options;
  return options ? options->max_concurrency : 1;
}

}  // namespace

int RunWorkerProcess(int argc, char** argv, const StartHandler& start, const TaskHandler& handler) {
  ConnectOptions options = ParseArguments(argc, argv);
  if (options.socket_name.empty() || options.worker_id.IsNil()) {
    std::cerr
        << "mobula: a worker needs --socket=NAME and --worker=HEX; daemons start it with both\n";
    return 2;
  }
  absl::StatusOr<std::unique_ptr<ProcessRuntime>> process = ConnectProcess(std::move(options));
  if (!process.ok()) {
    std::cerr << "mobula: the worker cannot join: " << process.status() << "\n";
    return 1;
  }
  start(**process);
  std::optional<ThreadedCalls> calls;
  while (std::optional<TaskEvent> next = (*process)->NextTask()) {
    // One thread runs the tasks, so that an interrupt comes after the task that it was for; and
    // nothing can be raised in the calls that run in others.
    auto* task = std::get_if<worker::RunTask>(&*next);
    if (task == nullptr) continue;
    if (calls) {
      calls->Start(std::move(*task));
      continue;
    }
    const std::uint32_t concurrency = ConcurrencyOf(*task);
    handler(**process, std::move(*task));
    if (concurrency > 1) calls.emplace(**process, handler, concurrency);
  }
  return 0;
}

}  // namespace mobula::host
