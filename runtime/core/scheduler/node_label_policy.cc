// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/scheduler/node_label_policy.h"

#include <algorithm>
#include <tuple>

namespace mobula::scheduler {
namespace {

using Labels = std::map<std::string, std::string>;

bool Keeps(const Labels& labels, const LabelRule& rule) {
  const auto label = labels.find(rule.key);
  const bool exists = label != labels.end();
  const auto is_listed = [&] {
    return exists && std::ranges::find(rule.values, label->second) != rule.values.end();
  };
  switch (rule.operation) {
    case LabelOperator::kIn:
      return is_listed();
    case LabelOperator::kNotIn:
      return !is_listed();
    case LabelOperator::kExists:
      return exists;
    case LabelOperator::kDoesNotExist:
      return !exists;
  }
  return false;
}

bool KeepsAll(const Labels& labels, const std::vector<LabelRule>& rules, bool soft) {
  return std::ranges::all_of(
      rules, [&](const LabelRule& rule) { return rule.soft != soft || Keeps(labels, rule); });
}

}  // namespace

Decision NodeLabelPolicy::Decide(const SchedulingRequest& request, const ClusterView& view) {
  const NodeEntry* best = nullptr;
  std::tuple<bool, bool, double> best_rank;
  const std::size_t count = view.Nodes().size();
  for (std::size_t i = 0; i < count; ++i) {
    const NodeEntry& entry = view.Nodes()[(view.SelfIndex() + i) % count];
    const Labels& labels = entry.told->info.labels;
    const auto& rules = request.strategy.labels;
    if (!entry.Total().Covers(request.resources) || !KeepsAll(labels, rules, /*soft=*/false))
      continue;
    const std::tuple rank{entry.Available().Covers(request.resources),
                          KeepsAll(labels, rules, /*soft=*/true), -entry.Utilisation()};
    if (best != nullptr && rank <= best_rank) continue;
    best = &entry;
    best_rank = rank;
  }
  if (best == nullptr) return Decision::Infeasible();
  return Decision::At(*best, view, std::get<0>(best_rank));
}

}  // namespace mobula::scheduler
