// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/kv_store.h"

#include "runtime/base/check.h"

namespace mobula::gcs {
namespace {

bool Mutates(KvOperation operation) {
  return operation == KvOperation::kPut || operation == KvOperation::kDelete;
}

}  // namespace

void KvStore::Handle(const Address& source, const KvRequest& message, Outbox& out) {
  KvReply reply;
  reply.request = message.request;
  if (Mutates(message.operation)) {
    std::map<std::uint64_t, bool>& answers = answers_[source];
    const auto known = answers.find(message.request);
    if (known != answers.end() && !bugs_.Has(Bug::kAppliesWritesTwice)) {
      reply.found = known->second;
    } else {
      reply.found = Mutate(message, out);
      answers[message.request] = reply.found;
      if (answers.size() > kKvAnswersKept) answers.erase(answers.begin());
      out.Log(KvAnswerRow{source, message.request, reply.found});
    }
  } else {
    Look(message, reply);
  }
  out.Send(source, std::move(reply));
}

/// Whether a key was added (put), or was there (delete).
bool KvStore::Mutate(const KvRequest& message, Outbox& out) {
  if (message.operation == KvOperation::kPut) {
    auto& space = spaces_[message.space];
    const auto [entry, added] = space.try_emplace(message.key, message.value);
    if (!added && message.overwrite) entry->second = message.value;
    if (added || message.overwrite) out.Log(KvRow{message.space, message.key, message.value});
    return added;
  }
  const auto space = spaces_.find(message.space);
  if (space == spaces_.end()) return false;
  const bool erased = space->second.erase(message.key) > 0;
  if (space->second.empty()) spaces_.erase(space);
  if (erased) out.Log(KvDeleted{message.space, message.key});
  return erased;
}

void KvStore::Look(const KvRequest& message, KvReply& reply) const {
  const auto space = spaces_.find(message.space);
  if (space == spaces_.end()) return;
  const auto& keys = space->second;
  if (message.operation == KvOperation::kKeys) {
    for (auto key = keys.lower_bound(message.key); key != keys.end(); ++key) {
      if (!key->first.starts_with(message.key)) break;
      reply.keys.push_back(key->first);
    }
    reply.found = !reply.keys.empty();
    return;
  }
  const auto key = keys.find(message.key);
  reply.found = key != keys.end();
  if (reply.found && message.operation == KvOperation::kGet) reply.value = key->second;
}

void KvStore::WorkerDied(const Address& worker, Outbox& out) {
  const auto erased = std::erase_if(
      answers_, [&](const auto& entry) { return entry.first.worker == worker.worker; });
  if (erased > 0) out.Log(AskerGone{worker});
}

void KvStore::NodeDied(NodeId node, Outbox& out) {
  const auto erased =
      std::erase_if(answers_, [node](const auto& entry) { return entry.first.node == node; });
  if (erased > 0) out.Log(AskerGone{Address::Daemon(node)});
}

void KvStore::JobFinished(JobId job, Outbox& out) {
  const auto space = spaces_.find("job/" + job.Hex());
  if (space == spaces_.end()) return;
  for (const auto& [key, value] : space->second) out.Log(KvDeleted{space->first, key});
  spaces_.erase(space);
}

void KvStore::Reconcile(NodeId node, const std::set<WorkerId>& processes, Outbox& out) {
  std::erase_if(answers_, [&](const auto& entry) {
    const Address& source = entry.first;
    if (source.node != node || source.worker.IsNil() || processes.contains(source.worker))
      return false;
    out.Log(AskerGone{source});
    return true;
  });
}

void KvStore::Recover(const Rows& rows) {
  spaces_ = rows.keys;
  answers_ = rows.answers;
}

void KvStore::FillIn(Rows& rows) const {
  rows.keys = spaces_;
  rows.answers = answers_;
}

void KvStore::CheckInvariants() const {
  for (const auto& [name, space] : spaces_) CHECK(!space.empty()) << name;
  for (const auto& [source, answers] : answers_)
    CHECK(answers.size() <= kKvAnswersKept) << ToString(source);
}

}  // namespace mobula::gcs
