// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/trace/state_watch.h"

namespace mobula::trace {

/// The effect that something came of: a message that was sent, a timer that was started.
struct Cause {
  /// The number of the event; 0 for none (a call of user code, a fault).
  std::uint64_t event = 0;
  /// The position among that event's effects.
  std::uint32_t effect = 0;
};

/// What every line starts with.
struct Line {
  /// Of the event in its run, from 1; 0 for a line that is no event of a machine.
  std::uint64_t number = 0;
  Instant at;
  /// Name of the node; empty when it is not known yet.
  std::string_view node;
  /// Nil for the daemon.
  WorkerId process;
  Cause cause;
  /// The hash of the run up to here, for finding where two runs part.
  std::optional<std::uint64_t> hash;
};

/// Writes a trace as JSON lines, the same for simulated and real runs; README.md describes the
/// format. View: one producer's: the whole simulated world, or one process of a real cluster.
class Recorder {
 public:
  enum class Pairing {
    /// The producer knows the cause of every receipt (the simulator).
    kByCause,
    /// Sends and receipts carry a hash of what is sent, by which the reader pairs them (real runs,
    /// where messages carry no number of the trace's).
    kByContent,
  };

  /// Empties the file. `world` says who writes: it stands in the first line.
  Recorder(const std::string& path, Pairing pairing, std::string_view world);

  [[nodiscard]] bool IsGood() const { return out_.good(); }

  /// A machine handled `event`, with these effects.
  void Record(const Line& line, const worker::Worker& machine, const worker::Event& event,
              const worker::Effects& effects);
  void Record(const Line& line, const node::Node& machine, const node::Event& event,
              const node::Effects& effects);
  /// The world did something: a fault, the start or death of a process.
  void RecordWorld(const Line& line, std::string_view what, std::string_view text);
  /// What `line.cause` sent ended here, and nobody received it.
  void RecordLoss(const Line& line, std::string_view why);

 private:
  template <class Event, class Effects>
  void Write(const Line& line, NodeId self, const Event& event, const Effects& effects,
             std::string state);
  void Begin(const Line& line);
  void End(const Line& line);

  const Pairing pairing_;
  std::ofstream out_;
  /// The line being written; reused.
  std::string text_;
  std::map<WorkerId, WorkerWatch> workers_;
  std::map<std::string, NodeWatch, std::less<>> nodes_;
};

}  // namespace mobula::trace
