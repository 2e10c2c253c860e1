// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/raylet/raylet.h"

#include "runtime/base/check.h"
#include "runtime/core/raylet/parts.h"

namespace mobula::raylet {

Raylet::Raylet(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Raylet::~Raylet() = default;

void Raylet::Handle(Instant now, const Event& event, Effects& out) {
  Outbox outbox(out);
  ++parts_->events_handled;
  std::visit([&](const auto& happened) { parts_->On(now, happened, outbox); }, event);
  parts_->Settle(now, outbox);
}

void Raylet::CheckInvariants() const {
  parts_->view.CheckInvariants();
  parts_->pool.CheckInvariants();
  parts_->leases.CheckInvariants();
  parts_->store.CheckInvariants();
  parts_->pulls.CheckInvariants();
  for (const auto& [id, entry] : parts_->store.Entries()) {
    CHECK(entry.writer.IsNil() || IsRegistered(entry.writer)) << id << " is written by the dead";
    for (const auto& [client, count] : entry.pins) {
      CHECK(IsRegistered(client)) << id << " is pinned by the dead process " << client;
    }
  }
}

bool Raylet::IsRegistered(WorkerId worker) const { return parts_->pool.IsRegistered(worker); }

bool Raylet::IsPinned(ObjectId object, WorkerId process) const {
  return parts_->store.IsPinned(object, process);
}

std::optional<std::uint64_t> Raylet::StoreOffset(ObjectId object) const {
  const object_store::Entry* entry = parts_->store.Find(object);
  if (entry == nullptr || !entry->HasBuffer()) return std::nullopt;
  return entry->offset;
}

std::vector<WorkerView> Raylet::Workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : parts_->pool.Workers()) {
    const Lease* lease = parts_->leases.FindByWorker(id);
    WorkerView view;
    view.worker = id;
    view.pid = worker.pid;
    view.job = worker.key.job;
    view.runtime_env = worker.key.runtime_env;
    view.state = parts_->StateText(worker, lease);
    if (lease != nullptr) {
      view.running = lease->request.name;
      view.blocked = lease->blocked;
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<StoredObjectView> Raylet::Objects() const {
  std::vector<StoredObjectView> views;
  for (const auto& [id, entry] : parts_->store.Entries()) {
    StoredObjectView view{entry.object, entry.offset, entry.size};
    view.in_memory = entry.HasBuffer();
    view.on_disk = entry.on_disk.has_value();
    view.sealed = entry.state == object_store::ObjectState::kSealed || view.on_disk;
    view.primary = entry.primary;
    for (const auto& [client, count] : entry.pins) view.pins += count;
    views.push_back(std::move(view));
  }
  return views;
}

const object_store::SpillStatistics& Raylet::Spilling() const { return parts_->store.Spilling(); }

std::vector<GrantedLeaseView> Raylet::Leases() const {
  std::vector<GrantedLeaseView> views;
  for (const auto& [order, lease] : parts_->leases.Granted().InOrder()) {
    views.push_back({lease.id, lease.worker, lease.request.owner, lease.request.name, lease.Held(),
                     lease.request.actor, lease.blocked, lease.reclaimed, lease.ending});
  }
  return views;
}

std::vector<QueuedLeaseView> Raylet::LeaseRequests() const {
  std::vector<QueuedLeaseView> views;
  for (const auto& [key, request] : parts_->leases.Queue().Requests()) {
    const RequestLease& message = request.message;
    views.push_back({message.owner, message.request, message.name, message.resources, message.actor,
                     request.phase == RequestPhase::kWaitingForWorker, message.spill_count});
  }
  return views;
}

std::vector<BundleView> Raylet::Bundles() const { return parts_->bundles.Views(); }

std::uint64_t Raylet::EventsHandled() const { return parts_->events_handled; }

const ResourceSet& Raylet::Available() const { return parts_->view.Self().Available(); }

}  // namespace mobula::raylet
