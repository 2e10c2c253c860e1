// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/core/node/node.h"

namespace mobula::node {

/// The other daemons as this one knows them: where each listens, which are dead, and the links to
/// them.
///
/// State of a peer | meaning                                             | leaves by
/// unknown         | envelopes for it wait in its link, nothing is sent  | Joined
/// known           | frames go to its address                            | Died
/// dead            | for ever; only notices of the GCS still go there    | -
class Peers {
 public:
  /// Where envelopes from other nodes are put.
  using Inbox = std::deque<Envelope>;

  Peers(NodeId self, link::Options options, std::uint32_t timer_kind);

  /// Sets the address ahead of any news of the node: the head's, which is configured.
  void SetAddress(NodeId node, const std::string& address);
  /// Repeated news change nothing.
  void Joined(Instant now, const SharedVector<NodeInfo>& infos, Effects& out);
  void Died(const NodeInfo& info, Effects& out);
  /// Another daemon took `old`'s place at `address`.
  void Replaced(NodeId old, NodeId successor, const std::string& address, Effects& out);

  void Send(Instant now, NodeId node, Envelope envelope, Effects& out);
  /// To a dead node, or one without a link: once, perhaps.
  void SendNotice(NodeId node, Envelope envelope, Effects& out);
  void SendChunk(const raylet::SendChunk& chunk, Effects& out) const;
  void HandleFrame(Instant now, const link::Frame& frame, Inbox& inbox, Effects& out);
  /// `key` is that of the timer started before.
  void HandleTimer(Instant now, std::uint64_t key, Effects& out);

  [[nodiscard]] bool IsDead(NodeId node) const { return links_.IsDead(node); }
  /// For people: its name, or its id when it is unknown.
  [[nodiscard]] std::string NameOf(NodeId node) const;
  [[nodiscard]] std::vector<LinkView> Views() const;
  void CheckInvariants() const { links_.CheckInvariants(); }

 private:
  class Output;

  /// What was told of the node, which others of this process may share; null when nothing was.
  [[nodiscard]] const NodeInfo* Find(NodeId node) const;
  /// Empty when unknown.
  [[nodiscard]] const std::string& AddressOf(NodeId node) const;
  void Keep(std::shared_ptr<const NodeInfo> info);

  NodeId self_;
  link::Links links_;
  /// Of this kind are the timers of links; the key is a peer's position in `numbered_`.
  std::uint32_t timer_kind_;
  /// In the order of their ids; they stay.
  std::vector<std::shared_ptr<const NodeInfo>> known_;
  std::map<NodeId, std::uint64_t> numbers_;
  std::vector<NodeId> numbered_;
};

}  // namespace mobula::node
