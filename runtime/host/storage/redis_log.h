// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/host/storage/gcs_log.h"

struct redisContext;
struct redisReply;

namespace mobula::host {

/// Whether --storage means Redis; a scheme that is not supported does, too.
[[nodiscard]] bool IsRedisUrl(const std::string& place);

/// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME]. Without a password the one in
/// MOBULA_REDIS_PASSWORD is taken, which does not show in lists of processes.
struct RedisPlace {
  std::string user;
  std::string password;
  std::string host;
  std::uint16_t port = 6379;
  int database = 0;
  /// Of the keys: clusters that share a database have different ones.
  std::string prefix = "mobula";

  [[nodiscard]] static absl::StatusOr<RedisPlace> Parse(const std::string& url);
};

/// The log of a GCS in a Redis server: a list with a frame for each write, and beside it who may
/// write. Whoever opened it last does: a daemon that another has replaced can't write any more,
/// even if it does not know. A connection that drops is made again; a server that comes back
/// without the log, because it keeps nothing on disk, gets it again from what was written last.
class RedisLog final : public GcsLog {
 public:
  /// InvalidArgument: the URL is wrong; Unavailable: nobody answers; PermissionDenied: the password
  /// is wrong.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RedisLog>> Open(const std::string& url);
  ~RedisLog() override;

  [[nodiscard]] absl::StatusOr<gcs::Rows> Read() override;
  /// After an error it may be in the log or not; the next attempt takes its place. REQUIRES: the
  /// log was read.
  [[nodiscard]] absl::Status Append(const gcs::WriteLog& write) override;

  /// The log is rewritten when it is longer than this, and than twice its last rewriting.
  void SetRewriteAt(std::uint64_t bytes) { rewrite_at_ = bytes; }

 private:
  struct Free {
    void operator()(redisContext* context) const;
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, Free>;

  explicit RedisLog(RedisPlace place) : place_(std::move(place)) {}

  absl::Status Connect();
  /// Once more over a new connection, if the old one turns out to be dead.
  absl::StatusOr<Reply> Ask(const std::vector<std::string>& words);
  absl::StatusOr<Reply> AskOnce(const std::vector<std::string>& words);
  absl::Status TakeOver();
  void WarnIfNothingIsKept();
  /// False when the server does not have the log any more.
  absl::StatusOr<bool> AppendFrame(const std::string& frame);
  /// The whole log becomes one frame that comes to the same.
  absl::Status Rewrite();
  [[nodiscard]] absl::Status Error(const std::string& text) const;
  [[nodiscard]] std::string Where() const;
  [[nodiscard]] std::string LogKey() const { return place_.prefix + ":gcs:log"; }
  [[nodiscard]] std::string OwnerKey() const { return place_.prefix + ":gcs:owner"; }

  RedisPlace place_;
  std::unique_ptr<redisContext, Free> context_;
  /// What this daemon calls itself in the owner's key.
  std::string self_;
  /// Frames in the log, and what they come to.
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  gcs::Rows rows_;
  bool was_read_ = false;
  std::uint64_t rewrite_at_ = 1u << 20;
};

}  // namespace mobula::host
