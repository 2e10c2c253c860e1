// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "faults/observe.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// Ties a daemon, worker or driver to the controller of a fault plan (`mobula run --faults`): tells
/// it what happens here, stands still until it has done what follows from that, and obeys it. View:
/// one process's, from its start to its end; one connection. Not thread-safe.
///
/// Both ends send packets of words, a NUL behind each, over a SOCK_SEQPACKET socket:
///
///   process                                    controller
///     hello ROLE NODE ID           ──────────▶
///                                  ◀──────────   listen NUMBER WATCHED (EVENT NAME)...
///                                  ◀──────────   go
///     saw EVENT NAME FROM TO       ──────────▶   carries out what follows, with orders to others
///                                  ◀──────────   go
///     runs +|- NAME, actor CLASS,  ──────────▶   (when WATCHED: who is busy with what, and what
///     retried TEXT, cluster TEXT                 the report is to say)
///                                  ◀──────────   ORDER NUMBER ARGUMENTS...
///     done NUMBER                  ──────────▶
///
/// Orders that all obey are `listen`, and `clock NUMBER MACHINE_NS SHOWN_NS RATE`. After the
/// controller has gone nothing is reported any more.
class Reporter {
 public:
  using Words = std::vector<std::string>;
  /// Other orders, `order[1]` being the number; called from every function here that waits.
  using Obey = std::function<void(const Words& order)>;

  /// In the environment of all processes of a node: "NODE:PATH", its name and the controller's
  /// socket.
  static constexpr const char* kVariable = "MOBULA_FAULT_CONTROL";

  /// Null when no plan is executed, or its controller has gone.
  static std::unique_ptr<Reporter> Connect(Obey obey);

  /// Says who this is and takes the first orders. Of a daemon's incarnations each does.
  void Introduce(const std::string& role, const std::string& id);

  void Report(const faults::Observation& observation);
  /// A message that leaves its sender here, for the node of that name.
  void ReportMessage(const Message& message, const std::string& to);
  /// News that nobody need wait for; the first word says of what.
  void Tell(const Words& news);

  [[nodiscard]] const std::string& Node() const { return node_; }
  /// For polling.
  [[nodiscard]] int Number() const { return socket_.Get(); }
  /// Obeys what has arrived. False when the controller has gone: `Number` is not to be polled any
  /// more.
  bool HandleReadable();

 private:
  Reporter(std::string node, Fd socket, Obey obey)
      : node_(std::move(node)), socket_(std::move(socket)), obey_(std::move(obey)) {}

  [[nodiscard]] bool ListensFor(const faults::Observation& observation) const;
  void Send(const Words& words);
  /// Obeys the next packet; waits for it or not.
  enum class Received { kGo, kOrder, kNothing, kGone };
  Received Receive(bool wait);
  void AwaitGo();
  void Follow(const Words& order);

  std::string node_;
  Fd socket_;
  Obey obey_;
  bool gone_ = false;
  bool is_watched_ = false;
  /// By event; an empty name is any.
  std::map<std::string, std::set<std::string>> listens_;
};

}  // namespace mobula::host
