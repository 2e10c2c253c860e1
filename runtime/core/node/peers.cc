// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/node/peers.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::node {
namespace {

NodeId IdOf(const std::shared_ptr<const NodeInfo>& info) { return info->node; }

}  // namespace

/// Turns what a link says into the node's effects.
class Peers::Output final : public link::Sink {
 public:
  Output(Peers& peers, Inbox* inbox, Effects& out) : peers_(peers), inbox_(inbox), out_(out) {}

  void SendFrame(const link::Frame& frame) override {
    const std::string& address = peers_.AddressOf(frame.target);
    if (!address.empty()) {
      out_.push_back(node::SendFrame{address, frame});
    } else if (frame.sequence == 0 && frame.envelope) {
      // A notice answers somebody who was just heard.
      out_.push_back(node::SendFrame{"", frame});
    }
    // Else lost like a frame in the network: the link repeats it when the address is there.
  }
  void StartTimer(NodeId peer, Duration delay) override {
    const auto [number, added] = peers_.numbers_.try_emplace(peer, peers_.numbered_.size());
    if (added) peers_.numbered_.push_back(peer);
    out_.push_back(mobula::StartTimer{TimerId{peers_.timer_kind_, number->second}, delay});
  }
  void Deliver(Envelope envelope) override {
    CHECK(inbox_ != nullptr) << "only a frame brings an envelope";
    inbox_->push_back(std::move(envelope));
  }

 private:
  Peers& peers_;
  Inbox* inbox_;
  Effects& out_;
};

Peers::Peers(NodeId self, link::Options options, std::uint32_t timer_kind)
    : self_(self), links_(self, options), timer_kind_(timer_kind) {}

const NodeInfo* Peers::Find(NodeId node) const {
  const auto place = std::ranges::lower_bound(known_, node, {}, &IdOf);
  return place != known_.end() && IdOf(*place) == node ? place->get() : nullptr;
}

const std::string& Peers::AddressOf(NodeId node) const {
  static const std::string none;
  const NodeInfo* info = Find(node);
  return info == nullptr ? none : info->address;
}

void Peers::Keep(std::shared_ptr<const NodeInfo> info) {
  const auto place = std::ranges::lower_bound(known_, info->node, {}, &IdOf);
  if (place != known_.end() && IdOf(*place) == info->node) {
    *place = std::move(info);
  } else {
    known_.insert(place, std::move(info));
  }
}

void Peers::SetAddress(NodeId node, const std::string& address) {
  NodeInfo info;
  info.node = node;
  info.address = address;
  Keep(std::make_shared<NodeInfo>(std::move(info)));
}

void Peers::Joined(Instant now, const SharedVector<NodeInfo>& infos, Effects& out) {
  std::vector<NodeId> reachable;
  const auto known = static_cast<std::ptrdiff_t>(known_.size());
  known_.reserve(known_.size() + infos.size());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const NodeInfo& info = infos[i];
    if (info.node == self_ || IsDead(info.node)) continue;
    const auto end = known_.begin() + known;
    const auto place = std::ranges::lower_bound(known_.begin(), end, info.node, {}, &IdOf);
    if (place == end || IdOf(*place) != info.node) {
      known_.push_back(infos.Share(i));
    } else if (std::exchange(*place, infos.Share(i))->address == info.address) {
      continue;
    }
    reachable.push_back(info.node);
  }
  std::ranges::sort(known_.begin() + known, known_.end(), {}, &IdOf);
  std::ranges::inplace_merge(known_, known_.begin() + known, {}, &IdOf);
  Output output(*this, nullptr, out);
  for (const NodeId node : reachable) links_.PeerReachable(now, node, output);
}

void Peers::Died(const NodeInfo& info, Effects& out) {
  if (info.node == self_ || IsDead(info.node)) return;
  // Where it was is not where it would be told of its death: that address may be another's by now.
  NodeInfo dead;
  dead.node = info.node;
  dead.name = info.name;
  dead.address = AddressOf(info.node);
  Keep(std::make_shared<NodeInfo>(std::move(dead)));
  links_.PeerDied(info.node);
  out.push_back(CloseLink{info.node});
}

void Peers::Replaced(NodeId old, NodeId successor, const std::string& address, Effects& out) {
  NodeInfo gone;
  gone.node = old;
  gone.name = NameOf(old);
  Died(gone, out);
  SetAddress(successor, address);
}

void Peers::Send(Instant now, NodeId node, Envelope envelope, Effects& out) {
  Output output(*this, nullptr, out);
  links_.Send(now, node, std::move(envelope), output);
}

void Peers::SendNotice(NodeId node, Envelope envelope, Effects& out) {
  Output output(*this, nullptr, out);
  links_.SendNotice(node, std::move(envelope), output);
}

void Peers::SendChunk(const raylet::SendChunk& chunk, Effects& out) const {
  const std::string& address = AddressOf(chunk.target);
  // The puller asks again, or somebody else.
  if (IsDead(chunk.target) || address.empty()) return;
  out.push_back(SendChunkTo{address, chunk});
}

void Peers::HandleFrame(Instant now, const link::Frame& frame, Inbox& inbox, Effects& out) {
  Output output(*this, &inbox, out);
  links_.HandleFrame(now, frame, output);
}

void Peers::HandleTimer(Instant now, std::uint64_t key, Effects& out) {
  CHECK(key < numbered_.size()) << "a timer for no peer";
  Output output(*this, nullptr, out);
  links_.HandleTimer(now, numbered_[key], output);
}

std::string Peers::NameOf(NodeId node) const {
  const NodeInfo* info = Find(node);
  return info == nullptr || info->name.empty() ? node.Short() : info->name;
}

std::vector<LinkView> Peers::Views() const {
  std::vector<LinkView> views;
  for (const link::Links::Counts& counts : links_.CountAll()) {
    views.push_back({counts.peer, NameOf(counts.peer), counts.sent, counts.unacknowledged,
                     counts.delivered, counts.early, counts.dead});
  }
  return views;
}

}  // namespace mobula::node
