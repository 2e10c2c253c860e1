// SPDX-License-Identifier: Apache-2.0
/// A fault plan: what breaks, and when. Data, as in faults/plan.proto; `faults/plan_file.h` reads
/// and writes it, `faults/injector.h` turns it into what happens.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "faults/fault.h"

namespace mobula::faults {

/// What both worlds can observe, and a fault can wait for.
enum class Happening {
  kMessageSent,   ///< `name` is its type, as in runtime/core/protocol/messages.h.
  kTaskStarted,   ///< `name` is the function, or Class.method.
  kTaskFinished,  ///< Likewise.
  kActorStarted,  ///< Its constructor has returned; `name` is the class.
  kLeaseGranted,  ///< By the raylet of `from`. No name.
  kObjectSealed,  ///< A complete copy lies in the store of `from`. No name.
  kNodeJoined,    ///< `from`. No name.
  kNodeDied,      ///< `from` was declared dead. No name.
};
BOOST_DESCRIBE_ENUM(Happening, kMessageSent, kTaskStarted, kTaskFinished, kActorStarted,
                    kLeaseGranted, kObjectSealed, kNodeJoined, kNodeDied)

/// The `count`-th such event from the start (or from the last firing) on.
struct Occasion {
  Happening event = Happening::kMessageSent;
  /// Short for `event: MESSAGE_SENT name: ...`.
  std::string message;
  /// Empty for any.
  std::string name;
  /// Selectors of the node where it happens (a message: that sends it), and of the one that a
  /// message is for; empty for any. A message between processes and the daemon of one node has both
  /// alike.
  std::string from;
  std::string to;
  std::uint64_t count = 1;
  MOBULA_FIELDS(Occasion, event, message, name, from, to, count)
};

/// Where a fault was written, for errors about it.
struct Source {
  std::string file;
  /// By path: "fault[0].crash_node.node".
  std::map<std::string, int> lines;
};

/// One entry of a plan. Exactly one of `at`, `on` and `every` says when.
struct Fault {
  /// After the start of the first driver.
  std::optional<Duration> at;
  std::optional<Occasion> on;
  /// Again and again, until `until` (after the start of the first driver).
  std::optional<Duration> every;
  std::optional<Duration> until;
  /// Each time it comes up, it happens with this probability.
  double probability = 1;
  /// This much later than it came up.
  Duration after;
  /// How often at most; without: `every` without end, the others once.
  std::optional<std::uint32_t> times;
  Kind kind;
  MOBULA_FIELDS(Fault, at, on, every, until, probability, after, times, kind)
};

struct Plan {
  std::vector<Fault> faults;
  /// Of the file it was read from; null for plans made by programs.
  std::shared_ptr<const Source> source;

  bool operator==(const Plan& other) const { return faults == other.faults; }
  void Add(Fault fault) { faults.push_back(std::move(fault)); }
};

/// A fault at a point in time.
inline Fault At(Duration at, Kind kind) {
  Fault fault;
  fault.at = at;
  fault.kind = std::move(kind);
  return fault;
}
/// A fault at a logical event.
inline Fault On(Occasion occasion, Kind kind) {
  Fault fault;
  fault.on = std::move(occasion);
  fault.kind = std::move(kind);
  return fault;
}
/// "crash_node": the kind's name in plan files.
std::string KindName(const Kind& kind);

}  // namespace mobula::faults
