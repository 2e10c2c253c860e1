// SPDX-License-Identifier: Apache-2.0
/// The errors that this machine tells users: what happened, to what, why, and what would have
/// helped.
#pragma once

#include <string>

#include "runtime/core/protocol/cluster.h"
#include "runtime/core/protocol/error.h"
#include "runtime/core/protocol/task_spec.h"
#include "runtime/core/worker/death.h"

namespace mobula::worker::errors {

ErrorInfo ObjectFreed(ObjectId object);
/// The program called `free`.
ErrorInfo ObjectFreedOnPurpose(ObjectId object);
ErrorInfo OwnerDied(const ObjectRef& object);
/// A `put` object whose copies are all gone.
ErrorInfo ObjectLost(ObjectId object);
ErrorInfo LineageEvicted(ObjectId object);
/// The job keeps no lineage at all.
ErrorInfo LineageNotKept(ObjectId object);
ErrorInfo ReconstructionFailed(ObjectId object);
ErrorInfo MaxAttemptsExceeded(ObjectId object, const TaskSpec& spec);
/// Its worker or node died, and it may not be run again.
ErrorInfo TaskLost(const TaskSpec& spec, const Death& death);
ErrorInfo TaskCancelled(TaskId task, const std::string& name);
/// The actor is dead for good; `may_have_run`: the call had been sent to it.
ErrorInfo ActorDied(const ActorView& actor, const TaskSpec& spec, bool may_have_run);
/// `payload`, an argument of an actor's constructor, is why there is no actor: an error says so.
void TellOfArguments(Payload& payload);
/// The actor restarts, and the call that was sent to its last incarnation may not be repeated.
ErrorInfo ActorCallLost(const ActorView& actor, const TaskSpec& spec);
/// The actor restarts, and the call, which may not be repeated, does not wait for that.
ErrorInfo ActorRestarts(const ActorView& actor, const TaskSpec& spec);
/// The generator made fewer items.
ErrorInfo EndOfStream(ObjectId object);
/// A generator was run again for this item, and made fewer.
ErrorInfo ItemNotMadeAgain(ObjectId object, const TaskSpec& spec);
/// The executor's answer lacks this return value.
ErrorInfo MissingReturn(ObjectId object, const TaskSpec& spec);

}  // namespace mobula::worker::errors
