// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/node/node.h"

#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/node/peers.h"

namespace mobula::node {
namespace {

/// The parts share one space of timer kinds: the raylet's from 0, the GCS's from kGcsTimers, and
/// one for the links, whose key names the peer.
constexpr std::uint32_t kGcsTimers = 1000;
constexpr std::uint32_t kLinkTimer = 2000;

/// A buffer keeps room for what usual events need. The news of a whole cluster are no such thing.
constexpr std::size_t kUsualEffects = 16;

template <class T>
void Empty(std::vector<T>& buffer) {
  buffer.clear();
  if (buffer.capacity() > kUsualEffects) buffer.shrink_to_fit();
}

/// Messages that say that somebody is gone: if nobody is there to hear them, nobody is told.
bool IsDeathNotice(const Message& message) {
  return std::holds_alternative<WorkerDied>(message) || std::holds_alternative<NodeDied>(message);
}

}  // namespace

struct Node::Parts {
  explicit Parts(Options given)
      : options(std::move(given)),
        self(options.raylet.info.node),
        peers(self, options.link, kLinkTimer) {
    CHECK(!self.IsNil()) << "a node without an id";
    CHECK(options.has_gcs == (options.gcs_node == self)) << "the GCS is on " << options.gcs_node;
    if (options.has_raylet) raylet.emplace(options.raylet);
    options.gcs.node = self;
    options.gcs.address = options.gcs_address;
    options.gcs.central_scheduling = options.raylet.scheduling.IsCentral();
    if (options.has_gcs) gcs.emplace(options.gcs);
    if (!options.has_gcs) peers.SetAddress(options.gcs_node, options.gcs_address);
  }

  struct Turn;

  Options options;
  NodeId self;
  Peers peers;
  std::optional<raylet::Raylet> raylet;
  /// None after GcsCrashed.
  std::optional<gcs::Gcs> gcs;
  /// Counts the lives of the GCS on this node: timers of an earlier one are void.
  std::uint64_t gcs_life = 0;
  /// What this event has made for the raylet or the GCS of this node, and what came from other
  /// nodes; empty between events.
  Peers::Inbox inbox;
  /// Buffers, empty between uses.
  raylet::Effects raylet_effects;
  gcs::Effects gcs_effects;
};

/// The handling of one event: everything it leads to on this node, until the inbox is empty.
struct Node::Parts::Turn {
  Parts& parts;
  Instant now;
  Effects& out;

  void Handle(const EnvelopeSent& event);
  void Handle(const FrameReceived& event);
  void Handle(const LinkBroken& event);
  void Handle(const TimerFired& event);
  void Handle(const GcsCrashed& event);
  void Handle(const GcsStarted& event);
  void Handle(const gcs::LogSynced& event) { RunGcs(event); }
  void Handle(const gcs::LogFailed& event) { RunGcs(event); }
  template <class T>
  void Handle(const T& event) {
    if (parts.raylet) {
      RunRaylet(event);
    } else if constexpr (std::is_same_v<T, raylet::StopRequested>) {
      out.push_back(raylet::Stopped{});
    }
  }
  void Drain();

 private:
  void Route(Envelope envelope);
  void RouteToProcess(Envelope envelope);
  void RouteToPeer(Envelope envelope);
  void Bounce(const Envelope& envelope, std::string reason);
  void Arrive(Envelope envelope);
  [[nodiscard]] bool FollowGcs(const GcsRestarted& news);
  void RunRaylet(const raylet::Event& event);
  void RunGcs(const gcs::Event& event);
  void Send(const Address& source, mobula::Send&& effect);
};

// ---- Events
// ------------------------------------------------------------------------------------------------

void Node::Parts::Turn::Handle(const EnvelopeSent& event) {
  Envelope envelope = event.envelope;
  // A process that has just started does not know its node yet.
  envelope.source.node = parts.self;
  Route(std::move(envelope));
}

void Node::Parts::Turn::Handle(const FrameReceived& event) {
  const link::Frame& frame = event.frame;
  if (frame.target != parts.self) {
    // An earlier daemon at this address was meant; it is gone, and the GCS finds out. If that was
    // the GCS, it is here now.
    if (parts.gcs) {
      parts.peers.SendNotice(frame.source,
                             {Address::Gcs(), Address::Daemon(frame.source),
                              GcsRestarted{parts.self, parts.options.gcs_address, frame.target}},
                             out);
    }
    return;
  }
  if (!parts.peers.IsDead(frame.source)) {
    if (parts.gcs) RunGcs(gcs::NodeHeard{frame.source});
    parts.peers.HandleFrame(now, frame, parts.inbox, out);
  } else if (parts.gcs && frame.envelope) {
    // A node that does not know yet that it was declared dead: whatever it says, the GCS tells it.
    parts.inbox.push_back({Address::Daemon(frame.source), Address::Gcs(), frame.envelope->message});
  }
}

void Node::Parts::Turn::Handle(const LinkBroken& event) {
  // Without the GCS nobody could be told; a broken stream alone is mended by the link.
  if (!event.refused || parts.peers.IsDead(event.peer) || event.peer == parts.options.gcs_node)
    return;
  Route({Address::Daemon(parts.self), Address::Gcs(), NodeSuspected{event.peer, event.reason}});
}

void Node::Parts::Turn::Handle(const TimerFired& event) {
  TimerId timer = event.timer;
  if (timer.kind == kLinkTimer) {
    parts.peers.HandleTimer(now, timer.key, out);
  } else if (timer.kind >= kGcsTimers) {
    timer.kind -= kGcsTimers;
    if (std::exchange(timer.key, 0) == parts.gcs_life) RunGcs(TimerFired{timer});
  } else {
    CHECK(parts.raylet) << ToString(timer);
    RunRaylet(event);
  }
}

void Node::Parts::Turn::Handle(const GcsCrashed&) {
  parts.gcs.reset();
  ++parts.gcs_life;
}

void Node::Parts::Turn::Handle(const GcsStarted& event) {
  CHECK(parts.options.has_gcs) << "the GCS is on " << parts.options.gcs_node;
  parts.gcs.emplace(parts.options.gcs);
  ++parts.gcs_life;
  RunGcs(gcs::Recovered{event.records});
}

void Node::Parts::Turn::Drain() {
  while (!parts.inbox.empty()) {
    Envelope envelope = std::move(parts.inbox.front());
    parts.inbox.pop_front();
    Arrive(std::move(envelope));
  }
}

// ---- Routing
// -----------------------------------------------------------------------------------------------

/// Sends an envelope made on this node on its way. What is for the raylet or GCS here waits in the
/// inbox.
void Node::Parts::Turn::Route(Envelope envelope) {
  const Address& target = envelope.target;
  if (target.IsGcs() ? parts.options.has_gcs : target.IsDaemon() && target.node == parts.self) {
    parts.inbox.push_back(std::move(envelope));
  } else if (target.node == parts.self) {
    RouteToProcess(std::move(envelope));
  } else {
    RouteToPeer(std::move(envelope));
  }
}

void Node::Parts::Turn::RouteToProcess(Envelope envelope) {
  const WorkerId worker = envelope.target.worker;
  // The raylet knows whom it speaks to, and answers processes that are not registered yet.
  const bool from_raylet =
      envelope.source == Address::Daemon(parts.self) && !IsDeathNotice(envelope.message);
  if (from_raylet || (parts.raylet && parts.raylet->IsRegistered(worker))) {
    out.push_back(DeliverLocal{worker, std::move(envelope)});
  } else {
    Bounce(envelope, "the process has ended");
  }
}

void Node::Parts::Turn::RouteToPeer(Envelope envelope) {
  const NodeId node = envelope.target.IsGcs() ? parts.options.gcs_node : envelope.target.node;
  CHECK(!node.IsNil()) << "no way to " << ToString(envelope.target);
  if (!parts.peers.IsDead(node)) {
    parts.peers.Send(now, node, std::move(envelope), out);
  } else if (envelope.source.IsGcs() && std::holds_alternative<ClusterChanged>(envelope.message)) {
    parts.peers.SendNotice(node, std::move(envelope), out);
  } else {
    Bounce(envelope, "node " + parts.peers.NameOf(node) + " is dead");
  }
}

/// Tells the sender that the target is gone. Raylets and the GCS hear of dead nodes by themselves.
void Node::Parts::Turn::Bounce(const Envelope& envelope, std::string reason) {
  if (IsDeathNotice(envelope.message)) return;
  if (envelope.target.worker.IsNil() && envelope.source.worker.IsNil()) return;
  Route({Address::Daemon(parts.self), envelope.source,
         WorkerDied{envelope.target, std::move(reason), false}});
}

/// An envelope reached this node, or never left it.
void Node::Parts::Turn::Arrive(Envelope envelope) {
  const Address& target = envelope.target;
  if (target.IsGcs()) {
    if (const auto* joining = std::get_if<RegisterNode>(&envelope.message)) {
      // The answer has to find its way before the news of the node come from the GCS; and its link
      // needs acknowledgements, also while there is no GCS.
      parts.peers.Joined(now, {joining->info}, out);
    }
    if (!parts.gcs) return;  // It is down, or the sender has a wrong idea of where it is.
    RunGcs(MessageReceived{envelope.source, std::move(envelope.message)});
  } else if (target.node != parts.self) {
    return;  // A sender with a wrong idea of who this node is.
  } else if (!target.IsDaemon()) {
    RouteToProcess(std::move(envelope));
  } else if (const auto* news = std::get_if<GcsRestarted>(&envelope.message);
             news != nullptr && !FollowGcs(*news)) {
    return;
  } else if (parts.raylet) {
    RunRaylet(MessageReceived{envelope.source, std::move(envelope.message)});
  }
}

/// Whether the news are news: else they are an old life's, and arrived late.
bool Node::Parts::Turn::FollowGcs(const GcsRestarted& news) {
  NodeId& current = parts.options.gcs_node;
  if (news.gcs_node == current) return true;
  if (news.replaces != current) return false;
  parts.peers.Replaced(current, news.gcs_node, news.gcs_address, out);
  current = news.gcs_node;
  return true;
}

// ---- The parts
// ---------------------------------------------------------------------------------------------

void Node::Parts::Turn::Send(const Address& source, mobula::Send&& effect) {
  Route({source, effect.target, std::move(effect.message)});
}

void Node::Parts::Turn::RunRaylet(const raylet::Event& event) {
  raylet::Effects& effects = parts.raylet_effects;
  CHECK(effects.empty()) << "the raylet is called while it speaks";
  parts.raylet->Handle(now, event, effects);
  for (raylet::Effect& effect : effects) {
    std::visit(
        [this]<class T>(T& each) {
          if constexpr (std::is_same_v<T, mobula::Send>) {
            Send(Address::Daemon(parts.self), std::move(each));
          } else if constexpr (std::is_same_v<T, raylet::SendChunk>) {
            parts.peers.SendChunk(each, out);
          } else if constexpr (std::is_same_v<T, raylet::PeersChanged>) {
            parts.peers.Joined(now, each.joined, out);
            for (const NodeInfo& info : each.died) parts.peers.Died(info, out);
          } else {
            if constexpr (std::is_same_v<T, StartTimer>) {
              CHECK(each.timer.kind < kGcsTimers) << ToString(each);
            }
            out.push_back(std::move(each));
          }
        },
        effect);
  }
  Empty(effects);
}

void Node::Parts::Turn::RunGcs(const gcs::Event& event) {
  if (!parts.gcs) return;
  gcs::Effects& effects = parts.gcs_effects;
  CHECK(effects.empty()) << "the GCS is called while it speaks";
  parts.gcs->Handle(now, event, effects);
  for (gcs::Effect& effect : effects) {
    if (auto* send = std::get_if<mobula::Send>(&effect)) {
      Send(Address::Gcs(), std::move(*send));
    } else if (auto* timer = std::get_if<StartTimer>(&effect)) {
      timer->timer.kind += kGcsTimers;
      timer->timer.key = parts.gcs_life;
      out.push_back(*timer);
    } else if (auto* change = std::get_if<gcs::MembershipChanged>(&effect)) {
      if (change->alive) {
        parts.peers.Joined(now, {std::move(change->info)}, out);
      } else {
        parts.peers.Died(change->info, out);
      }
    } else if (auto* write = std::get_if<gcs::WriteLog>(&effect)) {
      out.push_back(std::move(*write));
    } else {
      out.push_back(std::get<gcs::ClusterEvent>(std::move(effect)));
    }
  }
  Empty(effects);
}

// ---- The node
// ----------------------------------------------------------------------------------------------

Node::Node(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Node::~Node() = default;

void Node::Handle(Instant now, const Event& event, Effects& out) {
  CHECK(parts_->inbox.empty()) << "the last event was not finished";
  Parts::Turn turn{*parts_, now, out};
  std::visit([&turn](const auto& each) { turn.Handle(each); }, event);
  turn.Drain();
}

void Node::CheckInvariants() const {
  CHECK(parts_->inbox.empty()) << "an event was not finished";
  parts_->peers.CheckInvariants();
  if (parts_->raylet) parts_->raylet->CheckInvariants();
  if (parts_->gcs) parts_->gcs->CheckInvariants();
}

NodeId Node::Self() const { return parts_->self; }
const raylet::Raylet* Node::FindRaylet() const {
  return parts_->raylet ? &*parts_->raylet : nullptr;
}
std::vector<LinkView> Node::Links() const { return parts_->peers.Views(); }
const gcs::Gcs* Node::FindGcs() const { return parts_->gcs ? &*parts_->gcs : nullptr; }

}  // namespace mobula::node
