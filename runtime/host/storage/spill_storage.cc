// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/spill_storage.h"

#include <boost/asio/post.hpp>
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

}  // namespace

SpillStorage::~SpillStorage() {
  place_->Interrupt();
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
    const std::span<std::byte> target(store_.At(read.store_offset, read.size), read.size);
    boost::asio::post(
        loop_, [done, status = ReadInto(read.file, read.file_offset, target)] { done(status); });
  });
}

void SpillStorage::ReadChunk(std::uint64_t file, std::uint64_t offset, std::uint64_t length,
                             DoneReading done) {
  boost::asio::post(thread_, [this, file, offset, length, done = std::move(done)] {
    std::string bytes(length, '\0');
    const absl::Status status = ReadInto(file, offset, std::as_writable_bytes(std::span(bytes)));
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
  boost::asio::post(thread_, [this, file] { place_->Delete(file); });
}

absl::Status SpillStorage::WriteFile(const object_store::SpillObjects& write) {
  const std::string what = absl::StrCat("write to a file in ", place_->Name());
  if (absl::Status status = faults_.BeforeWrite(kFiles); !status.ok()) return Failed(what, status);
  std::vector<std::span<const std::byte>> parts;
  // An empty file is what a disk that lies has kept.
  if (!faults_.Lies(kFiles)) {
    for (const object_store::SpillPart& part : write.parts) {
      parts.emplace_back(store_.At(part.store_offset, part.size), part.size);
    }
  }
  const absl::Status status = place_->Write(write.file, parts);
  return status.ok() ? status : Failed(what, status);
}

absl::Status SpillStorage::ReadInto(std::uint64_t file, std::uint64_t offset,
                                    std::span<std::byte> target) {
  const std::string what = absl::StrCat("read from a file in ", place_->Name());
  if (absl::Status status = faults_.BeforeRead(kFiles); !status.ok()) return Failed(what, status);
  const absl::Status status = place_->Read(file, offset, target);
  return status.ok() ? status : Failed(what, status);
}

}  // namespace mobula::host
