// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/spill_folder.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace mobula::host {
namespace {

absl::Status Errno(int number) {
  return {absl::ErrnoToStatusCode(number), std::generic_category().message(number)};
}

absl::Status WriteAt(int file, std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Fd> SpillFolder::NewFile() const {
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  Fd file(open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.IsOpen()) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) return Errno(errno);
  // A file system without O_TMPFILE.
  std::string name = folder_ + "/spilled-XXXXXX";
  file = Fd(mkostemp(name.data(), O_CLOEXEC));
  if (!file.IsOpen()) return Errno(errno);
  if (unlink(name.c_str()) != 0) return Errno(errno);
  return file;
}

absl::Status SpillFolder::Write(std::uint64_t file,
                                const std::vector<std::span<const std::byte>>& parts) {
  absl::StatusOr<Fd> made = NewFile();
  if (!made.ok()) return made.status();
  std::uint64_t offset = 0;
  for (const std::span<const std::byte> part : parts) {
    if (absl::Status status = WriteAt(made->Get(), offset, part); !status.ok()) return status;
    offset += part.size();
  }
  files_[file] = *std::move(made);
  return absl::OkStatus();
}

absl::Status SpillFolder::Read(std::uint64_t file, std::uint64_t offset,
                               std::span<std::byte> target) {
  const auto found = files_.find(file);
  // A chunk of an object that has been freed meanwhile.
  if (found == files_.end()) return Errno(ENOENT);
  while (!target.empty()) {
    const ssize_t count =
        pread(found->second.Get(), target.data(), target.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(errno);
    if (count == 0) return absl::DataLossError("what was written is not there");
    target = target.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace mobula::host
