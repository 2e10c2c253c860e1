// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/host/storage/log_file.h"

namespace mobula::host {

/// The log of a GCS, written by a thread of its own. Called in the thread of the loop, and calls
/// back there.
class GcsStorage {
 public:
  /// Errors as of LogFile::Open.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GcsStorage>> Open(
      boost::asio::io_context& loop, const std::string& folder);
  /// Waits for the write under way.
  ~GcsStorage();

  /// What the log holds, after all writes that were asked for. Waits for the disk.
  [[nodiscard]] absl::StatusOr<gcs::LogRecords> Read();
  /// `done` is called in the loop.
  void Write(gcs::WriteLog write, std::function<void(absl::Status)> done);

 private:
  GcsStorage(boost::asio::io_context& loop, LogFile file) : loop_(loop), file_(std::move(file)) {}

  boost::asio::io_context& loop_;
  /// Of the thread.
  LogFile file_;
  boost::asio::thread_pool thread_{1};
};

}  // namespace mobula::host
