// SPDX-License-Identifier: Apache-2.0
/// Strong identifiers. Every id is 128 bits, ordered by value, and derived, never drawn: the same
/// program names the same tasks and objects in every run, in both worlds.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace mobula {

/// Mixes two words into one, well enough that ids derived from neighbouring counters do not
/// collide.
std::uint64_t MixBits(std::uint64_t a, std::uint64_t b);

/// A 128-bit name. `Tag` only keeps the kinds apart; ids of different kinds do not compare.
template <class Tag>
struct Id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Id&) const = default;
  [[nodiscard]] bool IsNil() const { return high == 0 && low == 0; }
  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string Hex() const;
  /// The first eight digits: enough to tell ids apart in a log line.
  [[nodiscard]] std::string Short() const { return Hex().substr(0, 8); }
  /// Nil when `hex` is not 32 hexadecimal digits.
  [[nodiscard]] static Id FromHex(std::string_view hex);

  /// A child name: `parent`'s `counter`-th. Parent and child kinds may differ.
  template <class Parent>
  [[nodiscard]] static Id Derive(const Parent& parent, std::uint64_t salt, std::uint64_t counter) {
    const std::uint64_t seed = MixBits(parent.high ^ salt, counter);
    Id id{MixBits(seed, parent.low), MixBits(parent.low + counter, seed ^ parent.high)};
    if (id.IsNil()) id.low = 1;
    return id;
  }
};

std::string HexOf(std::uint64_t high, std::uint64_t low);
bool ParseHex(std::string_view hex, std::uint64_t& high, std::uint64_t& low);

template <class Tag>
std::string Id<Tag>::Hex() const {
  return HexOf(high, low);
}

template <class Tag>
Id<Tag> Id<Tag>::FromHex(std::string_view hex) {
  Id id;
  if (!ParseHex(hex, id.high, id.low)) return Id{};
  return id;
}

template <class Tag>
std::ostream& operator<<(std::ostream& out, const Id<Tag>& id) {
  return out << id.Short();
}

/// A node's incarnation: a daemon that restarts, or learns of its own death, comes back under a new
/// one.
using NodeId = Id<struct NodeTag>;
/// A worker or driver process; never reused.
using WorkerId = Id<struct WorkerTag>;
/// One driver's run.
using JobId = Id<struct JobTag>;
/// A task: a call of a remote function, of an actor's constructor, or of an actor method.
using TaskId = Id<struct TaskTag>;
/// An actor through all its restarts.
using ActorId = Id<struct ActorTag>;
/// A placement group: resources that are reserved together.
using PlacementGroupId = Id<struct PlacementGroupTag>;
/// A worker granted to an owner. Chosen by the raylet.
using LeaseId = Id<struct LeaseTag>;
/// The hash of an exported function or class.
using FunctionId = Id<struct FunctionTag>;

/// The n-th return value of a task, or the n-th `put` made while it ran.
struct ObjectId {
  /// Indexes from here on name `put` objects; below are return values.
  static constexpr std::uint32_t kFirstPut = 1u << 31;

  TaskId task;
  std::uint32_t index = 0;

  auto operator<=>(const ObjectId&) const = default;
  [[nodiscard]] bool IsNil() const { return task.IsNil(); }
  [[nodiscard]] bool IsPut() const { return index >= kFirstPut; }
  /// 40 hexadecimal digits: the task's 32, then the index.
  [[nodiscard]] std::string Hex() const;
  [[nodiscard]] static ObjectId FromHex(std::string_view hex);
};
std::ostream& operator<<(std::ostream& out, const ObjectId& id);

/// The `counter`-th task submitted by attempt `attempt` of `parent`. The attempt takes part,
/// because two attempts of one parent can be alive at once (a node wrongly declared dead) and each
/// owns its children.
[[nodiscard]] TaskId ChildTask(TaskId parent, std::uint32_t attempt, std::uint64_t counter);
/// The `counter`-th `put` of attempt `attempt` of `task`.
[[nodiscard]] ObjectId PutObject(TaskId task, std::uint32_t attempt, std::uint32_t counter);
/// The actor that creation task `task` makes.
[[nodiscard]] ActorId ActorOf(TaskId task);
/// The placement group whose creator counted it as task `task`.
[[nodiscard]] PlacementGroupId PlacementGroupOf(TaskId task);

}  // namespace mobula

template <class Tag>
struct std::hash<mobula::Id<Tag>> {
  std::size_t operator()(const mobula::Id<Tag>& id) const noexcept { return id.high ^ id.low; }
};
template <>
struct std::hash<mobula::ObjectId> {
  std::size_t operator()(const mobula::ObjectId& id) const noexcept {
    return std::hash<mobula::TaskId>{}(id.task) ^ (id.index * 0x9E3779B97F4A7C15ull);
  }
};
