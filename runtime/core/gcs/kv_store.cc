// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/kv_store.h"

#include "runtime/base/check.h"

namespace mobula::gcs {
namespace {

/// Requests are numbered upwards and few are under way at once: older answers are not asked for any
/// more.
constexpr std::size_t kAnswersKept = 64;

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
    const bool again = known != answers.end() && !bugs_.Has(Bug::kAppliesWritesTwice);
    reply.found = again ? known->second : Mutate(message);
    answers[message.request] = reply.found;
    if (answers.size() > kAnswersKept) answers.erase(answers.begin());
  } else {
    Look(message, reply);
  }
  out.Send(source, std::move(reply));
}

/// Whether a key was added (put), or was there (delete).
bool KvStore::Mutate(const KvRequest& message) {
  if (message.operation == KvOperation::kPut) {
    auto& space = spaces_[message.space];
    const auto [entry, added] = space.try_emplace(message.key, message.value);
    if (!added && message.overwrite) entry->second = message.value;
    return added;
  }
  const auto space = spaces_.find(message.space);
  if (space == spaces_.end()) return false;
  const bool erased = space->second.erase(message.key) > 0;
  if (space->second.empty()) spaces_.erase(space);
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

void KvStore::WorkerDied(WorkerId worker) {
  std::erase_if(answers_, [worker](const auto& entry) { return entry.first.worker == worker; });
}

void KvStore::NodeDied(NodeId node) {
  std::erase_if(answers_, [node](const auto& entry) { return entry.first.node == node; });
}

void KvStore::CheckInvariants() const {
  for (const auto& [name, space] : spaces_) CHECK(!space.empty()) << name;
  for (const auto& [source, answers] : answers_)
    CHECK(answers.size() <= kAnswersKept) << ToString(source);
}

}  // namespace mobula::gcs
