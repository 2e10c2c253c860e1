// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/redis_log.h"

#include <hiredis/hiredis.h>
#include <sys/random.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/local/log_line.h"
#include "runtime/host/storage/log_frame.h"
#include "runtime/wire/log_codec.h"

namespace mobula::host {
namespace {

constexpr char kScheme[] = "redis://";
constexpr char kPasswordVariable[] = "MOBULA_REDIS_PASSWORD";
constexpr timeval kTimeout{.tv_sec = 2, .tv_usec = 0};

// KEYS: log, owner. ARGV: this daemon, frames it knows of, the new frame. A frame more than that is
// of an attempt whose answer was lost: nobody else writes.
constexpr char kAppend[] = R"(
local owner = redis.call('GET', KEYS[2])
if not owner then return redis.error_reply('LOST the log') end
if owner ~= ARGV[1] then return redis.error_reply('TAKEN by another') end
local count = redis.call('LLEN', KEYS[1])
local known = tonumber(ARGV[2])
if count == known then redis.call('RPUSH', KEYS[1], ARGV[3])
elseif count == known + 1 then redis.call('LSET', KEYS[1], -1, ARGV[3])
else return redis.error_reply('LOST the log') end
return known + 1
)";

// KEYS: log, owner. ARGV: this daemon, the only frame from now on. With an owner that is gone, it
// becomes the owner again.
constexpr char kReplace[] = R"(
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return redis.error_reply('TAKEN by another') end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
return redis.call('RPUSH', KEYS[1], ARGV[2])
)";

absl::Status WrongUrl(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--storage is wrong: ", why,
      "; expected a folder, or redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME]"));
}

std::string FreshName() {
  std::string bytes(16, '\0');
  CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return absl::BytesToHexString(bytes);
}

std::string TextOf(const redisReply& reply) { return {reply.str, reply.len}; }

/// Cuts off what follows the last or first `separator`; empty when there is none.
std::string CutTail(std::string& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string::npos) return "";
  std::string tail = text.substr(at + 1);
  text.resize(at);
  return tail;
}

}  // namespace

bool IsRedisUrl(const std::string& place) {
  return place.starts_with(kScheme) || place.starts_with("rediss://");
}

absl::StatusOr<RedisPlace> RedisPlace::Parse(const std::string& url) {
  if (!url.starts_with(kScheme)) {
    return WrongUrl(
        "Debian's hiredis has no TLS; reach a distant Redis through a tunnel (stunnel, ssh -L)");
  }
  RedisPlace place;
  std::string rest = url.substr(sizeof(kScheme) - 1);
  if (const std::size_t at = rest.rfind('@'); at != std::string::npos) {
    place.user = rest.substr(0, at);
    place.password = CutTail(place.user, ':');
    rest = rest.substr(at + 1);
  }
  const std::string query = CutTail(rest, '?');
  if (!query.empty()) {
    if (!query.starts_with("prefix=") || query.size() == 7) return WrongUrl("what follows the ?");
    place.prefix = query.substr(7);
  }
  const std::string database = CutTail(rest, '/');
  if (!database.empty() && (!absl::SimpleAtoi(database, &place.database) || place.database < 0)) {
    return WrongUrl(absl::StrCat("the database ", database, " is no number"));
  }
  const bool has_port = rest.find(':') != std::string::npos;
  std::uint32_t port = 0;
  if (const std::string text = CutTail(rest, ':'); has_port) {
    if (!absl::SimpleAtoi(text, &port) || port == 0 || port > 65535) {
      return WrongUrl(absl::StrCat("the port ", text, " is none"));
    }
    place.port = static_cast<std::uint16_t>(port);
  }
  if (rest.empty()) return WrongUrl("there is no host in it");
  place.host = rest;
  const char* const given = std::getenv(kPasswordVariable);
  if (place.password.empty() && given != nullptr) place.password = given;
  // Children of the daemon need not see it.
  unsetenv(kPasswordVariable);
  return place;
}

void RedisLog::Free::operator()(redisContext* context) const { redisFree(context); }
void RedisLog::Free::operator()(redisReply* reply) const { freeReplyObject(reply); }
RedisLog::~RedisLog() = default;

absl::StatusOr<std::unique_ptr<RedisLog>> RedisLog::Open(const std::string& url) {
  absl::StatusOr<RedisPlace> place = RedisPlace::Parse(url);
  if (!place.ok()) return place.status();
  std::unique_ptr<RedisLog> log(new RedisLog(*std::move(place)));
  log->self_ = FreshName();
  if (absl::Status status = log->TakeOver(); !status.ok()) return status;
  log->WarnIfNothingIsKept();
  return log;
}

std::string RedisLog::Where() const {
  return absl::StrCat("the Redis of --storage at ", place_.host, ":", place_.port);
}

absl::Status RedisLog::Error(const std::string& words) const {
  const std::string where = Where();
  if (absl::StrContains(words, "TAKEN by another")) {
    return absl::AbortedError(absl::StrCat(
        "another daemon has taken over the log in ", where, " (", LogKey(),
        "); only the last that was started with it may write. End one of the two, or give this "
        "cluster another name with ?prefix="));
  }
  if (absl::StartsWith(words, "NOAUTH") || absl::StartsWith(words, "WRONGPASS") ||
      absl::StrContains(words, "invalid password") ||
      absl::StrContains(words, "without any password")) {
    return absl::PermissionDeniedError(absl::StrCat(where, " refuses the password (", words,
                                                    "); set ", kPasswordVariable,
                                                    ", or put it into the URL"));
  }
  return absl::UnavailableError(absl::StrCat(where, " refuses: ", words));
}

absl::Status RedisLog::Connect() {
  context_.reset(redisConnectWithTimeout(place_.host.c_str(), place_.port, kTimeout));
  if (!context_ || context_->err != 0) {
    const std::string reason = context_ ? context_->errstr : "no memory";
    context_.reset();
    return absl::UnavailableError(
        absl::StrCat("cannot reach ", Where(), ": ", reason, "; start it, or correct --storage"));
  }
  redisSetTimeout(context_.get(), kTimeout);
  redisEnableKeepAlive(context_.get());
  std::vector<std::vector<std::string>> greetings;
  if (!place_.password.empty()) {
    greetings.push_back(place_.user.empty()
                            ? std::vector<std::string>{"AUTH", place_.password}
                            : std::vector<std::string>{"AUTH", place_.user, place_.password});
  }
  if (place_.database != 0) greetings.push_back({"SELECT", absl::StrCat(place_.database)});
  for (const std::vector<std::string>& words : greetings) {
    const absl::StatusOr<Reply> reply = AskOnce(words);
    if (!reply.ok()) return reply.status();
    if ((*reply)->type == REDIS_REPLY_ERROR) {
      context_.reset();
      return Error(TextOf(**reply));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisLog::Reply> RedisLog::AskOnce(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  Reply reply(static_cast<redisReply*>(redisCommandArgv(
      context_.get(), static_cast<int>(words.size()), texts.data(), lengths.data())));
  if (reply) return reply;
  const std::string reason = context_->errstr;
  context_.reset();
  return absl::UnavailableError(absl::StrCat("the connection to ", Where(), " broke: ", reason));
}

absl::StatusOr<RedisLog::Reply> RedisLog::Ask(const std::vector<std::string>& words) {
  if (context_) {
    absl::StatusOr<Reply> reply = AskOnce(words);
    if (reply.ok()) return reply;
    // The connection was an old one that has broken meanwhile.
  }
  if (absl::Status status = Connect(); !status.ok()) return status;
  return AskOnce(words);
}

absl::Status RedisLog::TakeOver() {
  const absl::StatusOr<Reply> reply = Ask({"SET", OwnerKey(), self_});
  if (!reply.ok()) return reply.status();
  if ((*reply)->type == REDIS_REPLY_ERROR) return Error(TextOf(**reply));
  return absl::OkStatus();
}

void RedisLog::WarnIfNothingIsKept() {
  const absl::StatusOr<Reply> reply = Ask({"CONFIG", "GET", "appendonly"});
  // Who may not ask is not told.
  if (!reply.ok() || (*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != 2) return;
  if (TextOf(*(*reply)->element[1]) == "yes") return;
  LogLine(Where() +
          " has appendonly off: if it ends while this daemon does not run, the cluster is lost; "
          "set appendonly and, for every acknowledged change, appendfsync always");
}

absl::StatusOr<gcs::Rows> RedisLog::Read() {
  const absl::StatusOr<Reply> reply = Ask({"LRANGE", LogKey(), "0", "-1"});
  if (!reply.ok()) return reply.status();
  if ((*reply)->type != REDIS_REPLY_ARRAY) {
    return absl::DataLossError(absl::StrCat(LogKey(), " in ", Where(),
                                            " is not a log of mobula; choose another ?prefix="));
  }
  gcs::Rows rows;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < (*reply)->elements; ++i) {
    const redisReply& element = *(*reply)->element[i];
    const std::string_view frame(element.str, element.len);
    const std::optional<std::string_view> content = LogFrameAt(frame, 0);
    const bool is_whole = content && content->size() + kLogFrameHeaderBytes == frame.size();
    const absl::StatusOr<gcs::WriteLog> write = wire::DecodeWriteLog(is_whole ? *content : "");
    if (!is_whole || !write.ok()) {
      return absl::DataLossError(absl::StrCat(
          "the log in ", Where(), " is damaged at element ", i, " of ", LogKey(),
          "; restore it, remove it to begin with an empty cluster, or choose another ?prefix="));
    }
    for (const gcs::LogRecord& record : write->records) rows.Apply(record);
    bytes += frame.size();
  }
  frames_ = (*reply)->elements;
  bytes_ = bytes;
  rows_ = rows;
  was_read_ = true;
  return rows;
}

absl::Status RedisLog::Append(const gcs::WriteLog& write) {
  // Or a log that is not known yet would pass for a lost one.
  CHECK(was_read_) << "the log is written before it was read";
  const std::string frame = LogFrame(write);
  absl::StatusOr<bool> written = AppendFrame(frame);
  if (written.ok() && !*written) {
    LogLine(Where() + " came back without the log; writing it anew");
    if (absl::Status status = Rewrite(); !status.ok()) return status;
    written = AppendFrame(frame);
  }
  if (!written.ok()) return written.status();
  if (!*written) return Error("the log is lost again and again");
  ++frames_;
  bytes_ += frame.size();
  for (const gcs::LogRecord& record : write.records) rows_.Apply(record);
  if (bytes_ < rewrite_at_) return absl::OkStatus();
  // The write is safe; a log that cannot be made shorter will do.
  const bool rewritten = Rewrite().ok();
  rewrite_at_ = rewritten ? std::max(rewrite_at_, 2 * bytes_) : 2 * bytes_;
  return absl::OkStatus();
}

absl::StatusOr<bool> RedisLog::AppendFrame(const std::string& frame) {
  const absl::StatusOr<Reply> reply =
      Ask({"EVAL", kAppend, "2", LogKey(), OwnerKey(), self_, absl::StrCat(frames_), frame});
  if (!reply.ok()) return reply.status();
  if ((*reply)->type != REDIS_REPLY_ERROR) return true;
  const std::string text = TextOf(**reply);
  if (absl::StrContains(text, "LOST the log")) return false;
  return Error(text);
}

absl::Status RedisLog::Rewrite() {
  const std::string frame = LogFrame({0, rows_.Records()});
  const absl::StatusOr<Reply> reply =
      Ask({"EVAL", kReplace, "2", LogKey(), OwnerKey(), self_, frame});
  if (!reply.ok()) return reply.status();
  if ((*reply)->type == REDIS_REPLY_ERROR) return Error(TextOf(**reply));
  frames_ = 1;
  bytes_ = frame.size();
  return absl::OkStatus();
}

}  // namespace mobula::host
