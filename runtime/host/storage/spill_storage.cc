// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/spill_storage.h"

#include <fcntl.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::host {
namespace {

constexpr auto kFiles = faults::DiskFiles::kSpill;

/// The status with what was tried before it.
absl::Status Failed(const std::string& what, const absl::Status& status) {
  return {status.code(), absl::StrCat("cannot ", what, ": ", status.message())};
}

absl::Status Errno(int number) {
  return {absl::ErrnoToStatusCode(number), std::generic_category().message(number)};
}

absl::Status WriteAt(int file, std::uint64_t offset, const std::byte* begin, std::uint64_t size) {
  while (size > 0) {
    const ssize_t count = pwrite(file, begin, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(errno);
    begin += count;
    size -= static_cast<std::uint64_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace

SpillStorage::~SpillStorage() {
  thread_.stop();
  thread_.join();
}

void SpillStorage::Write(object_store::SpillObjects write, Done done) {
  boost::asio::post(thread_, [this, write = std::move(write), done = std::move(done)] {
    boost::asio::post(loop_, [done, status = WriteFile(write)] { done(status); });
  });
}

void SpillStorage::Read(const object_store::RestoreObject& read, Done done) {
  boost::asio::post(thread_, [this, read, done = std::move(done)] {
    std::byte* const target = store_.At(read.store_offset, read.size);
    boost::asio::post(loop_, [done, status = ReadInto(read.file, read.file_offset, target,
                                                      read.size)] { done(status); });
  });
}

void SpillStorage::ReadChunk(std::uint64_t file, std::uint64_t offset, std::uint64_t length,
                             DoneReading done) {
  boost::asio::post(thread_, [this, file, offset, length, done = std::move(done)] {
    std::string bytes(length, '\0');
    const absl::Status status =
        ReadInto(file, offset, reinterpret_cast<std::byte*>(bytes.data()), length);
    boost::asio::post(loop_, [done, status, bytes = std::move(bytes)]() mutable {
      if (status.ok()) {
        done(std::move(bytes));
      } else {
        done(status);
      }
    });
  });
}

void SpillStorage::Delete(std::uint64_t file) {
  boost::asio::post(thread_, [this, file] { files_.erase(file); });
}

absl::StatusOr<Fd> SpillStorage::NewFile() const {
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

absl::Status SpillStorage::WriteFile(const object_store::SpillObjects& write) {
  const std::string what = absl::StrCat("write to a file in ", folder_);
  if (absl::Status status = faults_.BeforeWrite(kFiles); !status.ok()) return Failed(what, status);
  absl::StatusOr<Fd> file = NewFile();
  if (!file.ok()) return Failed(what, file.status());
  std::uint64_t offset = 0;
  for (const object_store::SpillPart& part : write.parts) {
    const std::byte* const begin = store_.At(part.store_offset, part.size);
    const absl::Status status = WriteAt(file->Get(), offset, begin, part.size);
    if (!status.ok()) return Failed(what, status);
    offset += part.size;
  }
  // A file cut to nothing is what a disk that lies has kept.
  if (faults_.Lies(kFiles) && ftruncate(file->Get(), 0) != 0) return Failed(what, Errno(errno));
  files_[write.file] = *std::move(file);
  return absl::OkStatus();
}

absl::Status SpillStorage::ReadInto(std::uint64_t file, std::uint64_t offset, std::byte* target,
                                    std::uint64_t size) const {
  const std::string what = absl::StrCat("read from a file in ", folder_);
  if (absl::Status status = faults_.BeforeRead(kFiles); !status.ok()) return Failed(what, status);
  const auto found = files_.find(file);
  // A chunk of an object that has been freed meanwhile.
  if (found == files_.end()) return Failed(what, Errno(ENOENT));
  while (size > 0) {
    const ssize_t count = pread(found->second.Get(), target, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed(what, Errno(errno));
    if (count == 0) return Failed(what, absl::DataLossError("what was written is not there"));
    target += count;
    size -= static_cast<std::uint64_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace mobula::host
