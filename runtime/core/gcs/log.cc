// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/log.h"

namespace mobula::gcs {
namespace {

/// Puts one record into its table.
struct Applier {
  Rows& rows;

  void operator()(const GcsRow& row) const { rows.gcs = row; }
  void operator()(const NodeRow& row) const { rows.nodes[row.info.node] = row; }
  void operator()(const JobRow& row) const { rows.jobs[row.view.job] = row; }
  void operator()(const CreationRow& row) const {
    rows.creations[row.creation.header->actor] = row.creation;
  }
  void operator()(const ActorRow& row) const {
    rows.actors[row.view.actor] = row;
    if (row.view.state == ActorState::kDead) rows.creations.erase(row.view.actor);
  }
  void operator()(const RefusalRow& row) const { rows.refusals[row.actor] = row; }
  void operator()(const KvRow& row) const { rows.keys[row.space][row.key] = row.value; }
  void operator()(const KvDeleted& row) const {
    const auto space = rows.keys.find(row.space);
    if (space == rows.keys.end()) return;
    space->second.erase(row.key);
    if (space->second.empty()) rows.keys.erase(space);
  }
  void operator()(const KvAnswerRow& row) const {
    std::map<std::uint64_t, bool>& answers = rows.answers[row.source];
    answers[row.request] = row.found;
    if (answers.size() > kKvAnswersKept) answers.erase(answers.begin());
  }
  void operator()(const AskerGone& row) const {
    const auto is_gone = [&row](const Address& asker) {
      return row.asker.worker.IsNil() ? asker.node == row.asker.node
                                      : asker.worker == row.asker.worker;
    };
    std::erase_if(rows.refusals, [&](const auto& each) { return is_gone(each.second.owner); });
    std::erase_if(rows.answers, [&](const auto& each) { return is_gone(each.first); });
  }
  void operator()(const PlacementGroupRow& row) const {
    rows.groups[row.view.spec.group] = row.view;
  }
  void operator()(const PlacementGroupForgotten& row) const { rows.groups.erase(row.group); }
};

}  // namespace

void Rows::Apply(const LogRecord& record) { std::visit(Applier{*this}, record); }

LogRecords Rows::Records() const {
  LogRecords records;
  if (gcs) records.emplace_back(*gcs);
  for (const auto& [node, row] : nodes) records.emplace_back(row);
  for (const auto& [job, row] : jobs) records.emplace_back(row);
  for (const auto& [actor, creation] : creations) records.emplace_back(CreationRow{creation});
  for (const auto& [actor, row] : actors) records.emplace_back(row);
  for (const auto& [actor, row] : refusals) records.emplace_back(row);
  for (const auto& [space, entries] : keys) {
    for (const auto& [key, value] : entries) records.emplace_back(KvRow{space, key, value});
  }
  for (const auto& [source, given] : answers) {
    for (const auto& [request, found] : given)
      records.emplace_back(KvAnswerRow{source, request, found});
  }
  for (const auto& [group, view] : groups) records.emplace_back(PlacementGroupRow{view});
  return records;
}

}  // namespace mobula::gcs
