// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/host/storage/disk_faults.h"
#include "runtime/host/storage/gcs_log.h"

namespace mobula::host {

/// The log of a GCS, written by a thread of its own. Called in the thread of the loop, and calls
/// back there.
class GcsStorage {
 public:
  /// `place` is a folder, or redis://...; errors as of LogFile::Open and RedisLog::Open.
  /// `faults` must outlive it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GcsStorage>> Open(
      boost::asio::io_context& loop, const std::string& place, const DiskFaults& faults);
  /// Waits for the write under way.
  ~GcsStorage();

  /// What the log holds, after all writes that were asked for. Waits for it.
  [[nodiscard]] absl::StatusOr<gcs::LogRecords> Read();
  /// `done` is called in the loop.
  void Write(gcs::WriteLog write, std::function<void(absl::Status)> done);

 private:
  GcsStorage(boost::asio::io_context& loop, std::unique_ptr<GcsLog> log, const DiskFaults& faults)
      : loop_(loop), faults_(faults), log_(std::move(log)) {}
  [[nodiscard]] absl::Status Append(const gcs::WriteLog& write);

  boost::asio::io_context& loop_;
  const DiskFaults& faults_;
  /// Of the thread.
  std::unique_ptr<GcsLog> log_;
  boost::asio::thread_pool thread_{1};
};

}  // namespace mobula::host
