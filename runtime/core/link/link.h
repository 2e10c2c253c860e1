// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/core/link/frame.h"
#include "runtime/core/protocol/effects.h"

namespace mobula::link {

struct Options {
  /// Until an unacknowledged envelope is sent again, doubling from the first to the second.
  Duration resend_min = Milliseconds(300);
  Duration resend_max = Seconds(3);
  /// How long an acknowledgement may wait for an envelope of the other direction to carry it.
  Duration acknowledge_delay = Milliseconds(20);
  /// Envelopes sent and not acknowledged, at most; more wait here (back-pressure).
  std::uint32_t window = 4096;
};

/// Where a link's output goes; the node turns these into its own effects.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void SendFrame(const Frame& frame) = 0;
  virtual void StartTimer(NodeId peer, Duration delay) = 0;
  virtual void Deliver(Envelope envelope) = 0;
};

/// Exactly-once, in-order delivery of envelopes between this node and its peers over a network that gives
/// neither: sequence numbers, cumulative acknowledgements carried by traffic of the other direction,
/// repetition with backoff. View: one node's; a peer is one incarnation, so a session never restarts.
///
/// State of a peer | meaning                              | leaves by
/// open            | envelopes flow; unacknowledged kept  | PeerDied
/// dead            | everything is dropped, for ever      | -
class Links {
 public:
  Links(NodeId self, Options options);

  void Send(Instant now, NodeId peer, Envelope envelope, Sink& out);
  void HandleFrame(Instant now, const Frame& frame, Sink& out);
  void HandleTimer(Instant now, NodeId peer, Sink& out);
  void PeerDied(NodeId peer);
  [[nodiscard]] bool IsDead(NodeId peer) const;
  /// Envelopes for `peer` not yet acknowledged.
  [[nodiscard]] std::size_t Unacknowledged(NodeId peer) const;
  void CheckInvariants() const;

 private:
  struct Peer {
    bool dead = false;
    /// Numbered, sent at least once unless beyond the window; erased when acknowledged.
    std::map<std::uint64_t, Envelope> outgoing;
    std::uint64_t next_sequence = 1;
    std::uint64_t first_unsent = 1;
    Instant resend_at;
    Duration resend_delay;
    bool resend_armed = false;
    /// Arrived ahead of a gap; erased when the gap closes.
    std::map<std::uint64_t, Envelope> early;
    std::uint64_t delivered = 0;
    bool acknowledge_owed = false;
    Instant acknowledge_at;
  };

  Peer& Get(NodeId peer);
  void Transmit(NodeId peer, Peer& state, std::uint64_t sequence, Sink& out);
  void TransmitWindow(Instant now, NodeId peer, Peer& state, Sink& out);
  void ArmResend(Instant now, NodeId peer, Peer& state, Sink& out);
  void OweAcknowledgement(Instant now, NodeId peer, Peer& state, Sink& out);

  NodeId self_;
  Options options_;
  std::map<NodeId, Peer> peers_;
};

}  // namespace mobula::link
