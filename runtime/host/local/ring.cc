// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

namespace mobula::host {

/// Written by both processes; on cache lines of their own, as each is written by one end mostly.
struct Ring::Control {
  alignas(64) std::atomic<std::uint64_t> written;
  alignas(64) std::atomic<std::uint64_t> read;
  alignas(64) std::atomic<std::uint32_t> reader_is_awake;
  alignas(64) std::atomic<std::uint32_t> writer_waits;
};

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share no locks");
static_assert(std::has_single_bit(Ring::kBytes));

constexpr std::size_t kControlBytes = 4096;
constexpr std::size_t kRingBytes = kControlBytes + Ring::kBytes;
constexpr std::size_t kPairBytes = 2 * kRingBytes;
/// Whoever has a descriptor of it cannot make it shorter, which would kill its readers.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Ring RingAt(std::byte* memory, int number) {
  std::byte* const base = memory + static_cast<std::size_t>(number) * kRingBytes;
  return {std::launder(reinterpret_cast<Ring::Control*>(base)),
          reinterpret_cast<char*>(base + kControlBytes)};
}

}  // namespace

// An end that says that it sleeps and then looks for bytes, and one that writes bytes and then
// looks whether the other sleeps, must not overlook each other: those accesses are sequentially
// consistent.

std::size_t Ring::Write(std::string_view bytes) {
  if (kBytes - (position_ - seen_read_) < bytes.size())
    seen_read_ = control_->read.load(std::memory_order_acquire);
  const std::uint64_t used = position_ - seen_read_;
  if (used > kBytes) return 0;  // The other end is broken; its reader will say so.
  const std::size_t count = std::min<std::size_t>(kBytes - used, bytes.size());
  const std::size_t start = position_ % kBytes;
  const std::size_t before_end = std::min(count, kBytes - start);
  std::memcpy(bytes_ + start, bytes.data(), before_end);
  std::memcpy(bytes_, bytes.data() + before_end, count - before_end);
  position_ += count;
  if (count > 0) control_->written.store(position_);
  return count;
}

bool Ring::WakesReader() {
  return control_->reader_is_awake.load() == 0 && control_->reader_is_awake.exchange(1) == 0;
}

bool Ring::AwaitRoom() {
  control_->writer_waits.store(1);
  if (position_ - control_->read.load() >= kBytes) return true;
  control_->writer_waits.store(0);
  return false;
}

bool Ring::HasData() const {
  return control_->written.load(std::memory_order_acquire) != position_;
}

std::optional<std::size_t> Ring::Read(std::span<char> room) {
  const std::uint64_t available = control_->written.load(std::memory_order_acquire) - position_;
  if (available > kBytes) return std::nullopt;
  const std::size_t count = std::min<std::size_t>(available, room.size());
  if (count == 0) return 0;
  const std::size_t start = position_ % kBytes;
  const std::size_t before_end = std::min(count, kBytes - start);
  std::memcpy(room.data(), bytes_ + start, before_end);
  std::memcpy(room.data() + before_end, bytes_, count - before_end);
  position_ += count;
  control_->read.store(position_);
  return count;
}

bool Ring::WakesWriter() {
  return control_->writer_waits.load() != 0 && control_->writer_waits.exchange(0) != 0;
}

bool Ring::Sleep() {
  control_->reader_is_awake.store(0);
  if (control_->written.load() == position_) return true;
  Wake();
  return false;
}

void Ring::Wake() { control_->reader_is_awake.store(1, std::memory_order_relaxed); }

RingPair::RingPair(std::byte* memory, Side side)
    : memory_(memory),
      outgoing_(RingAt(memory, side == Side::kFirst ? 0 : 1)),
      incoming_(RingAt(memory, side == Side::kFirst ? 1 : 0)) {}

RingPair::RingPair(RingPair&& other) noexcept
    : file_(std::move(other.file_)),
      memory_(std::exchange(other.memory_, nullptr)),
      outgoing_(other.outgoing_),
      incoming_(other.incoming_) {}

RingPair::~RingPair() {
  if (memory_ != nullptr) munmap(memory_, kPairBytes);
}

absl::StatusOr<RingPair> RingPair::Create() {
  Fd file(memfd_create("mobula-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.IsOpen() || ftruncate(file.Get(), kPairBytes) != 0 ||
      fcntl(file.Get(), F_ADD_SEALS, kSeals) != 0) {
    return absl::ErrnoToStatus(errno, "cannot create the memory of a connection");
  }
  absl::StatusOr<RingPair> pair = MapSide(file, Side::kFirst);
  if (pair.ok()) pair->file_ = std::move(file);
  return pair;
}

absl::StatusOr<RingPair> RingPair::Map(const Fd& file) {
  struct stat status{};
  if (fstat(file.Get(), &status) != 0 || status.st_size != static_cast<off_t>(kPairBytes) ||
      fcntl(file.Get(), F_GET_SEALS) != kSeals) {
    return absl::FailedPreconditionError("what came is not the memory of a connection");
  }
  return MapSide(file, Side::kSecond);
}

absl::StatusOr<RingPair> RingPair::MapSide(const Fd& file, Side side) {
  void* const memory = mmap(nullptr, kPairBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.Get(), 0);
  if (memory == MAP_FAILED)
    return absl::ErrnoToStatus(errno, "cannot map the memory of a connection");
  madvise(memory, kPairBytes, MADV_DONTDUMP);
  return RingPair(static_cast<std::byte*>(memory), side);
}

}  // namespace mobula::host
