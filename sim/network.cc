// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace mobula::sim {
namespace {

// Purposes of random streams.
constexpr std::uint64_t kLinkStreams = 1;
constexpr std::uint64_t kFaultStreams = 2;

std::uint64_t PurposeOf(std::pair<NodeIndex, NodeIndex> direction) {
  return (std::uint64_t{direction.first} << 32) | direction.second;
}

std::string NameOf(NodeIndex node) { return absl::StrCat("n", node + 1); }

}  // namespace

Network::Network(const Timing& timing, Rng rng)
    : timing_(timing), rng_(rng), faults_(rng.Fork(kFaultStreams)) {}

Network::Link& Network::Get(NodeIndex source, NodeIndex target) {
  const Direction key(source, target);
  const auto found = links_.find(key);
  if (found != links_.end()) return found->second;
  Link link{rng_.Fork(kLinkStreams).Fork(PurposeOf(key)), {}, {}, {}};
  return links_.emplace(key, link).first->second;
}

Arrivals Network::Send(Instant now, Direction direction, Stream Link::* which,
                       std::uint64_t bytes) {
  faults::Suffering suffering;
  if (!faults_.IsEmpty()) {
    suffering = faults_.Suffer(NameOf(direction.first), NameOf(direction.second));
  }
  if (suffering.lost) return {};
  Link& link = Get(direction.first, direction.second);
  Stream& stream = link.*which;
  link.used_in = EpochOf(direction);
  const double wire = suffering.bytes_per_second > 0
                          ? std::min(suffering.bytes_per_second, timing_.link_bytes_per_second)
                          : timing_.link_bytes_per_second;
  stream.free_at = std::max(now, stream.free_at) + FromSeconds(static_cast<double>(bytes) / wire);
  const double stretch = 1 + timing_.jitter * link.rng.Uniform();
  const Instant arrival =
      stream.free_at + FromSeconds(timing_.link_latency.Seconds() * stretch) + suffering.late;
  Arrivals arrivals;
  if (suffering.overtaken) {
    arrivals.first = arrival;
  } else {
    stream.last_arrival = std::max(arrival, stream.last_arrival);
    arrivals.first = stream.last_arrival;
  }
  if (suffering.twice) arrivals.again = *arrivals.first + timing_.link_latency;
  return arrivals;
}

Arrivals Network::SendMessage(Instant now, NodeIndex source, NodeIndex target,
                              std::uint64_t bytes) {
  return Send(now, {source, target}, &Link::messages, bytes);
}

Arrivals Network::SendChunk(Instant now, NodeIndex source, NodeIndex target, std::uint64_t bytes) {
  return Send(now, {source, target}, &Link::chunks, bytes);
}

bool Network::IsUp(NodeIndex source, NodeIndex target) const {
  return faults_.IsEmpty() || !faults_.IsCut(NameOf(source), NameOf(target));
}

bool Network::HaveTalked(NodeIndex a, NodeIndex b) const {
  for (const auto& key : {Direction(a, b), Direction(b, a)}) {
    const auto found = links_.find(key);
    if (found != links_.end() && found->second.used_in == EpochOf(key)) return true;
  }
  return false;
}

void Network::Forget(NodeIndex node) {
  if (epochs_.size() <= node) epochs_.resize(node + 1);
  ++epochs_[node];
}

std::uint64_t Network::EpochOf(Direction direction) const {
  const auto of = [this](NodeIndex node) { return node < epochs_.size() ? epochs_[node] : 0; };
  return of(direction.first) + of(direction.second);
}

}  // namespace mobula::sim
