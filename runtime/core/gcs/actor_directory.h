// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {

/// What the GCS keeps of one actor.
struct ActorRecord {
  ActorView view;
  /// What its constructor needs; emptied at its death.
  TaskSpec creation;
  /// The lease request under way, 0 when there is none, and the raylet that has it.
  std::uint64_t lease_request = 0;
  NodeId lease_node;
  std::uint32_t spill_count = 0;
  /// The worker it was given, from the grant to the end of that worker; nil otherwise.
  Address worker;
  std::set<Address> subscribers;

  [[nodiscard]] bool IsDead() const { return view.state == ActorState::kDead; }
  [[nodiscard]] bool IsCreating() const {
    return !worker.worker.IsNil() && view.state != ActorState::kAlive;
  }
};

/// Finds actors by id, name, worker, owner; and knows who wants to hear of them. Dead actors stay,
/// without their creation, so that late callers learn why.
class ActorDirectory {
 public:
  explicit ActorDirectory(Bugs bugs) : bugs_(bugs) {}

  /// Takes over the rows of an earlier life.
  void Recover(const Rows& rows);
  void FillIn(Rows& rows) const;
  /// The record changed, or will before the event is over: it is logged at the end.
  void Touch(const ActorRecord& record) { touched_.insert(record.view.actor); }
  /// Logs the touched records as they are now. Call at the end of each event.
  void LogTouched(Outbox& out);

  /// REQUIRES: the actor is not known, and its name is free.
  ActorRecord& Add(ActorRecord record);
  [[nodiscard]] ActorRecord* Find(ActorId actor);
  /// The living actor of that name; null when there is none.
  [[nodiscard]] ActorRecord* FindNamed(const std::string& ray_namespace, const std::string& name);
  /// The actor that was given this worker; null when there is none.
  [[nodiscard]] ActorRecord* FindByWorker(WorkerId worker);
  void SetWorker(ActorRecord& record, const Address& worker);
  void ClearWorker(ActorRecord& record);
  /// Frees its name and takes it out of the indexes of the living.
  void Bury(ActorRecord& record);

  /// Tells the subscribers how it is.
  void Publish(const ActorRecord& record, Outbox& out) const;
  /// A handle can be faster than its actor's registration: who asks for an unknown actor is told
  /// later.
  void Subscribe(const Address& subscriber, ActorId actor, Outbox& out);
  void DropSubscriber(WorkerId worker);
  void DropSubscribersOf(NodeId node);

  /// Living actors that must die with their owner: one worker's, or those of all workers of a node.
  [[nodiscard]] std::vector<ActorId> OwnedBy(WorkerId owner) const;
  [[nodiscard]] std::vector<ActorId> OwnedOn(NodeId node) const;
  /// All actors that match, in the order of their ids.
  template <class Matches>
  [[nodiscard]] std::vector<ActorId> Select(Matches matches) const {
    std::vector<ActorId> selected;
    for (const auto& [actor, record] : actors_) {
      if (matches(record)) selected.push_back(actor);
    }
    return selected;
  }
  [[nodiscard]] std::vector<ActorView> Views() const;
  void CheckInvariants() const;

 private:
  template <class Matches>
  void DropSubscribers(Matches matches);

  [[nodiscard]] static ActorRow RowOf(const ActorRecord& record);

  Bugs bugs_;
  std::map<ActorId, ActorRecord> actors_;
  std::set<ActorId> touched_;
  /// (namespace, name) of the living.
  std::map<std::pair<std::string, std::string>, ActorId> names_;
  std::map<WorkerId, ActorId> workers_;
  /// By owner: the living that are not detached.
  std::map<Address, std::set<ActorId>> owned_;
  /// What each subscriber asked for, known actors or not.
  std::map<Address, std::set<ActorId>> subscriptions_;
  /// Who waits for actors that are not registered yet.
  std::map<ActorId, std::set<Address>> early_subscribers_;
};

}  // namespace mobula::gcs
