// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/gcs.h"
#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// A GCS with its timers in virtual time and a log. Each `Say` handles one message and checks the
/// invariants; what the GCS sent since the last `Say` or `Wait` is in `sent`. What it logs is
/// synced at once, or when a test says so; the log must always come to the tables.
class GcsTest : public testing::Test {
 protected:
  static NodeId NodeNumber(std::uint64_t number) { return NodeId{number, 0}; }
  static Address Worker(std::uint64_t node, std::uint64_t number) {
    return {NodeNumber(node), WorkerId{number, node}};
  }
  static Address Daemon(std::uint64_t node) { return Address::Daemon(NodeNumber(node)); }

  void Say(const Address& source, Message message) {
    sent.clear();
    Handle(MessageReceived{source, std::move(message)});
  }
  void Join(std::uint64_t node, double cpus = 4) { Say(Daemon(node), Registration(node, cpus)); }
  static RegisterNode Registration(std::uint64_t node, double cpus = 4) {
    RegisterNode registration;
    NodeInfo& info = registration.info;
    info.node = NodeNumber(node);
    info.name = "n" + std::to_string(node);
    info.address = info.name;
    info.total = ResourceSet::Of({{"CPU", cpus}});
    return registration;
  }
  /// Ends the life of the GCS. Its next one knows what was synced.
  void Restart() {
    std::destroy_at(&gcs);
    std::construct_at(&gcs, options);
    timers.clear();
    under_way.reset();
    sent.clear();
    Handle(Recovered{log.Records()});
  }
  /// The write under way is on disk.
  void Sync() {
    ASSERT_TRUE(under_way);
    const WriteLog write = *std::exchange(under_way, std::nullopt);
    for (const LogRecord& record : write.records) log.Apply(record);
    Handle(LogSynced{write.sequence});
  }
  void Report(std::uint64_t node, std::uint64_t version, double cpus = 4) {
    Say(Daemon(node), NodeReport{NodeNumber(node), version, ResourceSet::Of({{"CPU", cpus}}), {}});
  }
  /// Lets time pass; the nodes that are listed keep reporting.
  void Wait(Duration span, const std::vector<std::uint64_t>& reporting = {}) {
    sent.clear();
    const Instant end = now + span;
    while (now < end) {
      now = now + Milliseconds(10);
      for (const std::uint64_t node : reporting) {
        Handle(MessageReceived{Daemon(node), NodeReport{NodeNumber(node), 0, {}, {}}});
      }
      FireTimers();
    }
  }

  /// What was sent to `target`, of type T.
  template <class T>
  std::vector<T> SentTo(const Address& target) const {
    std::vector<T> found;
    for (const Send& send : sent) {
      const T* message = std::get_if<T>(&send.message);
      if (message != nullptr && send.target == target) found.push_back(*message);
    }
    return found;
  }
  template <class T>
  std::size_t CountSent() const {
    std::size_t count = 0;
    for (const Send& send : sent) count += std::holds_alternative<T>(send.message) ? 1 : 0;
    return count;
  }
  NodeView Node(std::uint64_t number) const {
    for (const NodeView& view : gcs.Nodes()) {
      if (view.info.node == NodeNumber(number)) return view;
    }
    ADD_FAILURE() << "no node " << number;
    return {};
  }

  void Handle(const Event& event) {
    Effects effects;
    gcs.Handle(now, event, effects);
    gcs.CheckInvariants();
    for (Effect& effect : effects) {
      if (auto* send = std::get_if<Send>(&effect)) sent.push_back(std::move(*send));
      if (auto* timer = std::get_if<StartTimer>(&effect))
        timers.emplace(now + timer->delay, timer->timer);
      if (auto* told = std::get_if<ClusterEvent>(&effect)) events.push_back(told->text);
      if (auto* change = std::get_if<MembershipChanged>(&effect)) changes.push_back(*change);
      if (auto* write = std::get_if<WriteLog>(&effect)) {
        ASSERT_FALSE(under_way) << "two writes at once";
        under_way = std::move(*write);
        ++writes;
      }
    }
    if (!syncs_at_once) return;
    if (under_way) return Sync();
    // Compared now and then, because a comparison costs as much as many events.
    EXPECT_TRUE(++handled % 16 != 0 || log == gcs.LoggedRows());
  }
  void FireTimers() {
    while (!timers.empty() && timers.begin()->first <= now) {
      const TimerId timer = timers.begin()->second;
      timers.erase(timers.begin());
      Handle(TimerFired{timer});
    }
  }

  static Options WithLog() {
    Options options;
    options.keeps_log = true;
    options.node = NodeNumber(1);
    options.address = "n1";
    return options;
  }
  GcsTest() { Handle(Recovered{}); }
  void TearDown() override { EXPECT_TRUE(!syncs_at_once || log == gcs.LoggedRows()); }

  Options options = WithLog();
  Gcs gcs{options};
  Instant now{Seconds(100).nanoseconds};
  std::vector<Send> sent;
  std::multimap<Instant, TimerId> timers;
  std::vector<std::string> events;
  std::vector<MembershipChanged> changes;
  /// The disk: what was synced, and the write that is not.
  Rows log;
  std::optional<WriteLog> under_way;
  bool syncs_at_once = true;
  std::size_t writes = 0;
  std::uint64_t handled = 0;
};

}  // namespace mobula::gcs
