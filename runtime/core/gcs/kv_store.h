// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// The key-value store: exported functions, user keys, named things of the libraries. Keys live in
/// spaces that do not see each other. The space "job/<id>" is a job's own and ends with it, or
/// with the last detached actor that it leaves.
class KvStore {
 public:
  explicit KvStore(Bugs bugs) : bugs_(bugs) {}

  /// Answers `KvReply`. A repeated put or delete does nothing and gets the first answer again:
  /// whoever took a key without `overwrite` must not hear at the second try that somebody else was
  /// faster.
  void Handle(const Address& source, const KvRequest& message, Outbox& out);
  /// Its requests will not be repeated any more.
  void WorkerDied(const Address& worker, Outbox& out);
  void NodeDied(NodeId node, Outbox& out);
  void JobFinished(JobId job, Outbox& out);
  /// A node that was out of sight says which processes live there.
  void Reconcile(NodeId node, const std::set<WorkerId>& processes, Outbox& out);
  /// Takes over the rows of an earlier life.
  void Recover(const Rows& rows);
  void FillIn(Rows& rows) const;
  void CheckInvariants() const;

 private:
  [[nodiscard]] bool Mutate(const KvRequest& message, Outbox& out);
  void Look(const KvRequest& message, KvReply& reply) const;

  Bugs bugs_;
  /// By space, then key.
  std::map<std::string, std::map<std::string, Bytes>> spaces_;
  /// What the latest puts and deletes of each living source were answered, by request number.
  std::map<Address, std::map<std::uint64_t, bool>> answers_;
};

}  // namespace mobula::gcs
