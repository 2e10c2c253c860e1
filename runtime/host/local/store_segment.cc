// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/store_segment.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::host {
namespace {

std::uint64_t PageBytes() { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

std::uint64_t RoundUp(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

absl::StatusOr<StoreSegment> StoreSegment::Create(std::uint64_t bytes) {
  bytes = std::max(RoundUp(bytes, PageBytes()), PageBytes());
  Fd file(memfd_create("mobula-store", MFD_CLOEXEC));
  if (!file.IsOpen() || ftruncate(file.Get(), static_cast<off_t>(bytes)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot create the object store's memory");
  }
  return Map(std::move(file), bytes);
}

absl::StatusOr<StoreSegment> StoreSegment::Map(Fd file, std::uint64_t bytes) {
  void* const base =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.Get(), 0);
  if (base == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map the object store's memory");
  // Gigabytes of other processes' objects have no place in a core dump.
  madvise(base, bytes, MADV_DONTDUMP);
  return StoreSegment(std::move(file), static_cast<std::byte*>(base), bytes);
}

StoreSegment::StoreSegment(StoreSegment&& other) noexcept { *this = std::move(other); }

StoreSegment& StoreSegment::operator=(StoreSegment&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

StoreSegment::~StoreSegment() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

std::byte* StoreSegment::At(std::uint64_t offset, std::uint64_t size) const {
  CHECK(offset <= bytes_ && size <= bytes_ - offset) << offset << " + " << size << " of " << bytes_;
  return base_ + offset;
}

void StoreSegment::Discard(std::uint64_t offset, std::uint64_t size) const {
  const std::uint64_t first = RoundUp(offset, PageBytes());
  const std::uint64_t last = (offset + size) / PageBytes() * PageBytes();
  if (last <= first) return;
  fallocate(file_.Get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first),
            static_cast<off_t>(last - first));
}

}  // namespace mobula::host
