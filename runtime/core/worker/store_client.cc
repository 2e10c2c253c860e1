// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/store_client.h"

#include "runtime/base/check.h"

namespace mobula::worker {

void StoreClient::Create(RequestId request, const ObjectRef& object, std::uint64_t size) {
  const std::uint64_t number = ++last_number_;
  creations_.emplace(number, Creation{request, object.id});
  context_.TellDaemon(CreateObject{number, object, size});
}

void StoreClient::OnCreated(const ObjectCreated& message) {
  const auto found = creations_.find(message.request);
  if (found == creations_.end()) return;
  const Creation creation = found->second;
  creations_.erase(found);
  if (!creation.abandoned) {
    context_.Emit(FulfilCreate{creation.request, message.offset, message.error});
  } else if (message.error.Ok()) {
    context_.TellDaemon(FreeObject{creation.object});
  }
}

void StoreClient::Abandon(RequestId request) {
  for (auto& [number, creation] : creations_) {
    if (creation.request == request) creation.abandoned = true;
  }
}

void StoreClient::Written(ObjectId object) {
  unsealed_.insert(object);
  if (store_is_short_) Share(object);
}

void StoreClient::Share(ObjectId object) {
  if (unsealed_.erase(object) > 0) context_.TellDaemon(SealObject{object});
}

void StoreClient::OnRoomWanted() {
  store_is_short_ = true;
  while (!unsealed_.empty()) Share(*unsealed_.begin());
}

void StoreClient::Fetch(const ObjectRef& object, std::uint64_t size,
                        const std::vector<NodeId>& locations) {
  CHECK(!pins_.contains(object.id)) << "object " << object.id << " is here already";
  if (!fetching_.insert(object.id).second) return;
  Share(object.id);
  context_.TellDaemon(FetchObject{object, size, locations});
}

void StoreClient::OnAvailable(const ObjectAvailable& message) {
  CHECK(fetching_.erase(message.object) > 0) << "object " << message.object << " was not asked for";
  const bool added = pins_.emplace(message.object, Pin{message.offset, message.size, 0}).second;
  CHECK(added) << "object " << message.object << " is pinned twice";
  arrivals_.push_back(message.object);
}

void StoreClient::ReleaseUnused() {
  for (const ObjectId object : arrivals_) ReleaseIfUnused(object);
  arrivals_.clear();
}

const StoreClient::Pin* StoreClient::FindPin(ObjectId object) const {
  const auto found = pins_.find(object);
  return found == pins_.end() ? nullptr : &found->second;
}

std::vector<ObjectId> StoreClient::Pinned() const {
  std::vector<ObjectId> objects;
  for (const auto& [object, pin] : pins_) objects.push_back(object);
  return objects;
}

void StoreClient::AddUser(ObjectId object) {
  const auto found = pins_.find(object);
  CHECK(found != pins_.end()) << "object " << object << " is not pinned";
  ++found->second.users;
}

void StoreClient::DropUser(ObjectId object) {
  const auto found = pins_.find(object);
  CHECK(found != pins_.end() && found->second.users > 0) << "object " << object << " is not in use";
  --found->second.users;
  ReleaseIfUnused(object);
}

void StoreClient::ReleaseIfUnused(ObjectId object) {
  const auto found = pins_.find(object);
  if (found == pins_.end() || found->second.users > 0) return;
  pins_.erase(found);
  context_.TellDaemon(ReleaseObject{object});
}

void StoreClient::CheckInvariants() const {
  CHECK(!store_is_short_ || unsealed_.empty());
  for (const auto& [object, pin] : pins_) {
    CHECK(pin.users > 0) << "object " << object << " is pinned for nobody";
    CHECK(!fetching_.contains(object)) << "object " << object << " is pinned and being fetched";
    CHECK(!unsealed_.contains(object)) << "object " << object << " is read, but was never sealed";
  }
}

}  // namespace mobula::worker
