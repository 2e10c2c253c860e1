// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/core/scheduler/cluster_view.h"

namespace mobula::scheduler {

inline NodeId Node(std::uint64_t number) { return NodeId{0, number}; }
inline ResourceSet Cpus(double count) { return ResourceSet::Of({{"CPU", count}}); }

inline NodeInfo Info(std::uint64_t number, const ResourceSet& total) {
  NodeInfo info;
  info.node = Node(number);
  info.name = "n" + std::to_string(number);
  info.total = total;
  return info;
}

/// What the GCS says of a node: all of `total` is free unless `available` is given.
inline NodeView Told(std::uint64_t number, const ResourceSet& total, const ResourceSet& available,
                     std::uint64_t version = 1) {
  NodeView view;
  view.info = Info(number, total);
  view.available = available;
  view.version = version;
  return view;
}
inline NodeView Told(std::uint64_t number, const ResourceSet& total) {
  return Told(number, total, total);
}
inline NodeView Dead(std::uint64_t number) {
  NodeView view = Told(number, {});
  view.alive = false;
  return view;
}

}  // namespace mobula::scheduler
