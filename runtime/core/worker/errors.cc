// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/errors.h"

#include <sstream>
#include <utility>

namespace mobula::worker::errors {
namespace {

template <class... Parts>
ErrorInfo Make(ErrorKind kind, ObjectId object, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  ErrorInfo error;
  error.kind = kind;
  error.message = text.str();
  error.object = object;
  error.task = object.task;
  return error;
}

/// The class that users see, in `mobula.exceptions`.
std::string ExceptionName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kReconstructionFailed:
      return "ObjectReconstructionFailedError";
    case ErrorKind::kLineageEvicted:
      return "ObjectReconstructionFailedLineageEvictedError";
    case ErrorKind::kMaxAttemptsExceeded:
      return "ObjectReconstructionFailedMaxAttemptsExceededError";
    default:
      return ToString(kind).substr(1) + "Error";
  }
}

template <class... Parts>
ErrorInfo OfTask(ErrorKind kind, const TaskSpec& spec, const Parts&... parts) {
  ErrorInfo error = Make(kind, ObjectId{}, parts...);
  error.task = spec.task;
  error.actor = spec.header->actor;
  return error;
}

}  // namespace

ErrorInfo ObjectFreed(ObjectId object) {
  return Make(ErrorKind::kObjectFreed, object, "Object ", object,
              " was freed by its owner, because no reference to it was left. Keep a reference for "
              "as long as "
              "the object is needed.");
}

ErrorInfo ObjectFreedOnPurpose(ObjectId object) {
  return Make(ErrorKind::kObjectFreed, object, "Object ", object,
              " was freed: its owner called free. Free an object only when nobody needs it.");
}

ErrorInfo OwnerDied(const ObjectRef& object) {
  return Make(
      ErrorKind::kOwnerDied, object.id, "The owner of object ", object.id, ", worker ",
      object.owner.worker, " on node ", object.owner.node,
      ", has died, and its value and lineage with it. Create the object in a process that outlives "
      "its users.");
}

ErrorInfo ObjectLost(ObjectId object) {
  return Make(ErrorKind::kObjectLost, object, "Every copy of object ", object,
              " was lost with the nodes or disks that held them. It was made by put, so no task "
              "can make it again; "
              "the return value of a task could be reconstructed.");
}

ErrorInfo LineageEvicted(ObjectId object) {
  return Make(ErrorKind::kLineageEvicted, object, "Every copy of object ", object,
              " was lost, and the task that made it was forgotten to stay within the lineage "
              "limit. A higher "
              "lineage_bytes_max would have kept it.");
}

ErrorInfo LineageNotKept(ObjectId object) {
  return Make(ErrorKind::kObjectLost, object, "Every copy of object ", object,
              " was lost, and its job keeps no lineage to make it again (lineage_pinning_enabled "
              "is False).");
}

ErrorInfo ReconstructionFailed(ObjectId object) {
  return Make(
      ErrorKind::kReconstructionFailed, object, "Every copy of object ", object,
      " was lost, and the task that made it may not run again. With max_retries (max_task_retries "
      "for an actor's calls) above 0 it could be reconstructed.");
}

ErrorInfo MaxAttemptsExceeded(ObjectId object, const TaskSpec& spec) {
  return Make(ErrorKind::kMaxAttemptsExceeded, object, "Every copy of object ", object,
              " was lost, and task ", spec.header->name, " has used all of its ", spec.attempt + 1,
              " attempts. A higher max_retries would allow more.");
}

ErrorInfo TaskLost(const TaskSpec& spec, const Death& death) {
  const ErrorKind of_worker =
      death.out_of_memory ? ErrorKind::kOutOfMemory : ErrorKind::kWorkerCrashed;
  return OfTask(death.of_node ? ErrorKind::kNodeDied : of_worker, spec, "The ",
                death.of_node ? "node" : "worker", " of task ", spec.header->name, " (attempt ",
                spec.attempt, ") died: ", death.reason, ". No retry is left; max_retries is ",
                spec.header->max_retries, ".");
}

ErrorInfo TaskCancelled(TaskId task, const std::string& name) {
  ErrorInfo error = Make(ErrorKind::kTaskCancelled, ObjectId{}, "Task ", name, " was cancelled.");
  error.task = task;
  return error;
}

ErrorInfo ActorDied(const ActorView& actor, const TaskSpec& spec, bool may_have_run) {
  const ErrorKind cause = actor.death_cause.kind;
  const bool never_was =
      cause == ErrorKind::kActorUnschedulable || cause == ErrorKind::kActorPlacementGroupRemoved;
  const ErrorKind kind = never_was ? cause : ErrorKind::kActorDied;
  ErrorInfo error = OfTask(kind, spec, "Actor ", actor.class_name, " (", actor.actor,
                           ") is dead: ", actor.death_cause.message, " Call ", spec.header->name,
                           may_have_run ? " may have run." : " was not sent.");
  error.actor = actor.actor;
  error.cause = actor.death_cause.cause;
  return error;
}

void TellOfArguments(Payload& payload) {
  if (payload.kind != PayloadKind::kError) return;
  ErrorInfo error = payload.Problem();
  error.message =
      "The arguments of its constructor could not be computed: " + ExceptionName(error.kind) +
      ": " + error.message;
  payload.error = std::move(error);
}

ErrorInfo ActorCallLost(const ActorView& actor, const TaskSpec& spec) {
  ErrorInfo error =
      OfTask(ErrorKind::kActorUnavailable, spec, "The actor ", actor.class_name, " (", actor.actor,
             ") is unavailable: it died and restarts. Call ", spec.header->name, " (attempt ",
             spec.attempt, ") may have run; it is not repeated, as max_task_retries is ",
             spec.header->max_retries, ".");
  error.actor = actor.actor;
  return error;
}

ErrorInfo ActorRestarts(const ActorView& actor, const TaskSpec& spec) {
  ErrorInfo error =
      OfTask(ErrorKind::kActorUnavailable, spec, "The actor ", actor.class_name, " (", actor.actor,
             ") is unavailable: the actor is restarting. Call ", spec.header->name,
             " was not sent; with max_task_retries other than 0 it would have waited.");
  error.actor = actor.actor;
  return error;
}

ErrorInfo ItemNotMadeAgain(ObjectId object, const TaskSpec& spec) {
  return Make(ErrorKind::kReconstructionFailed, object, "Item ", object.index, " of the generator ",
              spec.header->name, " was lost, and the generator did not make it when it was run ",
              "again; one that makes the same items in every run could have been recovered.");
}

ErrorInfo EndOfStream(ObjectId object) {
  return Make(ErrorKind::kEndOfStream, object, "The generator of task ", object.task.Hex(),
              " made fewer than ", object.index, " items.");
}

ErrorInfo MissingReturn(ObjectId object, const TaskSpec& spec) {
  return Make(ErrorKind::kInvalid, object, "Task ", spec.header->name, " should return ",
              spec.header->num_returns, " values, and its answer has none for object ", object,
              ".");
}

}  // namespace mobula::worker::errors
