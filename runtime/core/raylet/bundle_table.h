// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "runtime/core/raylet/gpu_table.h"
#include "runtime/core/raylet/outbox.h"
#include "runtime/core/raylet/raylet.h"
#include "runtime/core/scheduler/cluster_view.h"

namespace mobula::raylet {

/// Which reservation on this node.
struct BundleKey {
  PlacementGroupId group;
  std::uint32_t index = 0;
  std::uint64_t attempt = 0;
  auto operator<=>(const BundleKey&) const = default;
};

/// What the node has set aside for placement groups: accounts out of which leases of a group are
/// served instead of out of the node's own. View: one node's. The GCS decides (its
/// PlacementGroupTable draws the messages).
///
/// State     | meaning                              | leaves by
/// prepared  | set aside; nobody may use it         | CommitBundles: committed; ReturnBundles: gone
/// committed | leases are granted out of it         | ReturnBundles: returning
/// returning | nothing is granted; what runs there  | its last user's end: gone
///           | is being ended                       |
///
/// Its resources are taken from the node when it is prepared and come back, all of them, when it is
/// gone. Invariant: reserved = available + what its users hold. Every message may be repeated, and
/// may be about what is not here.
class BundleTable {
 public:
  /// Both must outlive this; `gpus` are the node's.
  BundleTable(scheduler::ClusterView& view, GpuTable& gpus) : view_(view), gpus_(gpus) {}

  /// Sets all of them aside, or none when there is no room, and answers.
  void Prepare(const PrepareBundles& message, Outbox& out);
  void Commit(const CommitBundles& message, Outbox& out);
  /// Returns those that have users now, which are to be ended.
  [[nodiscard]] std::vector<BundleKey> Return(const ReturnBundles& message);

  /// A committed bundle of the group with room for `need`; of that number, or any when it is 0.
  /// Null when there is none.
  [[nodiscard]] const BundleKey* FindRoom(const SchedulingStrategy& strategy,
                                          const ResourceSet& need) const;
  /// Committed ones that could hold it when they are empty.
  [[nodiscard]] std::vector<BundleKey> Usable(const SchedulingStrategy& strategy,
                                              const ResourceSet& need) const;
  /// What is free in a bundle, and which GPUs are. REQUIRES: it is here.
  [[nodiscard]] const ResourceSet& Available(const BundleKey& key) const;
  [[nodiscard]] const GpuTable& Gpus(const BundleKey& key) const;

  /// One more user, which holds that much, and these GPUs. REQUIRES: there is room.
  void Enter(const BundleKey& key, const ResourceSet& resources, const GpuShares& gpus);
  /// A user ends. The last one of a returning bundle ends it, too.
  void Leave(const BundleKey& key, const ResourceSet& resources, const GpuShares& gpus);
  /// A user gives resources back while it is blocked, and takes them again even when they are lent
  /// out.
  void Lend(const BundleKey& key, const ResourceSet& resources);
  void Resume(const BundleKey& key, const ResourceSet& resources);

  [[nodiscard]] std::vector<HeldBundle> Held() const;
  [[nodiscard]] std::vector<BundleView> Views() const;
  /// All that is set aside.
  [[nodiscard]] ResourceSet Reserved() const;
  /// What the users of each bundle hold together, and how many they are.
  struct Users {
    ResourceSet resources;
    GpuShares gpus;
    std::uint32_t count = 0;
  };
  using Usage = std::map<BundleKey, Users>;
  /// Adds what they set aside of each GPU.
  void AddGpus(GpuShares& sum) const;
  /// `usage` is what the leases say.
  void CheckInvariants(const Usage& usage) const;

 private:
  enum class State { kPrepared, kCommitted, kReturning };
  struct Bundle {
    State state = State::kPrepared;
    ResourceSet reserved;
    ResourceSet available;
    GpuTable gpus;
    /// Leases, and requests that wait for a worker.
    std::uint32_t users = 0;
  };
  using Bundles = std::map<BundleKey, Bundle>;

  bool SetAside(const PrepareBundles& message);
  template <class Visit>
  void ForEachOf(PlacementGroupId group, std::uint64_t attempt, Visit visit);
  /// Committed ones that the strategy allows, in order, until `visit` returns true.
  template <class Visit>
  void ForEachUsable(const SchedulingStrategy& strategy, Visit visit) const;
  void Erase(Bundles::iterator bundle);

  scheduler::ClusterView& view_;
  GpuTable& gpus_;
  Bundles bundles_;
};

}  // namespace mobula::raylet
