// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "runtime/core/gcs/gcs.h"

namespace mobula::gcs {

/// The timers of the GCS.
enum class TimerKind : std::uint32_t {
  kCheckHealth,  ///< Look for silent nodes.
  kBroadcast,    ///< Send the changed node views out.
  kRetryLog,     ///< Write again what could not be written.
  kPlaceGroups,  ///< Placement groups that found no room look again.
};

/// Through which the parts of the GCS speak and say what is to be logged, while one event is being
/// handled.
class Outbox {
 public:
  Outbox(Effects& out, LogRecords& log) : out_(out), log_(log) {}

  template <class T>
  void Send(const Address& target, T message) {
    out_.push_back(mobula::Send{target, Message(std::move(message))});
  }
  void StartTimer(TimerKind kind, Duration delay) {
    out_.push_back(mobula::StartTimer{TimerId{static_cast<std::uint32_t>(kind), 0}, delay});
  }
  void Tell(std::string text) { out_.push_back(ClusterEvent{std::move(text)}); }
  void Announce(MembershipChanged change) { out_.push_back(std::move(change)); }
  void Log(LogRecord record) { log_.push_back(std::move(record)); }

 private:
  Effects& out_;
  LogRecords& log_;
};

}  // namespace mobula::gcs
