// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/host/storage/log_frame.h"
#include "runtime/wire/log_codec.h"

namespace mobula::host {
namespace {

constexpr std::string_view kMagic = "MOBGCS1\n";

absl::Status Failed(const std::string& what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

absl::StatusOr<std::string> ReadAll(int file, const std::string& path) {
  struct stat about{};
  if (fstat(file, &about) != 0) return Failed("read", path);
  std::string content(static_cast<std::size_t>(about.st_size), '\0');
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t count =
        pread(file, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Failed("read", path);
    done += static_cast<std::size_t>(count);
  }
  return content;
}

absl::Status WriteAt(int file, std::uint64_t offset, std::string_view bytes,
                     const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("write to", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  if (fdatasync(file) != 0) return Failed("sync", path);
  return absl::OkStatus();
}

/// Gives the content of each whole frame to `take`, in order; returns where the last one ends.
absl::StatusOr<std::size_t> ForEachFrame(
    std::string_view log, const std::function<absl::Status(std::string_view)>& take) {
  std::size_t offset = kMagic.size();
  while (const std::optional<std::string_view> content = LogFrameAt(log, offset)) {
    if (absl::Status status = take(*content); !status.ok()) return status;
    offset += kLogFrameHeaderBytes + content->size();
  }
  return offset;
}

}  // namespace

absl::StatusOr<LogFile> LogFile::Open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot make ", folder, ": ", error.message(), "; pass another --storage"));
  }
  LogFile log(folder);
  if (absl::Status status = log.Lock(); !status.ok()) return status;
  log.file_ = Fd(open(log.Path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!log.file_.IsOpen()) return Failed("open", log.Path());
  if (absl::Status status = log.CutTail(); !status.ok()) return status;
  return log;
}

absl::Status LogFile::Lock() {
  const std::string path = folder_ + "/lock";
  lock_ = Fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_.IsOpen()) return Failed("open", path);
  if (flock(lock_.Get(), LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(folder_, " is in use by another daemon; end that, or pass another --storage"));
}

absl::Status LogFile::Begin() {
  // What a crash left of the very first write is overwritten.
  if (ftruncate(file_.Get(), 0) != 0) return Failed("write to", Path());
  if (absl::Status status = WriteAt(file_.Get(), 0, kMagic, Path()); !status.ok()) return status;
  end_ = kMagic.size();
  return SyncName();
}

absl::Status LogFile::SyncName() {
  const Fd folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.IsOpen() || fsync(folder.Get()) != 0) return Failed("sync", folder_);
  name_synced_ = true;
  return absl::OkStatus();
}

absl::Status LogFile::CutTail() {
  const absl::StatusOr<std::string> content = ReadAll(file_.Get(), Path());
  if (!content.ok()) return content.status();
  const std::string_view log = *content;
  if (log.size() < kMagic.size() && kMagic.starts_with(log)) return Begin();
  if (!log.starts_with(kMagic)) {
    return absl::DataLossError(absl::StrCat(
        Path(),
        " is not a log of this version of mobula, or its first bytes are damaged; restore "
        "it, or remove it to begin with an empty cluster"));
  }
  const absl::StatusOr<std::size_t> end =
      ForEachFrame(log, [](std::string_view) { return absl::OkStatus(); });
  end_ = *end;
  if (end_ == log.size()) return absl::OkStatus();
  // Writes follow each other, so only the last can be torn.
  for (std::size_t later = end_ + 1; later < log.size(); ++later) {
    if (!LogFrameAt(log, later)) continue;
    return absl::DataLossError(absl::StrCat(Path(), " is damaged at byte ", end_,
                                            ": a write that was acknowledged cannot be read, and "
                                            "whole ones follow at byte ",
                                            later,
                                            "; restore the file, or remove it to begin with an "
                                            "empty cluster"));
  }
  cut_off_ = absl::StrCat("cut ", log.size() - end_, " bytes off the end of ", Path(),
                          ": what a crash left of a write");
  if (ftruncate(file_.Get(), static_cast<off_t>(end_)) != 0) return Failed("cut", Path());
  if (fdatasync(file_.Get()) != 0) return Failed("sync", Path());
  return absl::OkStatus();
}

absl::StatusOr<gcs::Rows> LogFile::Read() {
  absl::StatusOr<std::string> content = ReadAll(file_.Get(), Path());
  if (!content.ok()) return content.status();
  gcs::Rows rows;
  const auto apply = [&](std::string_view frame) -> absl::Status {
    const absl::StatusOr<gcs::WriteLog> write = wire::DecodeWriteLog(frame);
    if (!write.ok()) {
      return absl::DataLossError(absl::StrCat(Path(), " cannot be read: ", write.status().message(),
                                              "; was it written by another version of mobula?"));
    }
    for (const gcs::LogRecord& record : write->records) rows.Apply(record);
    return absl::OkStatus();
  };
  const absl::StatusOr<std::size_t> end =
      ForEachFrame(std::string_view(*content).substr(0, end_), apply);
  if (!end.ok()) return end.status();
  return rows;
}

absl::Status LogFile::Append(const gcs::WriteLog& write) {
  if (!name_synced_) {
    if (absl::Status status = SyncName(); !status.ok()) return status;
  }
  const std::string frame = LogFrame(write);
  if (absl::Status status = WriteAt(file_.Get(), end_, frame, Path()); !status.ok()) {
    // A rest that stayed would be overwritten by the next attempt, but a reader must not see it.
    [[maybe_unused]] const int ignored = ftruncate(file_.Get(), static_cast<off_t>(end_));
    return status;
  }
  end_ += frame.size();
  if (end_ < rewrite_at_) return absl::OkStatus();
  // The write is safe; if there is no room for a shorter log, the long one will do.
  if (!Rewrite().ok()) rewrite_at_ = 2 * end_;
  return absl::OkStatus();
}

absl::Status LogFile::Rewrite() {
  const absl::StatusOr<gcs::Rows> rows = Read();
  if (!rows.ok()) return rows.status();
  const std::string path = folder_ + "/gcs.log.new";
  Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.IsOpen()) return Failed("open", path);
  const std::string content = std::string(kMagic) + LogFrame({0, rows->Records()});
  if (absl::Status status = WriteAt(file.Get(), 0, content, path); !status.ok()) return status;
  if (rename(path.c_str(), Path().c_str()) != 0) return Failed("rename", path);
  // From here on the new file is the log. Until its name is on disk a crash leaves the old one,
  // which comes to the same, as long as nothing is added.
  name_synced_ = false;
  file_ = std::move(file);
  end_ = content.size();
  rewrite_at_ = std::max(rewrite_at_, 2 * end_);
  return SyncName();
}

}  // namespace mobula::host
