// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "runtime/core/worker/context.h"

namespace mobula::worker {

/// This process's dealings with the store of its node: room for objects it writes, and the pins of
/// objects it reads. However many users an object has here, the raylet holds one pin for this
/// process; using a pinned object again costs no message.
///
/// State of a read | meaning                             | collection | leaves by
/// fetching        | FetchObject is under way            | fetching_  | Available, Unavailable
/// pinned          | mapped by `users` readers           | pins_      | the last DropUser
///
/// A buffer that was written is sealed when somebody besides its writer may come to want it: its
/// location is told, it is read here, or the store wants room. What dies before that costs no
/// third message. Once the store wanted room, what is written is sealed at once.
///
/// State of a buffer | meaning                             | collection | leaves by
/// asked for         | CreateObject is under way           | creations_ | ObjectCreated
/// unsealed          | complete, which the raylet was not told | unsealed_ | Share, Discard
class StoreClient {
 public:
  struct Pin {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t users = 0;
  };

  explicit StoreClient(Context& context) : context_(context) {}

  /// Asks for room; the answer goes to the language layer's `request`.
  void Create(RequestId request, const ObjectRef& object, std::uint64_t size);
  void OnCreated(const ObjectCreated& message);
  void Abandon(RequestId request);
  /// The buffer of an object that this process owns is complete.
  void Written(ObjectId object);
  /// From now on others may ask for it.
  void Share(ObjectId object);
  /// It is being freed.
  void Discard(ObjectId object) { unsealed_.erase(object); }
  void OnRoomWanted();
  [[nodiscard]] bool IsUnsealed(ObjectId object) const { return unsealed_.contains(object); }

  /// Brings the object here, once however often it is asked for. REQUIRES: not pinned.
  void Fetch(const ObjectRef& object, std::uint64_t size, const std::vector<NodeId>& locations);
  void OnAvailable(const ObjectAvailable& message);
  /// Returns whether it was being fetched.
  bool OnUnavailable(ObjectId object) { return fetching_.erase(object) > 0; }
  [[nodiscard]] bool IsFetching(ObjectId object) const { return fetching_.contains(object); }
  [[nodiscard]] const Pin* FindPin(ObjectId object) const;
  [[nodiscard]] std::vector<ObjectId> Pinned() const;
  /// REQUIRES: pinned.
  void AddUser(ObjectId object);
  void DropUser(ObjectId object);
  /// Gives back the pins of this event's arrivals that found no user (what was fetched is not
  /// wanted any more, or was only waited for). Called when everybody has been told of them.
  void ReleaseUnused();
  void CheckInvariants() const;

 private:
  void ReleaseIfUnused(ObjectId object);

  struct Creation {
    RequestId request = 0;
    ObjectId object;
    bool abandoned = false;
  };

  Context& context_;
  std::uint64_t last_number_ = 0;
  /// CreateObject messages that are not answered.
  std::map<std::uint64_t, Creation> creations_;
  std::set<ObjectId> unsealed_;
  bool store_is_short_ = false;
  std::set<ObjectId> fetching_;
  std::map<ObjectId, Pin> pins_;
  /// Pinned in this event.
  std::vector<ObjectId> arrivals_;
};

}  // namespace mobula::worker
