// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
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
  /// For tests of the tests.
  Bugs bugs;
};

/// Where a link's output goes; the node turns these into its own effects. An implementation must
/// not call back into the Links that is speaking: what it delivers is to be worked off afterwards.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void SendFrame(const Frame& frame) = 0;
  /// Call `HandleTimer(peer)` after `delay`. Calls that come too early do no harm.
  virtual void StartTimer(NodeId peer, Duration delay) = 0;
  virtual void Deliver(Envelope envelope) = 0;
};

/// Exactly-once, in-order delivery of envelopes between this node and its peers over a network that
/// gives neither: sequence numbers, cumulative acknowledgements carried by traffic of the other
/// direction, repetition with backoff. View: one node's; a peer is one incarnation, so a session
/// never restarts.
///
/// State of a peer | meaning                              | leaves by
/// open            | envelopes flow; unacknowledged kept  | PeerDied
/// dead            | everything is dropped, for ever      | -
///
/// When nothing was acknowledged for `resend_min` (doubling), only the first few envelopes are
/// repeated; the acknowledgements they bring release the rest in doubling portions. So a healed
/// network recovers at its own speed, and a dead peer costs a handful of frames per `resend_max`.
class Links {
 public:
  Links(NodeId self, Options options);

  /// Numbers the envelope and keeps it until the peer has it. Dropped when the peer is dead.
  void Send(Instant now, NodeId peer, Envelope envelope, Sink& out);
  /// Sends an envelope outside of the numbering: at most once, in no order, even to a dead peer.
  /// For telling a node that it was declared dead.
  void SendNotice(NodeId peer, Envelope envelope, Sink& out);
  /// Frames from dead peers and nonsense are dropped. REQUIRES: frame.target is this node.
  void HandleFrame(Instant now, const Frame& frame, Sink& out);
  void HandleTimer(Instant now, NodeId peer, Sink& out);
  /// The way to the peer was found or came back: what waits is repeated now instead of after the
  /// backoff.
  void PeerReachable(Instant now, NodeId peer, Sink& out);
  void PeerDied(NodeId peer);
  [[nodiscard]] bool IsDead(NodeId peer) const;
  /// Envelopes for `peer` not yet acknowledged.
  [[nodiscard]] std::size_t Unacknowledged(NodeId peer) const;

  /// One link's counts, for tools.
  struct Counts {
    NodeId peer;
    std::uint64_t sent = 0;
    std::uint64_t unacknowledged = 0;
    std::uint64_t delivered = 0;
    std::uint64_t early = 0;
    bool dead = false;
  };
  [[nodiscard]] std::vector<Counts> CountAll() const;
  void CheckInvariants() const;

 private:
  struct Peer {
    bool dead = false;

    /// Numbered; sent at least once if below `first_unsent`. Erased when acknowledged.
    std::map<std::uint64_t, Envelope> outgoing;
    std::uint64_t next_sequence = 1;
    std::uint64_t first_unsent = 1;
    /// When to repeat, if anything sent is unacknowledged; and the delay that led there.
    Instant resend_at;
    Duration resend_delay;
    /// The resend timer that is under way; it may be found too early when it fires.
    std::optional<Instant> resend_timer;
    /// After a repetition, until everything sent before it is acknowledged: repeated so far, and
    /// the last to repeat.
    std::uint64_t repeated = 0;
    std::uint64_t repeat_until = 0;

    /// Arrived ahead of a gap; erased when the gap closes.
    std::map<std::uint64_t, Envelope> early;
    /// Everything up to here was delivered.
    std::uint64_t delivered = 0;
    /// Frames heard since the peer was last told `delivered`.
    std::uint32_t unanswered = 0;
    Instant acknowledge_at;
    std::optional<Instant> acknowledge_timer;
    /// How many timers will still ring; those that do not count any more, too.
    std::uint32_t timers = 0;
  };

  /// What the peer is told it need not keep.
  [[nodiscard]] std::uint64_t Acknowledged(const Peer& state) const;
  void Transmit(NodeId peer, Peer& state, std::uint64_t sequence, Sink& out) const;
  void TransmitWindow(Instant now, NodeId peer, Peer& state, Sink& out) const;
  void Repeat(Instant now, NodeId peer, Peer& state, std::uint64_t count, Sink& out) const;
  void RepeatMissing(Instant now, NodeId peer, Peer& state, Sink& out) const;
  void ArmResend(Instant now, NodeId peer, Peer& state, Sink& out) const;
  void HandleAcknowledgement(Instant now, NodeId peer, Peer& state, std::uint64_t acknowledged,
                             Sink& out) const;
  void Accept(Peer& state, const Frame& frame, Sink& out) const;
  void OweAcknowledgement(Instant now, NodeId peer, Peer& state, Sink& out) const;
  void SendAcknowledgement(NodeId peer, Peer& state, Sink& out) const;
  void StartTimer(NodeId peer, Peer& state, Duration delay, Sink& out) const;
  void HandleResendTimer(Instant now, NodeId peer, Peer& state, Sink& out) const;
  void HandleAcknowledgeTimer(Instant now, NodeId peer, Peer& state, Sink& out) const;

  NodeId self_;
  Options options_;
  /// Dead ones stay, empty: late frames must not open a new session.
  std::map<NodeId, Peer> peers_;
};

}  // namespace mobula::link
