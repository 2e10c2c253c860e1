// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/host/local/clock.h"
#include "runtime/trace/recorder.h"

namespace mobula::host {

/// The trace of one machine of a real run: a file of its own in the folder that the environment
/// variable MOBULA_TRACE_DIR names. All files of a run become one page (`mobula trace view DIR`),
/// because all processes of a host have one clock. Used from one thread at a time.
class RunTrace {
 public:
  /// Whether the folder is named; without it no machine has to note what it touches.
  [[nodiscard]] static bool IsWanted();
  /// A file `name`.jsonl in that folder. Null when none is named, or when the file cannot be made:
  /// a trace is not worth a failed start.
  [[nodiscard]] static std::unique_ptr<RunTrace> Open(const std::string& name, WorkerId process);

  /// The node that the lines are of, once it is known.
  void SetNode(NodeId node) { node_ = "n" + node.Short(); }
  template <class Machine, class Event, class Effects>
  void Record(Instant now, const Machine& machine, const Event& event, const Effects& effects) {
    recorder_.Record(LineAt(now, ++number_), machine, event, effects);
  }
  void RecordWorld(std::string_view what, std::string_view text) {
    recorder_.RecordWorld(LineAt(SteadyNow(), 0), what, text);
  }

 private:
  RunTrace(const std::string& path, WorkerId process)
      : recorder_(path, trace::Recorder::Pairing::kByContent, "cluster"), process_(process) {}
  [[nodiscard]] trace::Line LineAt(Instant now, std::uint64_t number) const {
    return {number, now, node_, process_, {}, {}};
  }

  trace::Recorder recorder_;
  WorkerId process_;
  std::string node_;
  std::uint64_t number_ = 0;
};

}  // namespace mobula::host
