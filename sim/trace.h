// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/describe.h"
#include "sim/network.h"

namespace mobula::sim {

/// Where something happened: a process of a node, or its daemon when `process` is nil.
struct Place {
  NodeIndex node = 0;
  WorkerId process;
};

/// The record of a run: always a hash chain over (time, place, event), and on demand a file of JSON
/// lines:
///
///     {"t": 0.05112, "node": "n1", "process": "daemon", "event": "EnvelopeSent", "text": "...",
///      "effects": ["...", ...]}
class Trace {
 public:
  /// Empty path: only the hash.
  explicit Trace(const std::string& path);

  /// Whether the file, if one was asked for, can be written.
  [[nodiscard]] bool IsGood() const { return !writing_ || out_.good(); }
  [[nodiscard]] std::uint64_t Hash() const { return hasher_.Value(); }

  /// A machine handled `event`, with these effects.
  template <class Event, class Effect>
  void Record(Instant now, Place place, const Event& event, const std::vector<Effect>& effects) {
    Chain(now, place);
    hasher_.Mix(event);
    if (!writing_) return;
    std::vector<std::string> texts;
    texts.reserve(effects.size());
    for (const Effect& effect : effects) texts.push_back(ToString(effect));
    Write(now, place, NameOf(event), ToString(event), texts);
  }
  /// The world did something: a fault, the start or death of a process.
  void RecordWorld(Instant now, Place place, std::string_view what, const std::string& text);

 private:
  void Chain(Instant now, Place place);
  void Write(Instant now, Place place, std::string_view event, const std::string& text,
             const std::vector<std::string>& effects);

  Hasher hasher_;
  bool writing_;
  std::ofstream out_;
};

}  // namespace mobula::sim
