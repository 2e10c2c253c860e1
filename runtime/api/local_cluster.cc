// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/local_cluster.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace mobula::api {
namespace {

namespace json = boost::json;

/// A pipe whose ends are closed in programs that are started.
struct Pipe {
  int read = -1;
  int write = -1;

  bool Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
};

std::string ReadAll(int descriptor) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) return text;
  }
}

/// In the child: nothing but what may be done between fork and exec.
[[noreturn]] void Become(const std::vector<char*>& argv, const int (&kept)[2]) {
  // Ctrl-C at the terminal is the driver's.
  setsid();
  for (const int descriptor : kept) fcntl(descriptor, F_SETFD, 0);
  // The program's output is its own; why a daemon does not come up is told through the pipe.
  const int nowhere = open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, standard);
  execv(argv[0], argv.data());
  _exit(127);
}

pid_t Spawn(std::vector<std::string> arguments, const int (&kept)[2]) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) Become(argv, kept);
  return pid;
}

}  // namespace

LocalCluster::~LocalCluster() {
  // The head last: the others tell it that they leave.
  for (auto daemon = daemons_.rbegin(); daemon != daemons_.rend(); ++daemon) {
    close(daemon->lifeline);
    while (waitpid(daemon->pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    std::error_code ignored;
    if (!daemon->folder.empty()) std::filesystem::remove_all(daemon->folder, ignored);
  }
}

absl::Status LocalCluster::Start(const Options& options) {
  for (std::uint32_t i = 0; i < options.nodes; ++i) {
    if (absl::Status status = StartDaemon(options); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::StartDaemon(const Options& options) {
  const bool is_head = daemons_.empty();
  Pipe lifeline;
  Pipe ready;
  if (!lifeline.Open() || !ready.Open()) {
    return absl::UnavailableError(absl::StrCat("no pipe can be made: ", std::strerror(errno)));
  }
  const json::array worker{options.binaries + "/mobula_cpp_worker"};
  std::vector<std::string> arguments{
      options.binaries + "/mobulad",
      is_head ? "--head" : absl::StrCat("--address=", gcs_address_),
      absl::StrCat("--cpp-worker-command=", json::serialize(worker)),
      "--dashboard-port=-1",
      absl::StrCat("--lifeline-fd=", lifeline.read),
      absl::StrCat("--ready-fd=", ready.write),
  };
  std::string folder;
  if (!options.python.empty()) {
    folder = (std::filesystem::temp_directory_path() / "mobula-cpp-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat(folder, ": ", std::strerror(errno)));
    }
    const json::array zygote{options.python, "-P", "-m", "mobula._zygote", folder};
    arguments.push_back("--session-dir=" + folder);
    arguments.push_back("--zygote-command=" + json::serialize(zygote));
  }
  if (options.cpus >= 0) arguments.push_back(absl::StrCat("--num-cpus=", options.cpus));
  const pid_t pid = Spawn(arguments, {lifeline.read, ready.write});
  close(lifeline.read);
  close(ready.write);
  if (pid < 0) {
    close(lifeline.write);
    close(ready.read);
    return absl::UnavailableError(absl::StrCat("mobulad: ", std::strerror(errno)));
  }
  daemons_.push_back({pid, lifeline.write, folder});

  const std::string text = ReadAll(ready.read);
  close(ready.read);
  boost::system::error_code error;
  const json::value facts = json::parse(text, error);
  if (error || !facts.is_object()) {
    return absl::UnavailableError(absl::StrCat(arguments[0], " ended at once"));
  }
  if (const auto* reason = facts.as_object().if_contains("error")) {
    return absl::UnavailableError(std::string(reason->as_string()));
  }
  if (!is_head) return absl::OkStatus();
  socket_name_ = std::string(facts.at("socket_name").as_string());
  gcs_address_ = std::string(facts.at("gcs_address").as_string());
  return absl::OkStatus();
}

}  // namespace mobula::api
