// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/worker/dispatcher.h"
#include "runtime/core/worker/events.h"
#include "runtime/core/worker/gcs_client.h"
#include "runtime/core/worker/views.h"

namespace mobula::worker {

/// The calls of this process to actors: one ordered queue per actor and caller. View: one
/// process's.
///
/// A caller is an actor, or a task of a process that runs any: a task may wait for what another one
/// of the same process calls, so their calls are not to wait for each other. (Ray orders them by
/// process, and has that deadlock.)
///
/// State of an actor | calls                                           | leaves by
/// pending           | wait here                                       | ActorUpdate
/// alive             | sent in each caller's order; the first one that | its worker's death, Kill,
///                   | lacks an argument holds back those behind it    | ActorUpdate
/// unreachable       | wait here; those in flight for what the GCS     | ActorUpdate
/// (dead, or killed  | says                                            |
/// from here)        |                                                 |
/// restarting        | those that may be repeated wait here; others    | ActorUpdate
///                   | fail, when they could have been sent            |
/// dead              | fail at once                                    | -
///
/// Sequence numbers count the calls to one incarnation from 0.
class ActorClient {
 public:
  /// A call that was in flight when its actor's worker died.
  struct LostCalls {
    ActorView actor;
    std::vector<TaskId> tasks;
  };

  ActorClient(Context& context, Dispatcher& dispatcher, GcsClient& gcs)
      : context_(context), dispatcher_(dispatcher), gcs_(gcs) {}

  /// This process creates the actor: it is not known to the GCS before `Registered`.
  void AddOwned(const TaskSpec& creation);
  void Registered(ActorId actor);
  /// The owner has no handle left. Its calls are all finished, as each holds a handle.
  void OutOfScope(ActorId actor);

  /// This process asks the GCS to kill it. Calls made from here on do not go to the incarnation
  /// that is about to die: they wait for what the GCS says.
  void Kill(const ActorKillRequested& event);
  /// Whoever asked for a kill waits no longer; the actor is killed all the same.
  void Abandon(RequestId request);
  /// The GCS came back: it has no subscribers, and may not have heard what it was asked for.
  void GcsRestarted();

  /// Queues a call; `order` is its place among the tasks of this process. Returns false, and the
  /// call has failed, when the actor is dead.
  bool Enqueue(const TaskSpec& call, std::uint64_t order);
  /// The call has been answered, or is wanted no more.
  void Remove(const TaskSpec& call, std::uint64_t order);
  /// Sends what can be sent.
  void Pump(ActorId actor);
  /// Takes note of the GCS's view. Returns the calls that were lost with the last incarnation, in
  /// order, for the task manager to decide on; the dead actor's calls fail here.
  LostCalls Update(const ActorView& view);
  /// Stops sending to a process that is dead; the GCS will say what becomes of the actor.
  void WorkerDied(const Address& worker);
  void ForgetDeadNode(NodeId node);
  [[nodiscard]] bool IsHeard(ActorId actor) const;
  /// Actors with calls, or to be killed, of which the GCS has not said anything yet.
  [[nodiscard]] std::vector<ActorId> Unheard() const;
  /// Nothing when it was never used here.
  [[nodiscard]] const ActorView* Find(ActorId actor) const;
  /// Calls of this process that are not answered.
  [[nodiscard]] std::size_t PendingCalls(ActorId actor) const;
  [[nodiscard]] std::vector<CalledActorView> Views() const;
  void CheckInvariants() const;

 private:
  /// In submission order.
  using Queue = std::map<std::uint64_t, TaskId>;
  struct Actor {
    ActorView view;
    bool subscribed = false;
    /// The GCS has told its state.
    bool heard = false;
    /// Owned and its registration is not acknowledged.
    bool unregistered = false;
    bool out_of_scope = false;
    /// Killed from here: until the GCS says that it died.
    std::optional<KillActor> kill;
    /// Who waits for a kill that the GCS could not be told yet.
    std::vector<RequestId> killers;
    bool unreachable = false;
    std::uint64_t next_sequence = 0;
    /// By caller; none is empty.
    std::map<TaskId, Queue> waiting;
    Queue in_flight;
  };

  void Subscribe(ActorId id, Actor& actor);
  void TellKill(Actor& actor);
  void HearOfKilled(Actor& actor, bool is_first);
  /// Answers kills of a dead actor.
  void AnswerKillers(Actor& actor);
  void FailAll(Actor& actor);
  /// Nil for the actor that lives here, which is the only one then.
  [[nodiscard]] TaskId CallerOf(const TaskSpec& call) const;
  /// Sends what can be sent of one caller's queue.
  void PumpQueue(Actor& actor, Queue& queue);
  /// The actor restarts: fails what would be sent now and may not be repeated, as Ray does. Who
  /// calls without retries wants to know that the actor it had is gone.
  void FailQueue(const Actor& actor, const Queue& queue);
  /// The call to be sent next. REQUIRES: one waits.
  [[nodiscard]] Queue::const_iterator NextCall(const Actor& actor, const Queue& queue) const;
  std::vector<TaskId> TakeInFlight(Actor& actor);

  Context& context_;
  Dispatcher& dispatcher_;
  GcsClient& gcs_;
  /// From the first use on; kept, as a view of a dead actor answers later calls.
  std::map<ActorId, Actor> actors_;
};

}  // namespace mobula::worker
