// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "runtime/core/object_store/sink.h"
#include "runtime/core/raylet/events.h"

namespace mobula::raylet {

/// The raylet's timers; what `TimerId::key` means for each.
enum class TimerKind : std::uint32_t {
  kRegisterNode = 1,  ///< Unused.
  kReport,            ///< Unused. Periodic.
  kReportSoon,        ///< Unused. A change waits to be reported.
  kJobs,              ///< Unused. Questions about jobs are repeated.
  kStartTimeout,      ///< The started worker's number.
  kLeaveTimeout,      ///< The number of the worker that was told to leave.
  kStartBackoff,      ///< Unused. Kinds of workers whose start failed may be started again.
  kIdleWorkers,       ///< Unused. Surplus idle workers may be due.
  kCreateObject,      ///< As ObjectStore says.
  kPull,              ///< As PullManager says.
  kSpill,             ///< Unused. As ObjectStore says.
  kMemory,            ///< Unused. It is time to look at the node's memory.
};

/// Collects the effects of one event for all sub-machines.
class Outbox final : public object_store::Sink {
 public:
  explicit Outbox(Effects& effects) : effects_(effects) {}

  template <class One>
  void Emit(One effect) {
    effects_.emplace_back(std::in_place_type<One>, std::move(effect));
  }
  void StartTimer(TimerKind kind, std::uint64_t key, Duration delay) {
    Emit(mobula::StartTimer{TimerId{static_cast<std::uint32_t>(kind), key}, delay});
  }
  void SendGcs(Message message) { Send(Address::Gcs(), std::move(message)); }

  void Send(const Address& target, Message message) override {
    Emit(mobula::Send{target, std::move(message)});
  }
  void StartCreateTimer(std::uint64_t key, Duration delay) override {
    StartTimer(TimerKind::kCreateObject, key, delay);
  }
  void StartPullTimer(std::uint64_t key, Duration delay) override {
    StartTimer(TimerKind::kPull, key, delay);
  }
  void StartSpillTimer(Duration delay) override { StartTimer(TimerKind::kSpill, 0, delay); }
  void SendChunk(NodeId target, const RequestChunk& range, std::uint64_t start,
                 std::uint64_t file) override {
    Emit(raylet::SendChunk{target, range.object, range.offset, range.length, start, file});
  }
  void Spill(object_store::SpillObjects write) override { Emit(std::move(write)); }
  void Restore(object_store::RestoreObject read) override { Emit(read); }
  void Delete(object_store::DeleteSpilled file) override { Emit(file); }
  void DiscardMemory(std::uint64_t offset, std::uint64_t size) override {
    Emit(raylet::DiscardMemory{offset, size});
  }

 private:
  Effects& effects_;
};

}  // namespace mobula::raylet
