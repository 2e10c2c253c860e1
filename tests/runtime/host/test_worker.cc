// SPDX-License-Identifier: Apache-2.0
// The programs that the cluster test starts: a worker with a few functions, a zygote that forks
// such workers, and a driver to be killed.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <boost/json.hpp>
#include <csignal>
#include <cstring>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/process/worker_main.h"
#include "tests/runtime/host/test_cluster.h"

namespace mobula::host {
namespace {

std::string Run(worker::Process& process, const worker::RunTask& task) {
  std::string argument(task.arguments.at(0).value.data.View());
  if (const auto& stored = task.arguments.at(0).stored) {
    argument.assign(reinterpret_cast<const char*>(process.StoreAt(stored->offset, stored->size)),
                    stored->size);
    process.Post(worker::BufferReleased{task.arguments.at(0).object});
  }
  const std::string& function = task.spec.header->function.name;
  if (function == "echo") return argument;
  if (function == "pid") return std::to_string(getpid());
  if (function == "length") return std::to_string(argument.size());
  if (function == "repeat") return std::string(std::stoul(argument), 'x');
  if (function == "die") raise(SIGKILL);
  if (function == "print") std::cout << argument << std::endl;
  if (function == "sleep") {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoul(argument)));
  }
  return "";
}

void AtStart(worker::Process& /*process*/) {}

void Handle(worker::Process& process, const worker::RunTask& task) {
  const std::string value = Run(process, task);
  TaskResult result;
  result.object = task.spec.Return(0);
  if (value.size() <= Payload::kInlineLimit) {
    result.value.data = Bytes(value);
  } else {
    const worker::RequestId request = process.NextRequest();
    const ObjectRef reference{result.object, task.spec.header->owner};
    process.Post(worker::BufferRequested{request, reference, value.size()});
    const auto created = std::get<worker::FulfilCreate>(process.Await(request));
    CHECK(created.error.Ok()) << ToString(created.error);
    std::memcpy(process.StoreAt(created.offset, value.size()), value.data(), value.size());
    result.in_store = true;
    result.size = value.size();
  }
  worker::TaskExecuted executed;
  executed.task = task.spec.task;
  executed.attempt = task.spec.attempt;
  executed.results = {result};
  process.Post(executed);
}

// ---- The zygote

struct Packet {
  boost::json::object content;
  Fd output;
  Fd error;
};

std::optional<Packet> Receive(int socket) {
  std::array<char, 4096> buffer;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) return std::nullopt;
  std::array<int, 2> descriptors{-1, -1};
  std::memcpy(descriptors.data(), CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(descriptors));
  const std::string text(buffer.data(), static_cast<std::size_t>(size));
  return Packet{boost::json::parse(text).as_object(), Fd(descriptors[0]), Fd(descriptors[1])};
}

void Say(int socket, const boost::json::object& content) {
  const std::string text = boost::json::serialize(content);
  CHECK(send(socket, text.data(), text.size(), MSG_NOSIGNAL) > 0);
}

[[noreturn]] void BecomeWorker(const Packet& packet) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(packet.output.Get(), STDOUT_FILENO);
  dup2(packet.error.Get(), STDERR_FILENO);
  std::string socket = "--socket=" + std::string(packet.content.at("socket").as_string());
  std::string worker = "--worker=" + std::string(packet.content.at("worker").as_string());
  std::array<char*, 4> argv{const_cast<char*>("worker"), socket.data(), worker.data(), nullptr};
  _exit(RunWorkerProcess(3, argv.data(), AtStart, Handle));
}

void Reap(int socket, const std::map<pid_t, std::string>& workers) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    Say(socket, {{"op", "exited"}, {"worker", workers.at(pid)}, {"pid", pid}, {"status", status}});
  }
}

int RunZygote(int socket) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  // Without SA_RESTART: the end of a child interrupts the wait for packets.
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGCHLD, &action, nullptr);
  std::map<pid_t, std::string> workers;
  Say(socket, {{"op", "ready"}});
  while (true) {
    std::optional<Packet> packet = Receive(socket);
    if (!packet && errno == EINTR) {
      Reap(socket, workers);
      continue;
    }
    if (!packet) return 0;
    const pid_t pid = fork();
    if (pid == 0) BecomeWorker(*packet);
    workers[pid] = packet->content.at("worker").as_string();
    Say(socket, {{"op", "forked"}, {"worker", workers[pid]}, {"pid", pid}});
  }
}

/// A driver with a cluster of its own; prints the pids of daemon and worker and waits to be killed.
int RunDriver() {
  const DaemonProcess daemon({"--head", "--num-cpus=1"});
  TestDriver driver(daemon.Text("socket_name"));
  std::cout << absl::StrCat(daemon.Pid(), " ", driver.Call("pid", ""), "\n") << std::flush;
  pause();
  return 0;
}

}  // namespace
}  // namespace mobula::host

int main(int argc, char** argv) {
  using namespace mobula::host;
  if (argc == 2 && std::string_view(argv[1]) == "--driver") return RunDriver();
  if (const char* const zygote = getenv("MOBULA_ZYGOTE_FD")) return RunZygote(std::stoi(zygote));
  return RunWorkerProcess(argc, argv, AtStart, Handle);
}
