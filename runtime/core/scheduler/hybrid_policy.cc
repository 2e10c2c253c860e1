// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/hybrid_policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mobula::scheduler {
namespace {

double Utilisation(const NodeEntry& entry) {
  double busiest = 0;
  for (const std::string_view name :
       {ResourceSet::kCpu, ResourceSet::kMemory, ResourceSet::kObjectStoreMemory}) {
    const auto total = static_cast<double>(entry.Total().Units(name));
    if (total <= 0) continue;
    busiest = std::max(busiest, 1 - static_cast<double>(entry.Available().Units(name)) / total);
  }
  return busiest;
}

/// Lower is better: {holds GPUs that nobody asks for, utilisation}.
using Score = std::pair<bool, double>;

}  // namespace

Decision HybridPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  for (const NodeId node : request.preferred) {
    const NodeEntry* entry = view.Find(node);
    if (entry != nullptr && entry->Available().Covers(request.resources)) {
      return Decision::At(*entry, view, /*has_room=*/true);
    }
  }
  const bool wants_gpu = request.resources.Units(ResourceSet::kGpu) > 0;
  const NodeEntry* best = nullptr;
  const NodeEntry* feasible = nullptr;
  Score best_score{};
  Score feasible_score{};
  const auto& nodes = view.Nodes();
  for (std::size_t turn = 0; turn < nodes.size(); ++turn) {
    const NodeEntry& entry = nodes[(view.SelfIndex() + turn) % nodes.size()];
    if (!entry.Total().Covers(request.resources)) continue;
    const double utilisation = Utilisation(entry);
    const Score score{!wants_gpu && entry.Total().Units(ResourceSet::kGpu) > 0,
                      utilisation < spread_threshold_ ? 0 : utilisation};
    if (entry.Available().Covers(request.resources)) {
      if (best == nullptr || score < best_score) best = &entry, best_score = score;
    } else if (feasible == nullptr || score < feasible_score) {
      feasible = &entry, feasible_score = score;
    }
  }
  if (best != nullptr) return Decision::At(*best, view, /*has_room=*/true);
  if (feasible == nullptr) return Decision::Infeasible();
  const bool here = view.Self().Total().Covers(request.resources);
  return Decision::At(here ? view.Self() : *feasible, view, /*has_room=*/false);
}

}  // namespace mobula::scheduler
