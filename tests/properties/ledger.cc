// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/ledger.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::properties {
namespace {

// Enough to see what is wrong; one mistake often shows in many places.
constexpr std::size_t kProblemsMax = 10;

}  // namespace

// What user code says

void Ledger::Made(const ObjectRef& object, ExpectedValue value, const Origin& origin) {
  const bool is_new =
      objects_.emplace(object.id, Object{object, std::move(value), origin, ++moments_}).second;
  if (!is_new) Complain(absl::StrCat("named twice: object ", object.id.Hex()));
  if (origin.kind == Origin::kCall) call_numbers_[object.id.task] = ++calls_;
}

void Ledger::MadeActor(ActorId actor, const ActorFacts& facts) {
  Actor made;
  made.facts = facts;
  made.made = ++moments_;
  actors_.emplace(actor, made);
}

void Ledger::Threw(TaskId task, std::uint32_t attempt, const std::string& text) {
  thrown_.emplace(std::pair(task, attempt), text);
}

void Ledger::Cancelled(TaskId task) { cancelled_.insert(task); }

void Ledger::Killed(ActorId actor, WorkerId killer, bool may_restart) {
  const auto found = actors_.find(actor);
  if (found == actors_.end()) return;
  found->second.kills.push_back({killer, ++moments_});
  // Each such kill uses up a restart; to be exact about how many were left is not worth it.
  found->second.killed =
      found->second.killed || !may_restart || found->second.facts.max_restarts >= 0;
}

void Ledger::Found(std::uint32_t name, ActorId actor, std::uint64_t asked) {
  const auto found = actors_.find(actor);
  if (found == actors_.end() || found->second.facts.name != name) {
    return Complain(absl::StrCat("wrong actor: ", actor.Hex(), " is not named ", name));
  }
  Actor& one = found->second;
  if (one.dead != 0 && one.dead < asked) {
    Complain(absl::StrCat("dead actor: ", actor.Hex(), " was found by its name after its death"));
  }
  one.found = true;
  if (one.alive == 0) one.alive = ++moments_;
}

void Ledger::FoundNone(std::uint32_t name, std::uint64_t asked) {
  for (const auto& [id, actor] : actors_) {
    if (actor.facts.name != name || actor.alive == 0 || actor.alive > asked) continue;
    if (!MustLive(actor)) continue;
    Complain(absl::StrCat("lost actor: the detached ", id.Hex(), " is not found by its name"));
  }
}

bool Ledger::MustLive(const Actor& actor) const {
  if (!actor.facts.detached || actor.killed) return false;
  return actor.facts.max_restarts < 0 ||
         Crashes() <= static_cast<std::uint64_t>(actor.facts.max_restarts);
}

bool Ledger::WasFound(ActorId actor) const {
  const auto found = actors_.find(actor);
  return found != actors_.end() && found->second.found;
}

std::set<std::uint32_t> Ledger::NamesOfDetached() const {
  std::set<std::uint32_t> names;
  for (const auto& [id, actor] : actors_) {
    if (actor.facts.detached) names.insert(actor.facts.name);
  }
  return names;
}

ExpectedValue Ledger::ExpectedOf(ObjectId object) const {
  const auto found = objects_.find(object);
  CHECK(found != objects_.end()) << "nobody made " << object;
  return found->second.value;
}

void Ledger::SawValue(WorkerId seer, ObjectId object, const Expected& seen) {
  const auto found = objects_.find(object);
  if (found == objects_.end()) {
    Complain(absl::StrCat("wrong value: of ", object.Hex(), ", which nobody made"));
    return;
  }
  const Expected& expected = *found->second.value;
  const auto actor = actors_.find(found->second.origin.actor);
  if (actor != actors_.end()) {
    if (actor->second.alive == 0) actor->second.alive = ++moments_;
    heard_.emplace(std::pair(seer, ran_in_[object.task]), ++moments_);
    known_.emplace(std::pair(seer, actor->first), moments_);
  }
  if (expected.checksum != seen.checksum) {
    Complain(absl::StrCat("wrong value: of ", object.Hex(), ": ", seen.checksum, ", expected ",
                          expected.checksum));
  } else if (expected.size != seen.size) {
    Complain(absl::StrCat("wrong value: of ", object.Hex(), ": ", seen.size, " numbers, expected ",
                          expected.size));
  } else if (expected.references.size() != seen.references.size()) {
    Complain(absl::StrCat("wrong value: ", object.Hex(), " should contain ",
                          expected.references.size(), " references and has ",
                          seen.references.size()));
  }
}

void Ledger::SawError(TaskId seer, ObjectId object, const Error& error) {
  const ErrorKind kind = error.Info().kind;
  ++errors_[dynamic_cast<const TaskError*>(&error) != nullptr
                ? "TaskError"
                : boost::describe::enum_to_string(kind, "?") + 1];
  if (kind == ErrorKind::kObjectStoreFull || kind == ErrorKind::kOutOfDisk) ++refusals_;
  const std::string doubt = IsOrphan(seer) ? "" : Doubt(error);
  if (doubt.empty()) {
    const auto actor = actors_.find(error.Info().actor);
    if (actor != actors_.end() && actor->second.dead == 0 &&
        absl::StrContains(error.Info().message, "is dead: ")) {
      actor->second.dead = ++moments_;
    }
    true_texts_.insert(error.what());
    return;
  }
  Complain(absl::StrCat("untrue error (", doubt, "): of object ", object.Hex(), ": ",
                        boost::describe::enum_to_string(kind, "?"), ": ", error.what()));
}

void Ledger::CloseKeys() {
  for (const std::string& problem : keys_.Problems()) Complain(problem);
}

void Ledger::Complain(const std::string& problem) {
  if (problems_.size() < kProblemsMax) {
    problems_.push_back(absl::StrCat(problem, " (at ", world_.Now().Seconds(), " s)"));
  }
}

// What the world does

void Ledger::Observe(const sim::HubAction& action) {
  if (const auto* ready = std::get_if<sim::ProcessReady>(&action)) {
    processes_.emplace(ready->process, ready->identity.address);
    if (ready->is_driver) drivers_.insert(ready->process);
  } else if (const auto* run = std::get_if<sim::RunTask>(&action)) {
    Started(run->process, run->run.spec);
  }
}

void Ledger::Started(WorkerId process, const TaskSpec& spec) {
  const std::string name =
      absl::StrCat(spec.header->name, " (", spec.task.Hex(), ", attempt ", spec.attempt, ")");
  if (!started_.emplace(spec.task, spec.attempt).second) {
    Complain(absl::StrCat("started twice: ", name));
  }
  const std::int32_t most = spec.header->max_retries;
  // What was made once may be needed to make something else again: that attempt is for free.
  const std::uint64_t free = executed_[spec.task];
  if (spec.header->kind != TaskKind::kActorCreation && most >= 0 &&
      spec.attempt > static_cast<std::uint32_t>(most) + free) {
    Complain(absl::StrCat("too many attempts: ", name, " started, but max_retries is ", most));
  }
  specs_.insert_or_assign(spec.task, spec);
  if (const Object* result = FindTask(spec.task)) stores_.Writes(result->value->size);
  if (spec.header->kind == TaskKind::kActorCall) StartedCall(process, spec, name);
}

void Ledger::StartedCall(WorkerId process, const TaskSpec& spec, const std::string& name) {
  ran_in_[spec.task] = process;
  const auto actor = actors_.find(spec.header->actor);
  const Object* call = FindTask(spec.task);
  const auto heard = heard_.find({spec.header->owner.worker, process});
  if (actor != actors_.end() && call != nullptr && heard != heard_.end()) {
    const bool is_killed = std::ranges::any_of(actor->second.kills, [&](const KillSaid& kill) {
      return kill.killer == spec.header->owner.worker && heard->second < kill.at &&
             kill.at < call->made;
    });
    if (is_killed) Complain(absl::StrCat("old incarnation: its caller killed it before: ", name));
  }
  if (spec.attempt > 0) return;
  const std::uint64_t number = call_numbers_[spec.task];
  std::uint64_t& last = last_call_[{process, {spec.header->owner.worker, spec.parent}}];
  if (number <= last)
    Complain(absl::StrCat("out of order: ", name, " started after a later call of its caller"));
  last = std::max(last, number);
}

bool Ledger::IsGone(const Address& process) const {
  return !world_.IsAlive(process.worker) || world_.WasDeclaredDead(process.node);
}

std::uint64_t Ledger::Deaths() const {
  return static_cast<std::uint64_t>(
      std::count_if(processes_.begin(), processes_.end(),
                    [&](const auto& entry) { return IsGone(entry.second); }));
}

std::uint64_t Ledger::Crashes() const {
  const sim::Report& report = world_.GetReport();
  return report.worker_crashes + report.node_crashes + report.nodes_disowned;
}

std::uint64_t Ledger::Losses() const { return std::max(Deaths(), Crashes()); }

bool Ledger::CopiesMayBeLost() const { return Deaths() > 0 || stores_.DiskMayHaveLost(); }

const TaskSpec* Ledger::FindSpec(TaskId task) const {
  const auto found = specs_.find(task);
  return found == specs_.end() ? nullptr : &found->second;
}

const Origin* Ledger::FindOrigin(ObjectId object) const {
  const auto found = objects_.find(object);
  return found == objects_.end() ? nullptr : &found->second.origin;
}

std::int32_t Ledger::RetriesOf(const Origin& origin) const {
  if (origin.kind != Origin::kCall) return origin.max_retries;
  const auto actor = actors_.find(origin.actor);
  return actor == actors_.end() ? 0 : actor->second.facts.max_task_retries;
}

const Ledger::Object* Ledger::FindTask(TaskId task) const {
  const auto found = objects_.find(ObjectId{task, 0});
  return found == objects_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::Throws(TaskId task) const {
  return static_cast<std::uint64_t>(
      std::count_if(thrown_.begin(), thrown_.end(),
                    [&](const auto& entry) { return entry.first.first == task; }));
}

bool Ledger::WasCancelled(TaskId task) const {
  for (const Object* at = FindTask(task); at != nullptr; at = FindTask(at->origin.parent)) {
    if (cancelled_.contains(at->reference.id.task)) return true;
  }
  return cancelled_.contains(task);
}

bool Ledger::IsOrphan(TaskId task) const {
  for (const Object* at = FindTask(task); at != nullptr; at = FindTask(at->origin.parent)) {
    if (IsGone(at->reference.owner)) return true;
  }
  return false;
}

// Judgement

std::string Ledger::Doubt(const Error& error) const {
  const ErrorInfo& info = error.Info();
  if (dynamic_cast<const TaskError*>(&error) != nullptr) return DoubtApplicationError(error.what());
  const auto object = objects_.find(info.object);
  switch (info.kind) {
    case ErrorKind::kOwnerDied:
      if (object == objects_.end()) return "it names no object that was made";
      return IsGone(object->second.reference.owner) ? "" : "the owner lives";
    case ErrorKind::kObjectLost:
      if (object == objects_.end()) return "it names no object that was made";
      if (object->second.origin.kind != Origin::kPut) return "the object was not put";
      return IsGone(object->second.reference.owner) || stores_.DiskMayHaveLost()
                 ? ""
                 : "the node that it was put on lives, and its disk";
    case ErrorKind::kReconstructionFailed:
      if (object == objects_.end()) return "it names no object that was made";
      if (RetriesOf(object->second.origin) != 0 && !WasCancelled(info.object.task)) {
        return "its task may be retried";
      }
      return CopiesMayBeLost() ? "" : "nothing died";
    case ErrorKind::kMaxAttemptsExceeded:
    case ErrorKind::kWorkerCrashed:
    case ErrorKind::kNodeDied:
      return DoubtAttempts(info);
    case ErrorKind::kTaskCancelled:
      return WasCancelled(info.task) ? "" : "nobody cancelled the task";
    case ErrorKind::kLineageEvicted:
      return CapsLineage() ? "" : "the lineage is not capped";
    case ErrorKind::kObjectStoreFull:
    case ErrorKind::kOutOfDisk:
      return stores_.Doubt(info);
    case ErrorKind::kActorUnavailable: {
      const auto actor = actors_.find(info.actor);
      if (actor == actors_.end()) return "it names no actor that was made";
      return DoubtLostCall(actor->second, info);
    }
    case ErrorKind::kActorDied:
      return DoubtActorError(info);
    default:
      return "this error has no cause here";
  }
}

std::string Ledger::DoubtApplicationError(const std::string& text) const {
  for (const auto& [key, thrown] : thrown_) {
    if (!absl::StrContains(text, thrown)) continue;
    const auto& [task, attempt] = key;
    const Object* made = FindTask(task);
    if (made == nullptr || !made->origin.retry_exceptions) return "";
    const std::int32_t most = made->origin.max_retries;
    if (most < 0 || attempt < static_cast<std::uint32_t>(most)) return "the task may be retried";
    return "";
  }
  const bool is_told = std::any_of(true_texts_.begin(), true_texts_.end(),
                                   [&](const auto& one) { return absl::StrContains(text, one); });
  return is_told ? "" : "no task threw that";
}

std::string Ledger::DoubtActorError(const ErrorInfo& info) const {
  const auto found = actors_.find(info.actor);
  if (found == actors_.end()) return "it names no actor that was made";
  const Actor& actor = found->second;
  if (absl::StrContains(info.message, " is taken in namespace ")) {
    return DoubtNameTaken(actor, info.message);
  }
  if (actor.killed) return "";
  // A detached one may have died with its owner only as long as it was not registered.
  if (IsGone(actor.facts.owner) && (!actor.facts.detached || actor.alive == 0)) return "";
  const bool left_scope = absl::StrContains(info.message, "its last handle went out of scope");
  if (left_scope) {
    // Who finds an actor by its name may be too late to hold it; and what is lost of a call's
    // result may be found out when no handle is left to make the call again.
    const bool is_again = executed_.contains(info.task) && CopiesMayBeLost();
    return is_again || (actor.found && !actor.facts.detached) ? "" : "there is a handle";
  }
  const std::uint64_t deaths = Losses();
  if (deaths == 0) return "nothing died";
  const std::int32_t most = actor.facts.max_restarts;
  if (most < 0) return "the actor may be restarted";
  return deaths > static_cast<std::uint64_t>(most) ? "" : "restarts are left";
}

std::string Ledger::DoubtLostCall(const Actor& actor, const ErrorInfo& info) const {
  const Object* made = FindTask(info.task);
  if (made == nullptr) return "it names no call that was made";
  if (actor.facts.max_task_retries < 0) return "the call may be retried";
  const bool is_unsent = absl::StrContains(info.message, " was not sent;");
  if (is_unsent && actor.facts.max_task_retries > 0) return "the call may wait for the actor";
  if (Crashes() > 0 || (is_unsent && !actor.kills.empty())) return "";
  // Who has killed an actor that it knew to live does not send its next calls to what is about to
  // die.
  const WorkerId caller = made->reference.owner.worker;
  const auto known = known_.find({caller, made->origin.actor});
  const bool is_hit = std::ranges::any_of(actor.kills, [&](const KillSaid& kill) {
    return kill.killer != caller || kill.at > made->made || known == known_.end() ||
           known->second > kill.at;
  });
  return is_hit ? "" : "nothing died but what its caller had killed before";
}

std::string Ledger::DoubtNameTaken(const Actor& refused, const std::string& text) const {
  for (const auto& [id, rival] : actors_) {
    if (&rival == &refused || !absl::StrContains(text, id.Hex())) continue;
    if (rival.facts.name == 0 || rival.facts.name != refused.facts.name) return "they differ";
    return rival.dead == 0 || rival.dead > refused.made ? "" : "the actor of that name was dead";
  }
  return "no other actor has that name";
}

std::string Ledger::DoubtAttempts(const ErrorInfo& info) const {
  const Object* made =
      FindTask(info.kind == ErrorKind::kMaxAttemptsExceeded ? info.object.task : info.task);
  if (made == nullptr) return "it names no task that was submitted";
  const std::int32_t most = RetriesOf(made->origin);
  if (most < 0) return "the task may be retried without end";
  // An exception that the body was told, of a cancelled or lost object, uses up a retry as its own
  // do.
  if (made->origin.retry_exceptions && !true_texts_.empty()) return "";
  if (stores_.DiskMayHaveLost()) return "";
  const std::uint64_t lost = Losses() + Throws(made->reference.id.task);
  if (lost > static_cast<std::uint64_t>(most)) return "";
  return absl::StrCat("max_retries is ", most, ", and only ", lost, " attempts can have been lost");
}

}  // namespace mobula::properties
