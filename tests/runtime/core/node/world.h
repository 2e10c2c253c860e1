// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/base/rng.h"
#include "runtime/core/node/node.h"

namespace mobula::node {

/// A small world for Node machines: virtual time, a network that delays (and so reorders) and loses
/// frames from a seed, and processes that follow a script. Node 0 is the head.
class World {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::size_t nodes = 3;
    double cpus = 2;
    double loss = 0.05;
    /// The GCS has node 0 for itself, without a raylet.
    bool lone_gcs = false;
  };
  explicit World(Options options);

  static NodeId NodeNumber(std::size_t index) { return NodeId{index + 1, 7}; }
  static Address Daemon(std::size_t index) { return Address::Daemon(NodeNumber(index)); }

  /// Works off everything that happens within `span`. Checks all invariants after each event.
  void Run(Duration span);
  /// Starts a driver on a node; `Received` gets its `WorkerRegistered` when it is a member.
  Address StartDriver(std::size_t index);
  void Say(const Address& process, const Address& target, Message message);
  /// Ends a process as the operating system would.
  void KillProcess(const Address& process);
  /// The daemon and all its processes are gone; connections to it are refused.
  void CrashNode(std::size_t index);
  /// Frames to and from the node are lost, silently.
  void SetCutOff(std::size_t index, bool cut_off);
  void StopNode(std::size_t index);

  /// Everything of type T that a process has received so far, with its sender.
  template <class T>
  [[nodiscard]] std::vector<std::pair<Address, T>> Received(const Address& process) const {
    std::vector<std::pair<Address, T>> found;
    const auto messages = received_.find(process);
    if (messages == received_.end()) return found;
    for (const Envelope& envelope : messages->second) {
      if (const T* message = std::get_if<T>(&envelope.message))
        found.emplace_back(envelope.source, *message);
    }
    return found;
  }
  /// Whether a node has said an effect of type T.
  template <class T>
  [[nodiscard]] std::size_t Count(std::size_t index) const {
    std::size_t count = 0;
    for (const Effect& effect : effects_.at(index))
      count += std::holds_alternative<T>(effect) ? 1 : 0;
    return count;
  }
  [[nodiscard]] const Node& At(std::size_t index) const { return *nodes_.at(index); }
  [[nodiscard]] const gcs::Gcs& Gcs() const { return *nodes_.at(0)->FindGcs(); }
  [[nodiscard]] const std::set<Address>& Processes() const { return processes_; }
  [[nodiscard]] Instant Now() const { return now_; }
  /// Over all effects of all nodes, in order.
  [[nodiscard]] std::uint64_t TraceHash() const { return trace_.Value(); }

 private:
  void At(Duration delay, std::size_t index, Event event);
  void Handle(std::size_t index, const Event& event);
  void Do(std::size_t index, const Effect& effect);
  void Transport(std::size_t source, const SendFrame& effect);
  void Register(const Address& process, bool is_driver);
  void Deliver(std::size_t index, const DeliverLocal& effect);

  Options options_;
  Rng rng_;
  Instant now_;
  /// Null after a crash.
  std::vector<std::unique_ptr<Node>> nodes_;
  std::set<std::size_t> cut_off_;
  std::set<Address> processes_;
  std::map<Address, std::vector<Envelope>> received_;
  std::vector<Effects> effects_;
  std::map<std::tuple<Instant, std::uint64_t>, std::pair<std::size_t, Event>> queue_;
  std::uint64_t counter_ = 0;
  Hasher trace_;
};

}  // namespace mobula::node
