// SPDX-License-Identifier: Apache-2.0
// Goal: no sequence of creates, seals, pins, frees, pulls, deaths and answers of a bad disk breaks
// the store's invariants or leaks a byte. Method: random use of a small store by few processes; at
// the end all of them die.
#include <gtest/gtest.h>

#include "runtime/base/rng.h"
#include "runtime/core/object_store/object_store.h"
#include "tests/runtime/core/object_store/recorder.h"

namespace mobula::object_store {
namespace {

constexpr std::uint64_t kProcesses = 4;
constexpr std::uint64_t kObjects = 12;

class RandomUse {
 public:
  explicit RandomUse(std::uint64_t seed) : rng_(seed), store_(StoreOptions()) {}

  void Step() {
    const Address client = Local(1 + rng_.Below(kProcesses));
    const ObjectRef object = Ref(1 + rng_.Below(kObjects), Remote(70 + rng_.Below(2)));
    const Entry* entry = store_.Find(object.id);
    const bool pulling = entry != nullptr && entry->state == ObjectState::kPulling;
    switch (rng_.Below(11)) {
      case 0:
      case 1:
        if (!pulling) store_.Create(client, {1, object, rng_.Below(500)}, out_);
        break;
      case 2:
        // Mostly by the one that may.
        store_.Seal(entry != nullptr && entry->state == ObjectState::kWriting && rng_.Below(4) > 0
                        ? entry->writer
                        : client.worker,
                    object.id, out_);
        break;
      case 3:
        if (entry != nullptr && entry->state == ObjectState::kSealed) {
          store_.Pin(client.worker, object.id);
        }
        break;
      case 4:
        store_.Release(client.worker, object.id, out_);
        break;
      case 5:
        if (!pulling) store_.Free(object.owner, object.id, out_);
        break;
      case 6:
        if (entry == nullptr) store_.StartPull(object, rng_.Below(500), out_);
        break;
      case 7:
        if (pulling)
          rng_.Below(2) ? store_.FinishPull(object.id) : store_.AbandonPull(object.id, out_);
        break;
      case 8:
        RestoreOne();
        break;
      case 9:
        EndDiskWork();
        break;
      default:
        Rare(client);
    }
    store_.UseDisk(out_);
    store_.CheckInvariants();
  }

  void Finish() {
    for (std::uint64_t object = 1; object <= kObjects; ++object) {
      const Entry* entry = store_.Find(Object(object));
      if (entry != nullptr && entry->state == ObjectState::kPulling) {
        store_.AbandonPull(Object(object), out_);
      }
    }
    while (!out_.spills.empty() || !out_.restores.empty()) {
      EndDiskWork();
      store_.UseDisk(out_);
    }
    for (std::uint64_t process = 1; process <= kProcesses; ++process) {
      store_.HandleClientDied(Local(process).worker, out_);
    }
    for (const std::uint64_t owner : {70, 71}) store_.HandleOwnerDied(WorkerId{0, owner}, out_);
    store_.UseDisk(out_);
    store_.CheckInvariants();
    EXPECT_TRUE(store_.Entries().empty());
    EXPECT_EQ(store_.Spilling().files, 0u);
    spilled_ += store_.Spilling().spilled_objects;
    restored_ += store_.Spilling().restored_objects;
    store_.DiscardFree(StoreOptions().capacity, out_);
    EXPECT_EQ(out_.discarded.size(), 1u) << "the whole store is one free range";
  }

  /// What was done in all.
  static inline std::uint64_t spilled_ = 0;
  static inline std::uint64_t restored_ = 0;

 private:
  static Options StoreOptions() {
    Options options;
    options.node = kSelf;
    options.capacity = 64 * 20;
    options.spill.enabled = true;
    options.spill.file_bytes_min = 64 * 4;
    return options;
  }
  void RestoreOne() {
    for (const auto& [id, entry] : store_.Entries()) {
      if (entry.state != ObjectState::kSpilled) continue;
      store_.StartRestore(id, out_);
      return;
    }
  }
  /// Of one transfer, in the order in which they began; one in four fails.
  void EndDiskWork() {
    const std::string failure = rng_.Below(4) == 0 ? "broken" : "";
    if (!out_.spills.empty() && (out_.restores.empty() || rng_.Below(2) == 0)) {
      const std::uint64_t file = out_.spills.front().file;
      out_.spills.erase(out_.spills.begin());
      store_.HandleSpilled({file, failure}, out_);
      if (!failure.empty()) store_.HandleSpillTimer(out_);
    } else if (!out_.restores.empty()) {
      const RestoreObject read = out_.restores.front();
      out_.restores.erase(out_.restores.begin());
      store_.FinishRestore({read.object, read.copy, failure}, out_);
      store_.ServeWaiting(out_);
    }
  }
  void Rare(const Address& client) {
    if (rng_.Below(4) != 0) return;
    if (rng_.Below(2) == 0) {
      store_.HandleClientDied(client.worker, out_);
    } else if (!out_.create_timers.empty()) {
      store_.HandleCreateTimer(out_.create_timers.back().key, out_);
    }
  }

  Rng rng_;
  ObjectStore store_;
  Recorder out_;
};

TEST(ObjectStoreRandom, NothingLeaksWhateverIsDone) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomUse use(seed);
    for (int step = 0; step < 400; ++step) use.Step();
    use.Finish();
  }
  EXPECT_GT(RandomUse::spilled_, 100u);
  EXPECT_GT(RandomUse::restored_, 100u);
}

}  // namespace
}  // namespace mobula::object_store
