// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace mobula::host {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
  }
  for (const auto& [name, value] : added) variables.push_back(absl::StrCat(name, "=", value));
  return variables;
}

/// In the child: only what is safe after a fork of a process with threads.
[[noreturn]] void Become(const SpawnOptions& options, pid_t parent, char** argv, char** environment,
                         int report) {
  setsid();
  if (!options.outlives_starter) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The daemon may have died in between.
    if (getppid() != parent) _exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  if (options.output >= 0) dup2(options.output, STDOUT_FILENO);
  if (options.error >= 0) dup2(options.error, STDERR_FILENO);
  // Nothing else: a pipe that a child holds open never ends for whoever reads it.
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (const int number : options.inherited) fcntl(number, F_SETFD, 0);
  execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(report, &error, sizeof(error));
  _exit(127);
}

}  // namespace

absl::StatusOr<SpawnedProcess> Spawn(const SpawnOptions& options) {
  std::vector<std::string> argv = options.argv;
  std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argv_pointers = Pointers(argv);
  const std::vector<char*> environment_pointers = Pointers(environment);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot start a process");
  const Fd read_end(report[0]);
  Fd write_end(report[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot start a process");
  if (pid == 0) {
    Become(options, parent, const_cast<char**>(argv_pointers.data()),
           const_cast<char**>(environment_pointers.data()), write_end.Get());
  }
  write_end.Reset();
  int error = 0;
  // Ends without bytes when the program runs.
  if (read(read_end.Get(), &error, sizeof(error)) > 0) {
    waitpid(pid, nullptr, 0);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", argv[0]));
  }
  SpawnedProcess process;
  process.pid = pid;
  process.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return process;
}

std::optional<int> Reap(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) == 0) return std::nullopt;
  return status;
}

std::string DescribeExit(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)),
                        ")");
  }
  return absl::StrCat("exited with code ", WEXITSTATUS(status));
}

}  // namespace mobula::host
