// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/link/link.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::link {
namespace {

/// Envelopes repeated after a silence, before the peer shows that it hears.
constexpr std::uint64_t kFirstRepeats = 8;

/// An acknowledgement may be held back for one delay; another is for the way there and back.
constexpr std::int64_t kDelaysUntilMissing = 2;

/// The first sequence number that the peer has not acknowledged.
template <class Outgoing>
std::uint64_t FirstKept(const Outgoing& outgoing, std::uint64_t next_sequence) {
  return outgoing.empty() ? next_sequence : outgoing.begin()->first;
}

}  // namespace

Links::Links(NodeId self, Options options) : self_(self), options_(options) {
  CHECK(options_.window > 0) << "a link needs room for an envelope";
}

void Links::Send(Instant now, NodeId peer, Envelope envelope, Sink& out) {
  CHECK(peer != self_) << "a node has no link to itself";
  Peer& state = peers_[peer];
  if (state.dead) return;
  state.outgoing.emplace(state.next_sequence++, std::move(envelope));
  TransmitWindow(now, peer, state, out);
}

void Links::SendNotice(NodeId peer, Envelope envelope, Sink& out) {
  out.SendFrame(Frame{self_, peer, 0, 0, std::move(envelope)});
}

void Links::HandleFrame(Instant now, const Frame& frame, Sink& out) {
  CHECK(frame.target == self_) << "a frame for " << frame.target << " reached " << self_;
  const NodeId peer = frame.source;
  Peer& state = peers_[peer];
  // An acknowledgement of what was never sent is for another session; nothing in the frame is for
  // this one.
  if (state.dead || frame.acknowledged >= state.first_unsent) return;
  HandleAcknowledgement(now, peer, state, frame.acknowledged, out);
  if (!frame.envelope) return;
  if (frame.sequence == 0) {
    out.Deliver(*frame.envelope);
    return;
  }
  Accept(state, frame, out);
  OweAcknowledgement(now, peer, state, out);
}

void Links::HandleTimer(Instant now, NodeId peer, Sink& out) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.dead) return;
  Peer& state = found->second;
  if (state.timers > 0) --state.timers;
  // A clock that was slowed down since lets a timer ring early. If it is the last one, it counts:
  // whoever finds it too early starts the next.
  const bool is_last = state.timers == 0;
  const auto is_due = [&](const std::optional<Instant>& timer) {
    return timer && (is_last || now >= *timer);
  };
  if (is_due(state.acknowledge_timer)) HandleAcknowledgeTimer(now, peer, state, out);
  if (is_due(state.resend_timer)) HandleResendTimer(now, peer, state, out);
}

void Links::PeerReachable(Instant now, NodeId peer, Sink& out) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.outgoing.empty()) return;
  Peer& state = found->second;
  state.resend_delay = options_.resend_min;
  Repeat(now, peer, state, kFirstRepeats, out);
}

void Links::PeerDied(NodeId peer) {
  Peer& state = peers_[peer];
  state = Peer{};
  state.dead = true;
}

bool Links::IsDead(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.dead;
}

std::vector<Links::Counts> Links::CountAll() const {
  std::vector<Counts> all;
  for (const auto& [id, peer] : peers_) {
    all.push_back({id, peer.next_sequence - 1, peer.outgoing.size(), peer.delivered,
                   peer.early.size(), peer.dead});
  }
  return all;
}

std::size_t Links::Unacknowledged(NodeId peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? 0 : found->second.outgoing.size();
}

std::uint64_t Links::Acknowledged(const Peer& state) const {
  const bool too_much = options_.bugs.Has(Bug::kAcknowledgesEarly) && !state.early.empty();
  return too_much ? state.early.rbegin()->first : state.delivered;
}

/// Sends one numbered envelope; it carries the acknowledgement that is owed.
void Links::Transmit(NodeId peer, Peer& state, std::uint64_t sequence, Sink& out) const {
  state.unanswered = 0;
  out.SendFrame(Frame{self_, peer, sequence, Acknowledged(state), state.outgoing.at(sequence)});
}

void Links::TransmitWindow(Instant now, NodeId peer, Peer& state, Sink& out) const {
  const std::uint64_t end = std::min(
      state.next_sequence, FirstKept(state.outgoing, state.next_sequence) + options_.window);
  if (state.first_unsent >= end) return;
  const bool was_silent = FirstKept(state.outgoing, state.next_sequence) == state.first_unsent;
  while (state.first_unsent < end) Transmit(peer, state, state.first_unsent++, out);
  if (!was_silent) return;
  state.resend_delay = options_.resend_min;
  state.resend_at = now + state.resend_delay;
  ArmResend(now, peer, state, out);
}

/// Sends the next `count` of what was sent before and is unacknowledged, from the first not yet
/// repeated.
void Links::Repeat(Instant now, NodeId peer, Peer& state, std::uint64_t count, Sink& out) const {
  state.repeated = FirstKept(state.outgoing, state.next_sequence) - 1;
  state.repeat_until = state.first_unsent - 1;
  const std::uint64_t end = std::min(state.repeat_until, state.repeated + count);
  while (state.repeated < end) Transmit(peer, state, ++state.repeated, out);
  state.resend_at = now + state.resend_delay;
  ArmResend(now, peer, state, out);
}

/// The peer is heard and still lacks what it should have had by now: the first of it is lost, and
/// the backoff is for peers that are not heard.
void Links::RepeatMissing(Instant now, NodeId peer, Peer& state, Sink& out) const {
  if (state.outgoing.empty()) return;
  const Instant silent_since = state.resend_at - state.resend_delay;
  if (now - silent_since < options_.acknowledge_delay * kDelaysUntilMissing) return;
  state.resend_delay = options_.resend_min;
  Repeat(now, peer, state, 1, out);
}

void Links::StartTimer(NodeId peer, Peer& state, Duration delay, Sink& out) const {
  ++state.timers;
  out.StartTimer(peer, delay);
}

void Links::ArmResend(Instant now, NodeId peer, Peer& state, Sink& out) const {
  // One that fires too early starts the next; one that would fire too late does not count.
  if (state.resend_timer && *state.resend_timer <= state.resend_at) return;
  state.resend_timer = state.resend_at;
  StartTimer(peer, state, state.resend_at - now, out);
}

void Links::HandleAcknowledgement(Instant now, NodeId peer, Peer& state, std::uint64_t acknowledged,
                                  Sink& out) const {
  const std::uint64_t first = FirstKept(state.outgoing, state.next_sequence);
  if (acknowledged < first) {
    RepeatMissing(now, peer, state, out);
    return;
  }
  state.outgoing.erase(state.outgoing.begin(), state.outgoing.upper_bound(acknowledged));
  state.resend_delay = options_.resend_min;
  state.resend_at = now + state.resend_delay;
  if (acknowledged < state.repeat_until) {
    // Still closing the gaps of a silence: each acknowledged envelope lets two more be repeated.
    const std::uint64_t start = std::max(state.repeated, acknowledged);
    const std::uint64_t end = std::min(state.repeat_until, start + 2 * (acknowledged - first + 1));
    state.repeated = start;
    while (state.repeated < end) Transmit(peer, state, ++state.repeated, out);
  }
  if (!options_.bugs.Has(Bug::kKeepsWindowShut)) TransmitWindow(now, peer, state, out);
}

/// Delivers what is next, with everything that waited for it; keeps what is early; drops what is
/// known.
void Links::Accept(Peer& state, const Frame& frame, Sink& out) const {
  if (frame.sequence <= state.delivered || frame.sequence > state.delivered + options_.window) {
    const bool known = frame.sequence <= state.delivered;
    if (known && options_.bugs.Has(Bug::kDeliversTwice)) out.Deliver(*frame.envelope);
    return;
  }
  state.early.emplace(frame.sequence, *frame.envelope);
  while (!state.early.empty() && state.early.begin()->first == state.delivered + 1) {
    ++state.delivered;
    out.Deliver(std::move(state.early.begin()->second));
    state.early.erase(state.early.begin());
  }
}

void Links::OweAcknowledgement(Instant now, NodeId peer, Peer& state, Sink& out) const {
  // A sender whose window fills up must not wait for the delay.
  if (++state.unanswered >= std::max(1u, options_.window / 4)) {
    SendAcknowledgement(peer, state, out);
    return;
  }
  if (state.unanswered > 1) return;
  state.acknowledge_at = now + options_.acknowledge_delay;
  if (state.acknowledge_timer) return;
  state.acknowledge_timer = state.acknowledge_at;
  StartTimer(peer, state, options_.acknowledge_delay, out);
}

void Links::SendAcknowledgement(NodeId peer, Peer& state, Sink& out) const {
  state.unanswered = 0;
  out.SendFrame(Frame{self_, peer, 0, Acknowledged(state), std::nullopt});
}

void Links::HandleAcknowledgeTimer(Instant now, NodeId peer, Peer& state, Sink& out) const {
  state.acknowledge_timer.reset();
  if (state.unanswered == 0) return;
  if (now >= state.acknowledge_at) {
    SendAcknowledgement(peer, state, out);
    return;
  }
  // Traffic carried the acknowledgement this timer was for; another has come to be owed since.
  state.acknowledge_timer = state.acknowledge_at;
  StartTimer(peer, state, state.acknowledge_at - now, out);
}

void Links::HandleResendTimer(Instant now, NodeId peer, Peer& state, Sink& out) const {
  state.resend_timer.reset();
  if (state.outgoing.empty()) return;
  if (now < state.resend_at) {
    ArmResend(now, peer, state, out);
    return;
  }
  if (options_.bugs.Has(Bug::kNeverResends)) return;
  state.resend_delay = std::min(state.resend_delay * 2, options_.resend_max);
  Repeat(now, peer, state, kFirstRepeats, out);
}

void Links::CheckInvariants() const {
  for (const auto& [peer, state] : peers_) {
    CHECK(peer != self_) << "a link to itself";
    if (state.dead) {
      CHECK(state.outgoing.empty() && state.early.empty()) << "a dead peer keeps envelopes";
      continue;
    }
    const std::uint64_t first = FirstKept(state.outgoing, state.next_sequence);
    CHECK(state.next_sequence - first == state.outgoing.size())
        << "a gap in what is kept for " << peer;
    CHECK(first <= state.first_unsent && state.first_unsent <= state.next_sequence) << peer;
    CHECK(state.first_unsent - first <= options_.window)
        << "the window to " << peer << " is overrun";
    CHECK(state.outgoing.empty() || state.first_unsent > first)
        << "nothing is under way to " << peer;
    CHECK(state.outgoing.empty() || state.resend_timer) << "nothing will be repeated to " << peer;
    CHECK(state.timers > 0 || (!state.resend_timer && !state.acknowledge_timer))
        << "no timer will ring for " << peer;
    CHECK(state.early.empty() || state.early.begin()->first > state.delivered + 1) << peer;
    CHECK(state.early.size() < options_.window) << "too much kept ahead of a gap from " << peer;
    CHECK(state.unanswered == 0 || state.acknowledge_timer) << "an acknowledgement is forgotten";
  }
}

}  // namespace mobula::link
