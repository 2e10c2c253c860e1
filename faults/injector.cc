// SPDX-License-Identifier: Apache-2.0
#include "faults/injector.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::faults {
namespace {

constexpr std::uint64_t kByHand = 0x68616E64;

/// The streams of equal faults differ by how many of them come before.
std::uint64_t StreamOf(const Plan& plan, std::size_t index) {
  Hasher hasher;
  hasher.Mix(plan.faults[index]);
  hasher.Word(static_cast<std::uint64_t>(
      std::count(plan.faults.begin(), plan.faults.begin() + static_cast<std::ptrdiff_t>(index),
                 plan.faults[index])));
  return hasher.Value();
}

bool IsNamed(const Occasion& wanted, const Observation& seen) {
  const std::string& name = wanted.message.empty() ? wanted.name : wanted.message;
  return name.empty() || name == seen.name;
}

bool IsBetween(const Occasion& wanted, const Observation& seen, const Injector::Nodes& nodes) {
  if (!wanted.from.empty() && !Matches(wanted.from, seen.from, nodes)) return false;
  return wanted.to.empty() || Matches(wanted.to, seen.to, nodes);
}

template <class Fault>
constexpr bool kEndsNode = std::is_same_v<Fault, CrashNode>;
template <class Fault>
constexpr bool kIsOneNode = requires(Fault fault) { fault.node; };

/// The named nodes, without repetition.
std::vector<std::string> SelectAll(const std::vector<std::string>& selectors,
                                   const Injector::Nodes& nodes, Rng& rng) {
  std::vector<std::string> chosen;
  for (const std::string& selector : selectors) {
    for (std::string& name : Select(selector, nodes, false, rng)) {
      if (std::find(chosen.begin(), chosen.end(), name) == chosen.end())
        chosen.push_back(std::move(name));
    }
  }
  return chosen;
}
std::vector<std::string> EverybodyBut(const std::vector<std::string>& some,
                                      const Injector::Nodes& nodes) {
  std::vector<std::string> others;
  for (const NodeFacts& node : nodes) {
    if (std::find(some.begin(), some.end(), node.name) == some.end()) others.push_back(node.name);
  }
  return others;
}
void Resolve(std::vector<std::string>& one, std::vector<std::string>& other,
             const Injector::Nodes& nodes, Rng& rng) {
  one = SelectAll(one, nodes, rng);
  other = other.empty() ? EverybodyBut(one, nodes) : SelectAll(other, nodes, rng);
}

std::optional<Duration> LastsOf(const Kind& kind) {
  return std::visit(
      []<class Fault>(const Fault& fault) -> std::optional<Duration> {
        if constexpr (requires { fault.lasts; }) return fault.lasts;
        // That it is down is what lasts.
        if constexpr (std::is_same_v<Fault, CrashGcs>) return fault.restart_after;
        return std::nullopt;
      },
      kind);
}
bool IsLasting(const Kind& kind) {
  return std::holds_alternative<CrashGcs>(kind) ||
         std::visit([]<class Fault>(const Fault&) { return requires(Fault f) { f.lasts; }; }, kind);
}

}  // namespace

Injector::Injector(Plan plan, std::uint64_t seed)
    : plan_(std::move(plan)), by_hand_(Rng(seed).Fork(kByHand)) {
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    states_.push_back(State{Rng(seed).Fork(StreamOf(plan_, i)), 0, 0, {}});
  }
  UpdateListening();
}

bool Injector::IsSpent(std::size_t index) const {
  const Fault& fault = plan_.faults[index];
  if (healed_) return true;
  if (fault.times) return states_[index].fired >= *fault.times;
  return !fault.every && states_[index].fired >= 1;
}

void Injector::UpdateListening() {
  listening_.clear();
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    if (plan_.faults[i].on && !IsSpent(i)) listening_.insert(plan_.faults[i].on->event);
  }
}

void Injector::Ring(Duration delay, Reason reason, InjectorEffects& out) {
  const std::uint64_t key = next_alarm_++;
  const auto* turn = std::get_if<Turn>(&reason);
  const bool periodic = turn != nullptr && plan_.faults[turn->fault].every.has_value();
  alarms_.emplace(key, std::move(reason));
  out.push_back(Alarm{key, delay, periodic});
}

void Injector::Start(InjectorEffects& out) {
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const Fault& fault = plan_.faults[i];
    if (fault.at) {
      Ring(*fault.at, Turn{i}, out);
    } else if (fault.every) {
      states_[i].next_turn = *fault.every;
      Ring(*fault.every, Turn{i}, out);
    }
  }
}

void Injector::HandleTimer(std::uint64_t key, const Nodes& nodes, InjectorEffects& out) {
  const auto alarm = alarms_.find(key);
  if (alarm == alarms_.end()) return;
  const Reason reason = std::move(alarm->second);
  alarms_.erase(alarm);
  if (const auto* turn = std::get_if<Turn>(&reason)) {
    const Fault& fault = plan_.faults[turn->fault];
    State& state = states_[turn->fault];
    ComeUp(turn->fault, [&] { return nodes; }, out);
    if (!fault.every || IsSpent(turn->fault)) return;
    state.next_turn = state.next_turn + *fault.every;
    if (!fault.until || state.next_turn <= *fault.until) Ring(*fault.every, *turn, out);
  } else if (const auto* due = std::get_if<Due>(&reason)) {
    Happen(due->fault, nodes, out);
  } else if (const auto* over = std::get_if<Over>(&reason)) {
    const auto lasting = lasting_.find(over->id);
    if (lasting == lasting_.end()) return;
    out.push_back(End{over->id, lasting->second});
    lasting_.erase(lasting);
  } else {
    BeginOne(RestartNode{std::get<Restart>(reason).node}, out);
  }
}

void Injector::Observe(const Observation& observation, const std::function<Nodes()>& nodes,
                       InjectorEffects& out) {
  if (!ListensFor(observation.event)) return;
  // To collect them takes longer than to compare names, and most messages have another.
  std::optional<Nodes> now;
  for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
    const auto& occasion = plan_.faults[i].on;
    if (!occasion || occasion->event != observation.event || IsSpent(i)) continue;
    if (!IsNamed(*occasion, observation)) continue;
    if (!now) now = nodes();
    if (!IsBetween(*occasion, observation, *now)) continue;
    State& state = states_[i];
    if (++state.seen < occasion->count) continue;
    state.seen = 0;
    ComeUp(i, nodes, out);
    UpdateListening();
  }
}

void Injector::ComeUp(std::size_t index, const std::function<Nodes()>& nodes,
                      InjectorEffects& out) {
  if (IsSpent(index)) return;
  const Fault& fault = plan_.faults[index];
  State& state = states_[index];
  // Drawn in any case, so that the stream does not depend on the probability.
  if (state.rng.Uniform() >= fault.probability) {
    // A point in time does not come again.
    if (fault.at) ++state.fired;
    return;
  }
  ++state.fired;
  if (fault.after > Duration{}) {
    Ring(fault.after, Due{index}, out);
  } else {
    Happen(index, nodes(), out);
  }
}

void Injector::Happen(std::size_t index, const Nodes& nodes, InjectorEffects& out) {
  BeginAll(plan_.faults[index].kind, nodes, states_[index].rng, out);
}

void Injector::BeginAll(const Kind& kind, const Nodes& nodes, Rng& rng, InjectorEffects& out) {
  std::visit(
      [&]<class Fault>(Fault fault) {
        if constexpr (kIsOneNode<Fault>) {
          const std::string selector = fault.node;
          for (const std::string& name : Select(selector, nodes, kEndsNode<Fault>, rng)) {
            fault.node = name;
            BeginOne(fault, out);
          }
        } else if constexpr (std::is_same_v<Fault, CrashGcs>) {
          BeginOne(fault, out);
        } else if constexpr (std::is_same_v<Fault, Partition>) {
          Resolve(fault.a, fault.b, nodes, rng);
          BeginOne(std::move(fault), out);
        } else {
          static_assert(std::is_same_v<Fault, LinkFault>);
          Resolve(fault.from, fault.to, nodes, rng);
          BeginOne(std::move(fault), out);
        }
      },
      kind);
}

void Injector::BeginOne(Kind kind, InjectorEffects& out) {
  const FaultId id = next_id_++;
  if (const auto lasts = LastsOf(kind)) Ring(*lasts, Over{id}, out);
  if (const auto* crash = std::get_if<CrashNode>(&kind); crash != nullptr && crash->restart_after) {
    Ring(*crash->restart_after, Restart{crash->node}, out);
  }
  if (IsLasting(kind)) lasting_.emplace(id, kind);
  out.push_back(Begin{id, std::move(kind)});
}

void Injector::Inject(const Kind& kind, const Nodes& nodes, InjectorEffects& out) {
  BeginAll(kind, nodes, by_hand_, out);
}

void Injector::Heal(const Nodes& nodes, InjectorEffects& out) {
  healed_ = true;
  alarms_.clear();
  UpdateListening();
  for (const auto& [id, kind] : lasting_) out.push_back(End{id, kind});
  lasting_.clear();
  for (const NodeFacts& node : nodes) {
    if (!node.runs) BeginOne(RestartNode{node.name}, out);
  }
}

}  // namespace mobula::faults
