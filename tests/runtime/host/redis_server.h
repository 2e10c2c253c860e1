// SPDX-License-Identifier: Apache-2.0
/// A real Redis server for tests.
#pragma once

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/daemon/spawn.h"
#include "tests/temporary_folder.h"

namespace mobula::host {

/// It keeps every acknowledged write on disk, unless told otherwise, and can be killed and started
/// again on the same port.
class RedisServer {
 public:
  explicit RedisServer(std::string password = "", bool keeps = true)
      : password_(std::move(password)), keeps_(keeps), port_(FreePort()) {
    // Debian's redis-tools holds the whole server, under another name: the package redis-server
    // only adds a service, which nobody wants on a machine that runs tests.
    std::filesystem::create_symlink("/usr/bin/redis-check-rdb", Program());
    Start();
  }
  ~RedisServer() { Kill(); }

  void Start() {
    SpawnOptions options;
    options.argv = {
        Program(), "--port", absl::StrCat(port_), "--bind",    "127.0.0.1",        "--save",
        "",        "--dir",  folder_.Path(),      "--logfile", folder_.File("log")};
    if (keeps_) {
      options.argv.insert(options.argv.end(), {"--appendonly", "yes", "--appendfsync", "always"});
    }
    if (!password_.empty()) {
      options.argv.insert(options.argv.end(), {"--requirepass", password_});
    }
    absl::StatusOr<SpawnedProcess> process = Spawn(options);
    CHECK(process.ok()) << process.status();
    process_ = *std::move(process);
    for (int i = 0; i < 500; ++i) {
      if (Ask({"PING"}) == "PONG") return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(false) << "the Redis server does not start";
  }
  void Kill() {
    if (process_.pid == 0) return;
    kill(process_.pid, SIGKILL);
    waitpid(process_.pid, nullptr, 0);
    process_.pid = 0;
  }

  [[nodiscard]] std::string Url(const std::string& rest = "") const {
    const std::string login = password_.empty() ? "" : absl::StrCat(":", password_, "@");
    return absl::StrCat("redis://", login, "127.0.0.1:", port_, rest);
  }
  [[nodiscard]] int Port() const { return port_; }

  /// The answer as text; an error or no answer as well.
  std::string Ask(const std::vector<std::string>& words) const {
    redisContext* const context = redisConnect("127.0.0.1", port_);
    std::string answer;
    if (context != nullptr && context->err == 0) {
      if (!password_.empty()) AskOn(context, {"AUTH", password_});
      answer = AskOn(context, words);
    }
    if (context != nullptr) redisFree(context);
    return answer;
  }

 private:
  [[nodiscard]] std::string Program() const { return folder_.File("redis-server"); }

  static std::string AskOn(redisContext* context, const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      lengths.push_back(word.size());
    }
    auto* const reply = static_cast<redisReply*>(
        redisCommandArgv(context, static_cast<int>(words.size()), texts.data(), lengths.data()));
    if (reply == nullptr) return context->errstr;
    const bool is_number = reply->type == REDIS_REPLY_INTEGER;
    std::string answer = is_number               ? absl::StrCat(reply->integer)
                         : reply->str != nullptr ? std::string(reply->str, reply->len)
                                                 : "";
    freeReplyObject(reply);
    return answer;
  }

  static int FreePort() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    CHECK(bind(socket.Get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(getsockname(socket.Get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
  }

  const TemporaryFolder folder_;
  const std::string password_;
  const bool keeps_;
  const int port_;
  SpawnedProcess process_;
};

}  // namespace mobula::host
