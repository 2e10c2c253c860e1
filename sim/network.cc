// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <algorithm>

namespace mobula::sim {

Network::Network(const Timing& timing, Rng rng) : timing_(timing), rng_(rng) {}

Network::Link& Network::Get(NodeIndex source, NodeIndex target) {
  const auto key = std::pair(source, target);
  const auto found = links_.find(key);
  if (found != links_.end()) return found->second;
  const std::uint64_t purpose = (std::uint64_t{source} << 32) | target;
  return links_.emplace(key, Link{rng_.Fork(purpose), {}, {}}).first->second;
}

Instant Network::Arrival(Instant now, Link& link, Stream& stream, std::uint64_t bytes) const {
  const Instant start = std::max(now, stream.free_at);
  stream.free_at = start + FromSeconds(static_cast<double>(bytes) / timing_.link_bytes_per_second);
  const double stretch = 1 + timing_.jitter * link.rng.Uniform();
  const Instant arrival = stream.free_at + FromSeconds(timing_.link_latency.Seconds() * stretch);
  stream.last_arrival = std::max(arrival, stream.last_arrival);
  return stream.last_arrival;
}

std::optional<Instant> Network::SendMessage(Instant now, NodeIndex source, NodeIndex target,
                                            std::uint64_t bytes) {
  Link& link = Get(source, target);
  if (!link.up) return std::nullopt;
  link.used = true;
  return Arrival(now, link, link.messages, bytes);
}

std::optional<Instant> Network::SendChunk(Instant now, NodeIndex source, NodeIndex target,
                                          std::uint64_t bytes) {
  Link& link = Get(source, target);
  if (!link.up) return std::nullopt;
  return Arrival(now, link, link.chunks, bytes);
}

void Network::SetUp(NodeIndex a, NodeIndex b, bool up) {
  Get(a, b).up = up;
  Get(b, a).up = up;
}

bool Network::IsUp(NodeIndex a, NodeIndex b) const {
  const auto found = links_.find(std::pair(a, b));
  return found == links_.end() || found->second.up;
}

bool Network::HaveTalked(NodeIndex a, NodeIndex b) const {
  for (const auto& key : {std::pair(a, b), std::pair(b, a)}) {
    const auto found = links_.find(key);
    if (found != links_.end() && found->second.used) return true;
  }
  return false;
}

void Network::Forget(NodeIndex node) {
  for (auto& [key, link] : links_) {
    if (key.first == node || key.second == node) link.used = false;
  }
}

}  // namespace mobula::sim
