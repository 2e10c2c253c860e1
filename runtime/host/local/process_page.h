// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/ids.h"
#include "runtime/base/time.h"
#include "runtime/core/protocol/task_spec.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// How often something took how long. One thread observes, others may read.
class Latencies {
 public:
  /// Upper ends of the buckets; one more holds what took longer.
  static constexpr std::array<Duration, 11> kEnds = {
      Microseconds(100), Microseconds(300), Milliseconds(1),   Milliseconds(3),
      Milliseconds(10),  Milliseconds(30),  Milliseconds(100), Milliseconds(300),
      Seconds(1),        Seconds(3),        Seconds(10)};
  struct Values {
    std::array<std::uint64_t, kEnds.size() + 1> counts{};
    Duration sum;

    void Add(const Values& other);
  };

  void Observe(Duration span);
  [[nodiscard]] Values Read() const;

 private:
  std::array<std::atomic<std::uint64_t>, kEnds.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_ns_{0};
};

/// What a process asks others for, and waits.
enum class Rpc { kGcs, kLease, kBuffer };
BOOST_DESCRIBE_ENUM(Rpc, kGcs, kLease, kBuffer)
inline constexpr std::size_t kRpcs = 3;

/// One execution of a task, or what a program marked itself (`ray.profiling`).
struct TaskTimes {
  static constexpr std::size_t kTextMax = 64;
  enum class Kind : std::uint8_t { kNormal, kActorCreation, kActorCall, kMark };

  /// Nil for a mark.
  TaskId task;
  /// When it was pushed here; the start when that is not known.
  Instant arrived;
  Instant started;
  /// As `started` until it has ended.
  Instant ended;
  std::uint32_t attempt = 0;
  Kind kind = Kind::kNormal;
  bool failed = false;
  bool over = false;
  std::uint8_t text_size = 0;
  std::array<char, kTextMax> text{};

  void SetText(std::string_view name);
  [[nodiscard]] std::string_view Text() const { return {text.data(), text_size}; }
};

/// A piece of memory that a process shares with its daemon, in which it notes what it counts, when
/// its tasks ran, and the metrics of its program, so that the daemon can tell of them at any time
/// without asking, even after the process was killed. An anonymous file of fixed size, whose pages
/// come when they are written. The process writes, one thread at a time; the daemon reads, at any
/// moment. No locks, no messages: a note costs a few stores.
class ProcessPage {
 public:
  /// The last executions are kept.
  static constexpr std::size_t kTimesMax = 1024;
  static constexpr std::size_t kSamplesBytes = 256 << 10;

  struct Counts {
    /// By this process, as owner.
    std::atomic<std::uint64_t> submitted;
    /// Now: submitted by this process and not finished, wherever they are.
    std::atomic<std::uint64_t> pending;
    /// To this process, and what it has answered or given back.
    std::atomic<std::uint64_t> pushed;
    std::atomic<std::uint64_t> answered;
    std::atomic<std::uint64_t> started;
    std::atomic<std::uint64_t> finished;
    std::atomic<std::uint64_t> failed;
  };

  [[nodiscard]] static absl::StatusOr<ProcessPage> Create();
  /// The daemon's, in its process.
  [[nodiscard]] static absl::StatusOr<ProcessPage> Map(Fd file);

  ProcessPage() = default;
  ProcessPage(ProcessPage&& other) noexcept;
  ProcessPage& operator=(ProcessPage&& other) noexcept;
  ~ProcessPage();

  /// Only the memory is needed once both ends have mapped it.
  [[nodiscard]] Fd TakeFile() { return std::move(file_); }

  [[nodiscard]] Counts& Count() const;
  [[nodiscard]] Latencies& Waited(Rpc what) const;

  /// Writes the next execution, in the place of the oldest; returns its number.
  std::uint64_t Note(const TaskTimes& times) const;
  /// Its end, unless its place was taken by another.
  void NoteEnd(std::uint64_t number, Instant ended, bool failed) const;
  /// Those that are there, oldest first.
  [[nodiscard]] std::vector<TaskTimes> Times() const;

  /// What the language layer writes there is its own business, but for its first word: how many
  /// bytes of what follows are complete (`runtime/host/daemon/metrics.cc` reads them).
  [[nodiscard]] std::span<std::byte> Samples() const;

 private:
  struct Layout;

  ProcessPage(Fd file, Layout* layout) : file_(std::move(file)), layout_(layout) {}

  Fd file_;
  Layout* layout_ = nullptr;
};

}  // namespace mobula::host
