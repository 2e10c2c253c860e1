// SPDX-License-Identifier: Apache-2.0
#include "sim/network.h"

#include <algorithm>

namespace mobula::sim {
namespace {

// Purposes of random streams.
constexpr std::uint64_t kLinkStreams = 1;
constexpr std::uint64_t kFaultStreams = 2;

std::uint64_t PurposeOf(std::pair<NodeIndex, NodeIndex> direction) {
  return (std::uint64_t{direction.first} << 32) | direction.second;
}

}  // namespace

Network::Network(const Timing& timing, Rng rng) : timing_(timing), rng_(rng) {}

Network::Link& Network::Get(NodeIndex source, NodeIndex target) {
  const Direction key(source, target);
  const auto found = links_.find(key);
  if (found != links_.end()) return found->second;
  Link link{rng_.Fork(kLinkStreams).Fork(PurposeOf(key)), {}, {}};
  return links_.emplace(key, link).first->second;
}

void Network::AddRule(faults::FaultId id, LinkRule rule) {
  Hasher content;
  content.Mix(rule.fault);
  content.Word(repeats_[content.Value()]++);
  const Rng rng = rng_.Fork(kFaultStreams).Fork(content.Value());
  rules_.emplace(id, ActiveRule{std::move(rule), rng, {}});
}

Network::Suffering Network::Suffer(Direction direction) {
  Suffering sum;
  for (auto& [id, active] : rules_) {
    if (!active.rule.Applies(direction.first, direction.second)) continue;
    if (active.rule.cut) {
      sum.lost = true;
      continue;
    }
    const faults::LinkFault& fault = active.rule.fault;
    Rng& rng =
        active.streams.try_emplace(direction, active.rng.Fork(PurposeOf(direction))).first->second;
    if (rng.Uniform() < fault.loss) sum.lost = true;
    if (rng.Uniform() < fault.duplicate) sum.twice = true;
    sum.late = sum.late + fault.delay + FromSeconds(fault.jitter.Seconds() * rng.Uniform());
    const bool overtaken = rng.Uniform() < fault.reorder;
    const Duration behind = FromSeconds(fault.reorder_by.Seconds() * rng.Uniform());
    if (overtaken) {
      sum.overtaken = true;
      sum.late = sum.late + behind;
    }
    const double wire = fault.bytes_per_second;
    if (wire > 0 && (sum.bytes_per_second == 0 || wire < sum.bytes_per_second)) {
      sum.bytes_per_second = wire;
    }
  }
  return sum;
}

Arrivals Network::Send(Instant now, Direction direction, Stream Link::* which,
                       std::uint64_t bytes) {
  const Suffering suffering = rules_.empty() ? Suffering{} : Suffer(direction);
  if (suffering.lost) return {};
  Link& link = Get(direction.first, direction.second);
  Stream& stream = link.*which;
  link.used = true;
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
  return std::none_of(rules_.begin(), rules_.end(), [&](const auto& entry) {
    return entry.second.rule.cut && entry.second.rule.Applies(source, target);
  });
}

bool Network::HaveTalked(NodeIndex a, NodeIndex b) const {
  for (const auto& key : {Direction(a, b), Direction(b, a)}) {
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
