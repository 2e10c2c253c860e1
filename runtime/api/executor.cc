// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/executor.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/exception_bytes.h"
#include "runtime/api/registry.h"
#include "runtime/base/check.h"
#include "runtime/core/protocol/foreign.h"

namespace mobula::api {
namespace {

/// The argument that stands in for an error, if any: the task fails with it, unrun.
const Payload* FindError(const std::vector<worker::FetchedValue>& arguments) {
  for (const worker::FetchedValue& argument : arguments) {
    if (!argument.stored && argument.value.kind != PayloadKind::kValue) return &argument.value;
  }
  return nullptr;
}

const Callable& Find(const std::string& name) {
  if (const Callable* callable = Registry::Get().Find(name)) return *callable;
  std::string known;
  for (const std::string& other : Registry::Get().Names()) known += " " + other;
  throw SerializationError("the worker's library has no remote function " + name +
                           "; it has:" + known);
}

/// Callers of other languages say by names which function is which, and nothing else checks that.
void CheckKind(const Callable& callable, const TaskSpec& spec, const Session& session) {
  const std::string& name = spec.header->function.name;
  switch (spec.header->kind) {
    case TaskKind::kNormal:
      if (callable.of == typeid(void)) return;
      throw SerializationError(name + " is no function: it makes an actor, or is a method of one");
    case TaskKind::kActorCreation:
      if (callable.make) return;
      throw SerializationError(name + " makes no actor: it returns no pointer to an object");
    case TaskKind::kActorCall:
      if (callable.call && callable.of == session.actor_class) return;
      throw SerializationError(name + " is no method of this actor's class");
  }
}

/// The value as a result: inline, or written to the node's store.
void StoreResult(Context& context, const TaskSpec& spec, Encoded& value, TaskResult& result) {
  result.size = value.data.size();
  if (value.data.size() > Payload::kInlineLimit) {
    const ErrorInfo error = context.WriteToStore({result.object, spec.header->owner}, value.data);
    // What exists here already, from an execution before, is the result, too.
    result.in_store = error.Ok() || error.kind == ErrorKind::kInvalid;
    if (!result.in_store) result.value = Payload::Error(error);
  } else {
    result.value.data = Bytes(std::move(value.data));
  }
  result.contained = value.contained;
}

Encoded Call(const worker::RunTask& run, Session& session,
             const std::vector<EncodedSource>& sources) {
  const TaskSpec& spec = run.spec;
  const Callable& callable = Find(spec.header->function.name);
  if (IsForeign(spec.header->function)) CheckKind(callable, spec, session);
  if (spec.header->kind != TaskKind::kActorCreation)
    return callable.call(session.actor.get(), sources);
  session.actor_gpus = run.gpus;
  session.calls_overlap = spec.header->actor_options->max_concurrency > 1;
  session.actor_was_restarted = spec.attempt > 0;
  session.actor = callable.make(sources);
  session.actor_class = callable.of;
  return EncodeNothing();
}

/// Runs the function. Its arguments are released when this returns.
Encoded Run(Context& context, worker::RunTask& run) {
  // Values stay where they are, so all the places are made at once.
  std::vector<std::optional<Value>> values(run.arguments.size());
  std::vector<EncodedSource> sources;
  sources.reserve(values.size());
  for (std::size_t i = 0; i < run.arguments.size(); ++i) {
    Value& value = values[i].emplace(context.GetSession(), std::move(run.arguments[i]));
    const bool by_reference = run.spec.arguments[i].IsReference();
    sources.push_back(value.Source());
    if (by_reference) continue;
    sources.back().container = ObjectId{run.spec.task, 0};
    sources.back().container_is_task = true;
  }
  return Call(run, *context.GetSession(), sources);
}

}  // namespace

void ExecuteTask(const std::shared_ptr<Session>& session, worker::RunTask run) {
  worker::TaskExecuted executed;
  executed.task = run.spec.task;
  executed.attempt = run.spec.attempt;
  TaskResult& result = executed.results.emplace_back();
  result.object = run.spec.Return(0);
  // Holds the references in the result until it is reported.
  Encoded value;
  if (const Payload* error = FindError(run.arguments)) {
    result.value = *error;
    executed.application_error = error->kind == PayloadKind::kException;
  } else {
    Context context = Context::ForTask(session, run);
    const Context::Scope scope(context);
    try {
      value = Run(context, run);
      StoreResult(context, run.spec, value, result);
    } catch (const ActorExit&) {
      ErrorInfo error;
      error.kind = ErrorKind::kActorDied;
      error.actor = run.spec.header->actor;
      error.message =
          "the actor left on purpose: ExitActor() was called by " + run.spec.header->name;
      result.value = Payload::Error(std::move(error));
      executed.exit_after = true;
    } catch (const std::exception& thrown) {
      result.value = Payload{PayloadKind::kException, EncodeException(run.spec, thrown), {}};
      executed.application_error = true;
    }
  }
  session->process->Post(std::move(executed));
}

void RefuseTask(worker::Process& process, const TaskSpec& spec, const std::string& reason) {
  TaskResult result;
  result.object = spec.Return(0);
  result.value = Payload{PayloadKind::kException, EncodeException(spec, TaskError(reason)), {}};
  process.Post(worker::TaskExecuted{spec.task, spec.attempt, {std::move(result)}, true, false});
}

}  // namespace mobula::api
