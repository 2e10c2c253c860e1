// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// One direction of a connection between two processes of a node: bytes in shared memory, with one
/// writer and one reader. While both are awake it needs no system call. What was written outlives
/// its writer, so nothing is lost that a process sent before it was killed.
///
/// Either end can be asleep, and says so here; the other one then has to ring it by other means:
///
/// Reader | sleeps, when `Sleep` finds nothing to read | the writer is told so by `WakesReader`
/// Writer | waits, when `AwaitRoom` finds none         | the reader is told so by `WakesWriter`
///
/// Zeroed memory is an empty ring whose reader sleeps. The other end is not trusted: positions that
/// cannot be are an error of `Read`, and bytes are copied before they are looked at.
class Ring {
 public:
  static constexpr std::size_t kBytes = 256 << 10;
  struct Control;

  Ring(Control* control, char* bytes) : control_(control), bytes_(bytes) {}

  // Of the writer.
  /// Returns how many of the bytes fitted.
  std::size_t Write(std::string_view bytes);
  /// Asked after writing: whether the reader has to be rung. True once for each sleep.
  [[nodiscard]] bool WakesReader();
  /// From here on the reader rings when it makes room. False when there is some.
  [[nodiscard]] bool AwaitRoom();

  // Of the reader.
  [[nodiscard]] bool HasData() const;
  /// Returns how many bytes came, 0 when there are none; nullopt when the other end is broken.
  std::optional<std::size_t> Read(std::span<char> room);
  /// Asked after reading: whether the writer has to be rung.
  [[nodiscard]] bool WakesWriter();
  /// From here on the writer rings. False, and it does not, when there is something to read.
  [[nodiscard]] bool Sleep();
  /// The writer need not ring: the reader looks by itself.
  void Wake();

 private:
  Control* control_;
  char* bytes_;
  /// How many bytes this end has written, or read, since the beginning.
  std::uint64_t position_ = 0;
  /// The writer's: how many the reader had read when it was last looked at.
  std::uint64_t seen_read_ = 0;
};

/// The memory of a connection: a ring in each direction.
class RingPair {
 public:
  /// A new one, of the side that made it.
  [[nodiscard]] static absl::StatusOr<RingPair> Create();
  /// The other side's view. FailedPrecondition: the file is nothing that `Create` made.
  [[nodiscard]] static absl::StatusOr<RingPair> Map(const Fd& file);

  RingPair(RingPair&& other) noexcept;
  RingPair& operator=(RingPair&&) = delete;
  ~RingPair();

  /// Of a new one: what the other side maps. It is not needed any more once that has it.
  [[nodiscard]] Fd TakeFile() { return std::move(file_); }
  [[nodiscard]] Ring& Outgoing() { return outgoing_; }
  [[nodiscard]] Ring& Incoming() { return incoming_; }
  [[nodiscard]] const Ring& Incoming() const { return incoming_; }

 private:
  enum class Side { kFirst, kSecond };
  RingPair(std::byte* memory, Side side);
  static absl::StatusOr<RingPair> MapSide(const Fd& file, Side side);

  Fd file_;
  std::byte* memory_;
  Ring outgoing_;
  Ring incoming_;
};

}  // namespace mobula::host
