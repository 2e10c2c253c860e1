// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/gcs/gcs.h"
#include "runtime/host/local/fd.h"
#include "runtime/host/storage/gcs_log.h"

namespace mobula::host {

/// The log of a GCS in one folder; the README states its format.
class LogFile final : public GcsLog {
 public:
  /// Opens the log in `folder`, or begins one; makes the folder. Cuts off what a crash left of a
  /// write. Unavailable: another daemon has it; DataLoss: acknowledged writes are damaged, with the
  /// place and what to do.
  [[nodiscard]] static absl::StatusOr<LogFile> Open(const std::string& folder);

  [[nodiscard]] absl::StatusOr<gcs::Rows> Read() override;
  /// After an error it is not in the log.
  [[nodiscard]] absl::Status Append(const gcs::WriteLog& write) override;
  /// For people: what Open has cut off; empty when that was nothing.
  [[nodiscard]] const std::string& CutOff() const { return cut_off_; }
  [[nodiscard]] std::uint64_t Bytes() const { return end_; }
  /// The log is rewritten when it is longer than this, and than twice its last rewriting.
  void SetRewriteAt(std::uint64_t bytes) { rewrite_at_ = bytes; }

 private:
  explicit LogFile(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::string Path() const { return folder_ + "/gcs.log"; }
  absl::Status Lock();
  absl::Status Begin();
  absl::Status CutTail();
  absl::Status Rewrite();
  absl::Status SyncName();

  std::string folder_;
  Fd lock_;
  Fd file_;
  /// Of the last whole frame. What lies behind it is of a write that failed.
  std::uint64_t end_ = 0;
  std::uint64_t rewrite_at_ = 1u << 20;
  /// The file has its name on disk; until then a crash would bring its predecessor back.
  bool name_synced_ = false;
  std::string cut_off_;
};

}  // namespace mobula::host
