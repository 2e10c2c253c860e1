// SPDX-License-Identifier: Apache-2.0
/// A sink that writes down what it is told, one line each, and names for the objects and processes
/// of tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/object_store/sink.h"

namespace mobula::object_store {

inline NodeId Node(std::uint64_t number) { return NodeId{0, number}; }
inline constexpr NodeId kSelf{0, 1};
/// A process of this node.
inline Address Local(std::uint64_t number) { return {kSelf, WorkerId{0, number}}; }
/// A process of node 2.
inline Address Remote(std::uint64_t number) { return {Node(2), WorkerId{0, number}}; }
inline ObjectId Object(std::uint64_t number) { return {TaskId{0, number}, 0}; }
inline ObjectRef Ref(std::uint64_t number, Address owner = Remote(70)) {
  return {Object(number), owner};
}

/// The sizes of small objects, so that what the store rounds up to is what they take.
inline constexpr std::uint64_t kUnit = 64;

class Recorder final : public Sink {
 public:
  struct Sent {
    Address target;
    Message message;
    bool operator==(const Sent&) const = default;
  };
  struct Timer {
    std::uint64_t key;
    Duration delay;
    bool operator==(const Timer&) const = default;
  };

  void Send(const Address& target, Message message) override {
    sent.push_back({target, std::move(message)});
  }
  void StartCreateTimer(std::uint64_t key, Duration delay) override {
    create_timers.push_back({key, delay});
  }
  void StartPullTimer(std::uint64_t key, Duration delay) override {
    pull_timers.push_back({key, delay});
  }
  void StartSpillTimer(Duration delay) override { spill_timers.push_back(delay); }
  void Spill(SpillObjects write) override { spills.push_back(std::move(write)); }
  void Restore(RestoreObject read) override { restores.push_back(read); }
  void Delete(DeleteSpilled file) override { deleted.push_back(file.file); }
  void SendChunk(NodeId target, const RequestChunk& range, std::uint64_t start,
                 std::uint64_t file) override {
    chunks.push_back("to " + std::to_string(target.low) + ": [" + std::to_string(range.offset) +
                     ", +" + std::to_string(range.length) + ") of " +
                     std::to_string(range.object.task.low) + " at " + std::to_string(start) +
                     (file == 0 ? "" : " of file " + std::to_string(file)));
  }
  void DiscardMemory(std::uint64_t offset, std::uint64_t size) override {
    discarded.emplace_back(offset, size);
  }

  /// What was sent since the last call.
  std::vector<Sent> Take() { return std::exchange(sent, {}); }

  std::vector<Sent> sent;
  std::vector<Timer> create_timers;
  std::vector<Timer> pull_timers;
  std::vector<Duration> spill_timers;
  std::vector<SpillObjects> spills;
  std::vector<RestoreObject> restores;
  std::vector<std::uint64_t> deleted;
  std::vector<std::string> chunks;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> discarded;
};

inline void PrintTo(const Recorder::Sent& sent, std::ostream* out) {
  *out << ToString(sent.message) << " to " << ToString(sent.target);
}

}  // namespace mobula::object_store
