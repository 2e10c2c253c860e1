// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// The key-value store: exported functions, user keys, named things of the libraries. Keys live in
/// spaces that do not see each other.
class KvStore {
 public:
  explicit KvStore(Bugs bugs) : bugs_(bugs) {}

  /// Answers `KvReply`. A repeated put or delete does nothing and gets the first answer again:
  /// whoever took a key without `overwrite` must not hear at the second try that somebody else was
  /// faster.
  void Handle(const Address& source, const KvRequest& message, Outbox& out);
  /// Its requests will not be repeated any more.
  void WorkerDied(WorkerId worker);
  void NodeDied(NodeId node);
  void CheckInvariants() const;

 private:
  [[nodiscard]] bool Mutate(const KvRequest& message);
  void Look(const KvRequest& message, KvReply& reply) const;

  Bugs bugs_;
  /// By space, then key.
  std::map<std::string, std::map<std::string, Bytes>> spaces_;
  /// What the latest puts and deletes of each living source were answered, by request number.
  std::map<Address, std::map<std::uint64_t, bool>> answers_;
};

}  // namespace mobula::gcs
