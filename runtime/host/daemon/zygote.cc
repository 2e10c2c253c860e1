// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/zygote.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "runtime/host/local/log_line.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {
namespace {

namespace json = boost::json;
using Descriptor = boost::asio::posix::stream_descriptor;

/// True when the packet was taken; false when the socket is full.
bool SendPacket(int socket, const std::string& packet, const std::array<int, 2>& descriptors) {
  return SendWithDescriptors(socket, packet, descriptors) >= 0 || errno != EAGAIN;
}

std::string PacketOf(const ForkRequest& request) {
  return json::serialize(json::object{{"op", "fork"},
                                      {"worker", request.worker.Hex()},
                                      {"job", request.job.Hex()},
                                      {"socket", request.socket},
                                      {"env", request.runtime_env}});
}

std::int64_t NumberIn(const json::object& packet, const char* name) {
  const json::value* const value = packet.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::string TextIn(const json::object& packet, const char* name) {
  const json::value* const value = packet.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

Zygote::Zygote(boost::asio::io_context& loop, Handlers handlers)
    : handlers_(std::move(handlers)), socket_(loop), exit_(loop) {}

Zygote::~Zygote() {
  if (!IsRunning()) return;
  // The workers, and what they started, are in its session.
  kill(-process_.pid, SIGKILL);
  waitpid(process_.pid, nullptr, 0);
}

absl::Status Zygote::Start(const std::vector<std::string>& command, const std::string& log_file) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket pair");
  }
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  fcntl(ours.Get(), F_SETFL, O_NONBLOCK);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const Fd output(open((log_file + ".out").c_str(), kFlags, 0644));
  const Fd error(open((log_file + ".err").c_str(), kFlags, 0644));
  SpawnOptions options;
  options.argv = command;
  options.environment = {{"MOBULA_ZYGOTE_FD", absl::StrCat(theirs.Get())}};
  options.output = output.Get();
  options.error = error.Get();
  options.inherited = {theirs.Get()};
  absl::StatusOr<SpawnedProcess> process = Spawn(options);
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  ready_ = false;
  socket_.assign(ours.Release());
  exit_.assign(process_.pidfd.Release());
  AwaitPacket();
  AwaitExit();
  return absl::OkStatus();
}

void Zygote::AwaitPacket() {
  socket_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr<char>(alive_)](
                                                const boost::system::error_code& error) {
    if (!error && !alive.expired() && Receive()) AwaitPacket();
  });
}

void Zygote::AwaitExit() {
  exit_.async_wait(Descriptor::wait_read, [this, alive = std::weak_ptr<char>(alive_)](
                                              const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    const std::optional<int> status = Reap(process_.pid);
    if (!status) return AwaitExit();
    // What it said last.
    (void)Receive();
    kill(-process_.pid, SIGKILL);
    process_ = {};
    socket_.close();
    exit_.close();
    queued_.clear();
    handlers_.on_dead("the zygote " + DescribeExit(*status));
  });
}

/// Until there is none; false at the end of the socket.
bool Zygote::Receive() {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t size = recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size < 0 && errno == EAGAIN;
    Obey(std::string(buffer.data(), static_cast<std::size_t>(size)));
  }
}

void Zygote::Obey(const std::string& packet) {
  boost::system::error_code error;
  const json::value parsed = json::parse(packet, error);
  if (error || !parsed.is_object()) {
    LogLine("the zygote said what is no JSON object: " + packet);
    return;
  }
  const json::object& object = parsed.as_object();
  const std::string operation = TextIn(object, "op");
  const WorkerId worker = WorkerId::FromHex(TextIn(object, "worker"));
  if (operation == "ready") {
    ready_ = true;
    SendQueued();
  } else if (operation == "forked") {
    handlers_.on_forked(worker, static_cast<pid_t>(NumberIn(object, "pid")));
  } else if (operation == "exited") {
    handlers_.on_exited(worker, static_cast<int>(NumberIn(object, "status")));
  }
}

void Zygote::Fork(ForkRequest request) {
  queued_.push_back(std::move(request));
  SendQueued();
}

void Zygote::SendQueued() {
  while (ready_ && !waits_writable_ && !queued_.empty()) {
    const ForkRequest& request = queued_.front();
    if (SendPacket(socket_.native_handle(), PacketOf(request),
                   {request.output.Get(), request.error.Get()})) {
      queued_.pop_front();
      continue;
    }
    waits_writable_ = true;
    socket_.async_wait(Descriptor::wait_write, [this, alive = std::weak_ptr<char>(alive_)](
                                                   const boost::system::error_code& error) {
      if (alive.expired()) return;
      waits_writable_ = false;
      if (!error) SendQueued();
    });
  }
}

}  // namespace mobula::host
