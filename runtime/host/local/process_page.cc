// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/process_page.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace mobula::host {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

static_assert(std::is_trivially_copyable_v<TaskTimes>);
static_assert(sizeof(TaskTimes) % 8 == 0 && offsetof(TaskTimes, text) % 8 == 0);
using Words = std::array<std::uint64_t, sizeof(TaskTimes) / 8>;
constexpr std::size_t kFlagsWord = offsetof(TaskTimes, attempt) / 8;
static_assert(kFlagsWord == offsetof(TaskTimes, ended) / 8 + 1 &&
              offsetof(TaskTimes, text) == 8 * (kFlagsWord + 1));

/// A record that is written while others read: its version is odd meanwhile. In words, so that no
/// access is a race; their order with the version's is what makes a torn record be noticed.
struct Slot {
  std::atomic<std::uint64_t> version;
  std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>> words;
};

/// The words from `first` to before `last` become those of `times`. Only the writer's thread calls
/// this.
void Write(Slot& slot, const TaskTimes& times, std::size_t first, std::size_t last) {
  const auto* const bytes = reinterpret_cast<const char*>(&times);
  const std::uint64_t version = slot.version.load(kRelaxed);
  slot.version.store(version + 1, kRelaxed);
  for (std::size_t i = first; i < last; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + 8 * i, sizeof(word));
    slot.words[i].store(word, std::memory_order_release);
  }
  slot.version.store(version + 2, std::memory_order_release);
}

/// False when it was being written.
bool Read(const Slot& slot, TaskTimes& times) {
  const std::uint64_t before = slot.version.load(std::memory_order_acquire);
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = slot.words[i].load(std::memory_order_acquire);
  }
  std::memcpy(static_cast<void*>(&times), words.data(), sizeof(times));
  return before % 2 == 0 && slot.version.load(kRelaxed) == before;
}

}  // namespace

void Latencies::Values::Add(const Values& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum.nanoseconds += other.sum.nanoseconds;
}

void Latencies::Observe(Duration span) {
  const auto* const end = std::lower_bound(kEnds.begin(), kEnds.end(), span);
  counts_[static_cast<std::size_t>(end - kEnds.begin())].fetch_add(1, kRelaxed);
  sum_ns_.fetch_add(span.nanoseconds, kRelaxed);
}

Latencies::Values Latencies::Read() const {
  Values values;
  for (std::size_t i = 0; i < counts_.size(); ++i) values.counts[i] = counts_[i].load(kRelaxed);
  values.sum.nanoseconds = sum_ns_.load(kRelaxed);
  return values;
}

void TaskTimes::SetText(std::string_view name) {
  text_size = static_cast<std::uint8_t>(std::min(name.size(), kTextMax));
  std::memcpy(text.data(), name.data(), text_size);
}

struct ProcessPage::Layout {
  Counts counts;
  std::array<Latencies, kRpcs> waited;
  /// Also says which slot is next.
  std::atomic<std::uint64_t> noted;
  std::array<Slot, kTimesMax> slots;
  alignas(8) std::array<std::byte, kSamplesBytes> samples;
};

absl::StatusOr<ProcessPage> ProcessPage::Create() {
  Fd file(memfd_create("mobula-page", MFD_CLOEXEC));
  if (!file.IsOpen() || ftruncate(file.Get(), sizeof(Layout)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot create a process's page");
  }
  return Map(std::move(file));
}

absl::StatusOr<ProcessPage> ProcessPage::Map(Fd file) {
  void* const base =
      mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, file.Get(), 0);
  if (base == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map a process's page");
  // A new file's zeros are what the layout begins with.
  return ProcessPage(std::move(file), std::launder(static_cast<Layout*>(base)));
}

ProcessPage::ProcessPage(ProcessPage&& other) noexcept { *this = std::move(other); }

ProcessPage& ProcessPage::operator=(ProcessPage&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(layout_, other.layout_);
  return *this;
}

ProcessPage::~ProcessPage() {
  if (layout_ != nullptr) munmap(layout_, sizeof(Layout));
}

ProcessPage::Counts& ProcessPage::Count() const { return layout_->counts; }

Latencies& ProcessPage::Waited(Rpc what) const {
  return layout_->waited[static_cast<std::size_t>(what)];
}

std::uint64_t ProcessPage::Note(const TaskTimes& times) const {
  const std::uint64_t number = layout_->noted.load(kRelaxed);
  // What is behind the text is left as it was.
  const std::size_t bytes = offsetof(TaskTimes, text) + times.text_size;
  Write(layout_->slots[number % kTimesMax], times, 0, (bytes + 7) / 8);
  layout_->noted.store(number + 1, std::memory_order_release);
  return number;
}

void ProcessPage::NoteEnd(std::uint64_t number, Instant ended, bool failed) const {
  if (layout_->noted.load(kRelaxed) - number > kTimesMax) return;
  Slot& slot = layout_->slots[number % kTimesMax];
  TaskTimes times;
  // One word has the flags and what is not to change.
  const std::uint64_t flags = slot.words[kFlagsWord].load(kRelaxed);
  std::memcpy(reinterpret_cast<char*>(&times) + 8 * kFlagsWord, &flags, sizeof(flags));
  times.ended = ended;
  times.failed = failed;
  times.over = true;
  Write(slot, times, offsetof(TaskTimes, ended) / 8, kFlagsWord + 1);
}

std::vector<TaskTimes> ProcessPage::Times() const {
  const std::uint64_t noted = layout_->noted.load(std::memory_order_acquire);
  std::vector<TaskTimes> all;
  for (std::uint64_t i = noted - std::min<std::uint64_t>(noted, kTimesMax); i < noted; ++i) {
    TaskTimes times;
    if (!Read(layout_->slots[i % kTimesMax], times)) continue;
    times.text_size = std::min<std::uint8_t>(times.text_size, TaskTimes::kTextMax);
    all.push_back(times);
  }
  return all;
}

std::span<std::byte> ProcessPage::Samples() const { return layout_->samples; }

}  // namespace mobula::host
