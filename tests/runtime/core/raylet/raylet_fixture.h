// SPDX-License-Identifier: Apache-2.0
/// One raylet, fed with events; after each its invariants are checked. Named nodes, jobs and
/// owners, and short ways to bring it into the states that tests start from.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/core/raylet/outbox.h"
#include "runtime/core/raylet/raylet.h"

namespace mobula::raylet {

inline NodeId Node(std::uint64_t number) { return NodeId{0, number}; }
inline constexpr NodeId kSelf{0, 1};
inline constexpr JobId kJob{0, 9};
inline ResourceSet Cpus(double count) { return ResourceSet::Of({{"CPU", count}}); }
/// A process of node 2.
inline Address Remote(std::uint64_t number) { return {Node(2), WorkerId{0, number}}; }
/// The driver of kJob lives on this node.
inline const Address kDriver{kSelf, WorkerId{0, 500}};

inline NodeView Told(std::uint64_t number, const ResourceSet& total, const ResourceSet& available,
                     std::uint64_t version = 1) {
  NodeView view;
  view.info.node = Node(number);
  view.info.name = "n" + std::to_string(number);
  view.info.total = total;
  view.available = available;
  view.version = version;
  return view;
}
inline NodeView Dead(std::uint64_t number, std::string reason = "silent") {
  NodeView view = Told(number, {}, {});
  view.alive = false;
  view.death_reason = std::move(reason);
  return view;
}

inline Options TestOptions(const ResourceSet& total) {
  Options options;
  options.info.node = kSelf;
  options.info.name = "n1";
  options.info.total = total;
  options.store_capacity = 64 * 100;
  options.chunk_bytes = 1000;
  return options;
}

class RayletFixture : public testing::Test {
 protected:
  explicit RayletFixture(
      const ResourceSet& total = ResourceSet::Of({{"CPU", 2}, {"GPU", 1}, {"custom", 1}}))
      : raylet_(TestOptions(total)) {}
  explicit RayletFixture(Options options) : raylet_(std::move(options)) {}

  /// The effects of one event.
  Effects Do(const Event& event) {
    Effects out;
    raylet_.Handle(now_, event, out);
    raylet_.CheckInvariants();
    return out;
  }
  Effects Hear(const Address& source, Message message) {
    return Do(MessageReceived{source, std::move(message)});
  }
  Effects HearGcs(Message message) { return Hear(Address::Gcs(), std::move(message)); }
  Effects Fire(TimerKind kind, std::uint64_t key = 0) {
    return Do(TimerFired{{static_cast<std::uint32_t>(kind), key}});
  }

  void Join(SharedVector<NodeView> nodes = {}) {
    Do(NodeStarted{});
    HearGcs(NodeRegistered{std::move(nodes)});
  }
  /// kDriver registers and gets kJob.
  void StartDriver() {
    RegisterWorker message;
    message.worker = kDriver.worker;
    message.pid = 77;
    message.is_driver = true;
    message.job_config.ray_namespace = "space";
    Hear(kDriver, message);
    HearGcs(JobRegistered{1, kJob, kDriver});
  }
  void JoinWithDriver(SharedVector<NodeView> nodes = {}) {
    Join(std::move(nodes));
    StartDriver();
  }
  Effects Register(WorkerId worker) {
    RegisterWorker message;
    message.worker = worker;
    message.pid = 1000;
    return Hear({kSelf, worker}, message);
  }

  static RequestLease Request(std::uint64_t request, const ResourceSet& resources,
                              const Address& owner = kDriver) {
    RequestLease message;
    message.request = request;
    message.owner = owner;
    message.job = kJob;
    message.resources = resources;
    message.name = "f";
    return message;
  }
  /// A request that is granted at once or with one new process.
  LeaseGranted Lease(const RequestLease& request) {
    Effects out = Hear(request.owner, request);
    const auto started = Of<StartProcess>(out);
    if (!started.empty()) out = Register(started[0].worker);
    const auto granted = Sent<LeaseGranted>(out);
    EXPECT_EQ(granted.size(), 1u) << "no lease for request " << request.request;
    return granted.empty() ? LeaseGranted{} : granted[0].second;
  }
  LeaseGranted Lease(std::uint64_t request, const ResourceSet& resources) {
    return Lease(Request(request, resources));
  }
  Effects Return(const LeaseGranted& granted, const Address& owner = kDriver) {
    return Hear(owner, ReturnLease{granted.lease});
  }

  /// The effects of one kind.
  template <class T>
  static std::vector<T> Of(const Effects& effects) {
    std::vector<T> found;
    for (const Effect& effect : effects) {
      if (const T* match = std::get_if<T>(&effect)) found.push_back(*match);
    }
    return found;
  }
  /// Messages of one kind with their targets.
  template <class T>
  static std::vector<std::pair<Address, T>> Sent(const Effects& effects) {
    std::vector<std::pair<Address, T>> found;
    for (const Send& send : Of<Send>(effects)) {
      if (const T* match = std::get_if<T>(&send.message)) found.emplace_back(send.target, *match);
    }
    return found;
  }
  std::string StateOf(WorkerId worker) const {
    for (const WorkerView& view : raylet_.Workers()) {
      if (view.worker == worker) return view.state;
    }
    return "gone";
  }
  double FreeCpus() const { return raylet_.Available().Get("CPU"); }

  Instant now_;
  Raylet raylet_;
};

}  // namespace mobula::raylet
