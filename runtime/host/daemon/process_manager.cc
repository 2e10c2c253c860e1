// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/process_manager.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "absl/strings/str_cat.h"

namespace mobula::host {
namespace {

/// From the closed socket to SIGKILL: for what a language runs at its exit.
constexpr auto kExitGrace = std::chrono::milliseconds(500);
/// A process that cannot be started fails this late, so that nobody tries in a circle.
constexpr auto kFailureDelay = std::chrono::seconds(1);

}  // namespace

struct ProcessManager::Process {
  explicit Process(boost::asio::io_context& loop, WorkerId id)
      : worker(id), exit(loop), patience(loop) {}

  WorkerId worker;
  /// 0 while the zygote has not forked it.
  pid_t pid = 0;
  bool of_zygote = false;
  bool kill_wanted = false;
  /// Of those executed here.
  boost::asio::posix::stream_descriptor exit;
  boost::asio::steady_timer patience;
  std::array<std::shared_ptr<WorkerOutput>, 2> outputs;
};

ProcessManager::ProcessManager(boost::asio::io_context& loop, Options options, Handlers handlers)
    : loop_(loop),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      zygote_(loop, {
                        .on_forked =
                            [this](WorkerId worker, pid_t pid) {
                              const auto found = processes_.find(worker);
                              if (found == processes_.end()) return;
                              found->second->pid = pid;
                              if (found->second->kill_wanted) Kill(worker);
                            },
                        .on_exited = [this](WorkerId worker,
                                            int status) { Ended(worker, DescribeExit(status)); },
                        .on_dead = [this](const std::string& reason) { ZygoteDied(reason); },
                    }) {}

ProcessManager::~ProcessManager() {
  // What is still read goes to the files only.
  alive_.reset();
  for (const auto& [worker, process] : processes_) {
    for (const auto& output : process->outputs) {
      if (output) output->Finish();
    }
    if (process->pid == 0 || process->of_zygote) continue;
    kill(-process->pid, SIGKILL);
    waitpid(process->pid, nullptr, 0);
  }
}

void ProcessManager::WarmUp() {
  if (!options_.zygote_command.empty()) (void)StartZygote();
}

absl::Status ProcessManager::StartZygote() {
  if (zygote_.IsRunning()) return absl::OkStatus();
  if (options_.zygote_command.empty()) {
    return absl::FailedPreconditionError("this node was started without --zygote-command");
  }
  return zygote_.Start(options_.zygote_command, options_.log_dir + "/zygote");
}

void ProcessManager::Start(const raylet::StartProcess& wanted) {
  auto& process = processes_[wanted.worker];
  process = std::make_unique<Process>(loop_, wanted.worker);
  if (wanted.language == Language::kPython) {
    StartPython(wanted);
  } else {
    StartCpp(wanted);
  }
}

void ProcessManager::StartPython(const raylet::StartProcess& wanted) {
  Process& process = *processes_.at(wanted.worker);
  process.of_zygote = true;
  if (absl::Status status = StartZygote(); !status.ok()) {
    return EndLater(wanted.worker,
                    absl::StrCat("no Python worker can be started: ", status.message()));
  }
  absl::StatusOr<Fd> output = OpenOutput(process, false);
  absl::StatusOr<Fd> error = OpenOutput(process, true);
  if (!output.ok() || !error.ok()) {
    return EndLater(wanted.worker, "no pipe can be made for its output");
  }
  zygote_.Fork({wanted.worker, wanted.job, options_.socket_name, wanted.runtime_env,
                *std::move(output), *std::move(error)});
}

void ProcessManager::StartCpp(const raylet::StartProcess& wanted) {
  Process& process = *processes_.at(wanted.worker);
  if (options_.cpp_worker_command.empty()) {
    return EndLater(wanted.worker, "this node was started without --cpp-worker-command");
  }
  const absl::StatusOr<Fd> output = OpenOutput(process, false);
  const absl::StatusOr<Fd> error = OpenOutput(process, true);
  if (!output.ok() || !error.ok()) {
    return EndLater(wanted.worker, "no pipe can be made for its output");
  }
  SpawnOptions options;
  options.argv = options_.cpp_worker_command;
  options.argv.push_back("--socket=" + options_.socket_name);
  options.argv.push_back("--worker=" + wanted.worker.Hex());
  if (!wanted.runtime_env.empty()) options.argv.push_back("--runtime-env=" + wanted.runtime_env);
  options.output = output->Get();
  options.error = error->Get();
  absl::StatusOr<SpawnedProcess> spawned = Spawn(options);
  if (!spawned.ok()) return EndLater(wanted.worker, std::string(spawned.status().message()));
  process.pid = spawned->pid;
  process.exit.assign(spawned->pidfd.Release());
  AwaitExit(process);
}

/// Gives the end for the process to write to.
absl::StatusOr<Fd> ProcessManager::OpenOutput(Process& process, bool is_error) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "no pipe");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  fcntl(ours.Get(), F_SETFL, O_NONBLOCK);
  const std::string file =
      absl::StrCat(options_.log_dir, "/worker-", process.worker.Hex(), is_error ? ".err" : ".out");
  auto& output = process.outputs[is_error ? 1 : 0];
  output = std::make_shared<WorkerOutput>(
      loop_, std::move(ours), RotatingFile(file, options_.log_limits),
      [this, worker = process.worker, is_error,
       alive = std::weak_ptr<char>(alive_)](std::vector<std::string> lines) {
        if (!alive.expired()) handlers_.on_lines(worker, is_error, std::move(lines));
      });
  output->Start();
  return theirs;
}

void ProcessManager::AwaitExit(Process& process) {
  process.exit.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [this, worker = process.worker, alive = std::weak_ptr<char>(alive_)](
                              const boost::system::error_code& error) {
                            if (error || alive.expired()) return;
                            const auto found = processes_.find(worker);
                            if (found == processes_.end()) return;
                            if (const std::optional<int> status = Reap(found->second->pid)) {
                              Ended(worker, DescribeExit(*status));
                            } else {
                              AwaitExit(*found->second);
                            }
                          });
}

void ProcessManager::Kill(WorkerId worker) {
  const auto found = processes_.find(worker);
  if (found == processes_.end()) return;
  found->second->kill_wanted = true;
  if (found->second->pid != 0) kill(found->second->pid, SIGKILL);
}

bool ProcessManager::SocketClosed(WorkerId worker) {
  const auto found = processes_.find(worker);
  if (found == processes_.end()) return false;
  boost::asio::steady_timer& patience = found->second->patience;
  patience.expires_after(kExitGrace);
  patience.async_wait(
      [this, worker, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) Kill(worker);
      });
  return true;
}

pid_t ProcessManager::PidOf(WorkerId worker) const {
  const auto found = processes_.find(worker);
  return found == processes_.end() ? 0 : found->second->pid;
}

void ProcessManager::Ended(WorkerId worker, const std::string& reason) {
  const auto found = processes_.find(worker);
  if (found == processes_.end()) return;
  const std::unique_ptr<Process> process = std::move(found->second);
  processes_.erase(found);
  for (const auto& output : process->outputs) {
    if (output) output->Finish();
  }
  handlers_.on_ended(worker, reason);
}

void ProcessManager::EndLater(WorkerId worker, const std::string& reason) {
  boost::asio::steady_timer& patience = processes_.at(worker)->patience;
  patience.expires_after(kFailureDelay);
  patience.async_wait([this, worker, reason, alive = std::weak_ptr<char>(alive_)](
                          const boost::system::error_code& error) {
    if (!error && !alive.expired()) Ended(worker, reason);
  });
}

void ProcessManager::ZygoteDied(const std::string& reason) {
  std::vector<WorkerId> starting;
  std::vector<WorkerId> running;
  for (const auto& [worker, process] : processes_) {
    if (process->of_zygote) (process->pid == 0 ? starting : running).push_back(worker);
  }
  for (const WorkerId worker : running) Ended(worker, "its zygote is gone: " + reason);
  for (const WorkerId worker : starting) EndLater(worker, "it was not forked: " + reason);
}

}  // namespace mobula::host
