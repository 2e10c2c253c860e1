// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/describe.h"

namespace mobula {

/// Where a message comes from or goes to: a worker, the daemon of a node, or the GCS wherever it
/// runs.
struct Address {
  NodeId node;
  /// Nil for the node's daemon.
  WorkerId worker;
  MOBULA_FIELDS(Address, node, worker)

  auto operator<=>(const Address&) const = default;
  /// The global control store: nil in both parts; each node routes it to the head.
  static Address Gcs() { return {}; }
  static Address Daemon(NodeId node) { return {node, WorkerId{}}; }
  [[nodiscard]] bool IsGcs() const { return node.IsNil() && worker.IsNil(); }
  [[nodiscard]] bool IsDaemon() const { return !node.IsNil() && worker.IsNil(); }
};

/// An object and who owns it: all that a process needs to use an object it did not make.
struct ObjectRef {
  ObjectId id;
  Address owner;
  MOBULA_FIELDS(ObjectRef, id, owner)

  auto operator<=>(const ObjectRef&) const = default;
};

}  // namespace mobula
