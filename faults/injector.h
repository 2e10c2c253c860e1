// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "faults/plan.h"
#include "faults/selector.h"
#include "runtime/base/rng.h"

namespace mobula::faults {

/// Something that happened in the cluster, told to the injector by whoever executes the plan.
struct Observation {
  Happening event = Happening::kMessageSent;
  std::string name;
  /// Node names, as in Occasion.
  std::string from;
  std::string to;
};

/// One fault as it happens, from its Begin to its End. Never used again.
using FaultId = std::uint64_t;

/// Do this now. Every selector is a node's name; empty lists of "everybody else" are filled in.
struct Begin {
  FaultId id = 0;
  Kind kind;
  MOBULA_FIELDS(Begin, id, kind)
};
/// What that Begin did is over: heal it.
struct End {
  FaultId id = 0;
  Kind kind;
  MOBULA_FIELDS(End, id, kind)
};
/// Call `HandleTimer(key)` after `delay`.
struct Alarm {
  std::uint64_t key = 0;
  Duration delay;
  /// One of many turns that come whether anything else goes on or not: no reason to wait for it.
  bool periodic = false;
  MOBULA_FIELDS(Alarm, key, delay, periodic)
};
using InjectorEffect = std::variant<Begin, End, Alarm>;
using InjectorEffects = std::vector<InjectorEffect>;

/// Turns a plan into what happens when: the one interpreter of triggers, for the simulator and for
/// real clusters. Pure: what happens is a function of the plan, the seed and what it was told.
/// View: the cluster's; lives as long as one run.
///
/// State of a fault | meaning                                         | leaves by
/// waiting          | for its time, occasion or turn                  | the trigger; Heal
/// due              | it came up, and waits for `after`               | the alarm; Heal
/// lasting          | Begin was said                                  | `lasts`, Heal
/// spent            | it happened as often as it may                  | -
///
/// Each fault draws from a stream of its own, named by its content: to take one out of a plan
/// changes nothing about the others.
class Injector {
 public:
  /// REQUIRES: the plan passes CheckPlan.
  Injector(Plan plan, std::uint64_t seed);

  using Nodes = std::vector<NodeFacts>;

  /// The first driver starts: time zero of the plan.
  void Start(InjectorEffects& out);
  void HandleTimer(std::uint64_t key, const Nodes& nodes, InjectorEffects& out);
  /// `nodes` is only asked when a fault waits for such an event of that name.
  void Observe(const Observation& observation, const std::function<Nodes()>& nodes,
               InjectorEffects& out);
  /// By hand, now.
  void Inject(const Kind& kind, const Nodes& nodes, InjectorEffects& out);
  /// Ends what lasts, brings back the nodes that are down, and lets nothing of the plan happen any
  /// more.
  void Heal(const Nodes& nodes, InjectorEffects& out);

  /// Whether any fault still waits for such an event: if not, it need not be observed.
  [[nodiscard]] bool ListensFor(Happening event) const { return listening_.contains(event); }
  [[nodiscard]] bool Listens() const { return !listening_.empty(); }
  /// How many faults have happened.
  [[nodiscard]] std::uint64_t Count() const { return next_id_ - 1; }

 private:
  struct State {
    Rng rng;
    std::uint64_t seen = 0;
    std::uint32_t fired = 0;
    /// Time of the next turn, from the start: `every` only.
    Duration next_turn;
  };
  /// What an alarm is for.
  struct Turn {
    std::size_t fault = 0;
  };
  struct Due {
    std::size_t fault = 0;
  };
  struct Over {
    FaultId id = 0;
  };
  struct Restart {
    std::string node;
  };
  using Reason = std::variant<Turn, Due, Over, Restart>;

  void Ring(Duration delay, Reason reason, InjectorEffects& out);
  void ComeUp(std::size_t index, const std::function<Nodes()>& nodes, InjectorEffects& out);
  void Happen(std::size_t index, const Nodes& nodes, InjectorEffects& out);
  void BeginAll(const Kind& kind, const Nodes& nodes, Rng& rng, InjectorEffects& out);
  void BeginOne(Kind kind, InjectorEffects& out);
  [[nodiscard]] bool IsSpent(std::size_t index) const;
  void UpdateListening();

  Plan plan_;
  Rng by_hand_;
  std::vector<State> states_;
  std::map<std::uint64_t, Reason> alarms_;
  std::uint64_t next_alarm_ = 1;
  FaultId next_id_ = 1;
  std::map<FaultId, Kind> lasting_;
  std::set<Happening> listening_;
  bool healed_ = false;
};

}  // namespace mobula::faults
