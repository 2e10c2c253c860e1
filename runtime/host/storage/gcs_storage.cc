// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/gcs_storage.h"

#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "runtime/host/local/log_line.h"
#include "runtime/host/storage/log_file.h"
#include "runtime/host/storage/redis_log.h"

namespace mobula::host {

namespace {

absl::StatusOr<std::unique_ptr<GcsLog>> OpenLog(const std::string& place) {
  if (IsRedisUrl(place)) return RedisLog::Open(place);
  absl::StatusOr<LogFile> file = LogFile::Open(place);
  if (!file.ok()) return file.status();
  if (!file->CutOff().empty()) LogLine(file->CutOff());
  return std::make_unique<LogFile>(*std::move(file));
}

}  // namespace

absl::StatusOr<std::unique_ptr<GcsStorage>> GcsStorage::Open(boost::asio::io_context& loop,
                                                             const std::string& place,
                                                             const DiskFaults& faults) {
  absl::StatusOr<std::unique_ptr<GcsLog>> log = OpenLog(place);
  if (!log.ok()) return log.status();
  return std::unique_ptr<GcsStorage>(new GcsStorage(loop, *std::move(log), faults));
}

GcsStorage::~GcsStorage() { thread_.join(); }

absl::StatusOr<gcs::LogRecords> GcsStorage::Read() {
  std::promise<absl::StatusOr<gcs::Rows>> promise;
  boost::asio::post(thread_, [&] { promise.set_value(log_->Read()); });
  const absl::StatusOr<gcs::Rows> rows = promise.get_future().get();
  if (!rows.ok()) return rows.status();
  return rows->Records();
}

void GcsStorage::Write(gcs::WriteLog write, std::function<void(absl::Status)> done) {
  boost::asio::post(thread_, [this, write = std::move(write), done = std::move(done)] {
    boost::asio::post(loop_, [done, status = Append(write)] { done(status); });
  });
}

absl::Status GcsStorage::Append(const gcs::WriteLog& write) {
  const absl::Status status = faults_.BeforeWrite(faults::DiskFiles::kGcsLog);
  return status.ok() ? log_->Append(write) : status;
}

}  // namespace mobula::host
