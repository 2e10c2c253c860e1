// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/describe.h"
#include "runtime/trace/recorder.h"
#include "sim/network.h"

namespace mobula::sim {

/// Where something happened: a process of a node, or its daemon when `process` is nil.
struct Place {
  NodeIndex node = 0;
  WorkerId process;
};

/// The record of a run: always a hash chain over (time, place, event), and on demand a file of JSON
/// lines (runtime/trace) and one of hashes, a line of text per event:
///
///     9e3779b97f4a7c15 0.051120000 n1/1f3a0000 MessageReceived PushTask
class Trace {
 public:
  /// Empty paths: only the hash.
  Trace(const std::string& path, const std::string& hashes_path);

  /// Why a file that was asked for cannot be written; empty when it can.
  [[nodiscard]] std::string Failure() const;
  [[nodiscard]] bool IsWriting() const { return recorder_.has_value(); }
  [[nodiscard]] std::uint64_t Hash() const { return hasher_.Value(); }
  /// Writes what is buffered, for a hub that leaves the process without unwinding.
  void Flush() { hashes_.flush(); }

  /// A machine handled `event`, with these effects, because of `cause`. Returns the event's number.
  template <class Machine, class Event, class Effects>
  std::uint64_t Record(Instant now, Place place, trace::Cause cause, const Machine& machine,
                       const Event& event, const Effects& effects) {
    Chain(now, place);
    hasher_.Mix(event);
    ++events_;
    if (hashes_.is_open()) WriteHash(now, place, DetailOf(event));
    if (recorder_) recorder_->Record(LineOf(now, place, cause, events_), machine, event, effects);
    return events_;
  }
  /// The world did something: a fault, the start or death of a process.
  void RecordWorld(Instant now, Place place, std::string_view what, const std::string& text);
  /// What `cause` sent was lost on its way, or arrived where nobody heard it.
  void RecordLoss(Instant now, Place place, trace::Cause cause, std::string_view why);

 private:
  void Chain(Instant now, Place place);
  void WriteHash(Instant now, Place place, const std::string& what);
  trace::Line LineOf(Instant now, Place place, trace::Cause cause, std::uint64_t number);

  /// The event's name, and that of the message that it brings.
  static std::string DetailOf(const worker::Event& event);
  static std::string DetailOf(const node::Event& event);

  Hasher hasher_;
  std::uint64_t events_ = 0;
  std::string path_;
  std::string hashes_path_;
  std::ofstream hashes_;
  std::optional<trace::Recorder> recorder_;
  /// Of the line being written.
  std::string node_name_;
};

}  // namespace mobula::sim
