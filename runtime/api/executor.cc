// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/executor.h"

#include <deque>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/registry.h"
#include "runtime/base/check.h"

namespace mobula::api {
namespace {

/// The argument that stands in for an error, if any: the task fails with it, unrun.
const Payload* FindError(const std::vector<worker::FetchedValue>& arguments) {
  for (const worker::FetchedValue& argument : arguments) {
    if (!argument.stored && argument.value.kind != PayloadKind::kValue) return &argument.value;
  }
  return nullptr;
}

std::string UnknownFunction(const std::string& name) {
  std::string known;
  for (const std::string& other : Registry::Get().Names()) known += " " + other;
  return "the worker's library has no remote function " + name + "; it has:" + known;
}

/// The value as a result: inline, or written to the node's store.
TaskResult StoreResult(Context& context, const TaskSpec& spec, Encoded& value) {
  TaskResult result;
  result.object = spec.Return(0);
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
  return result;
}

Encoded Call(const TaskSpec& spec, Session& session, const std::vector<EncodedSource>& sources) {
  const Callable* callable = Registry::Get().Find(spec.header->function.name);
  if (callable == nullptr) throw SerializationError(UnknownFunction(spec.header->function.name));
  if (spec.header->kind != TaskKind::kActorCreation)
    return callable->call(session.actor.get(), sources);
  session.actor = callable->make(sources);
  return {};
}

/// Runs the function. Its arguments are released when this returns.
Encoded Run(Context& context, worker::RunTask& run) {
  std::deque<Value> values;
  std::vector<EncodedSource> sources;
  for (std::size_t i = 0; i < run.arguments.size(); ++i) {
    Value& value = values.emplace_back(context.GetSession(), std::move(run.arguments[i]));
    const bool by_reference = run.spec.arguments[i].IsReference();
    sources.push_back(value.Source());
    if (by_reference) continue;
    sources.back().container = ObjectId{run.spec.task, 0};
    sources.back().container_is_task = true;
  }
  return Call(run.spec, *context.GetSession(), sources);
}

}  // namespace

void ExecuteTask(const std::shared_ptr<Session>& session, worker::RunTask run) {
  worker::TaskExecuted executed;
  executed.task = run.spec.task;
  executed.attempt = run.spec.attempt;
  TaskResult result;
  result.object = run.spec.Return(0);
  // Holds the references in the result until it is reported.
  Encoded value;
  if (const Payload* error = FindError(run.arguments)) {
    result.value = *error;
    executed.application_error = error->kind == PayloadKind::kException;
  } else {
    Context context = Context::ForTask(session, run.spec);
    const Context::Scope scope(context);
    try {
      value = Run(context, run);
      result = StoreResult(context, run.spec, value);
    } catch (const TaskError& error) {
      // It was thrown by a task that this one waited for (or is our own): the text says where
      // already.
      result.value = Payload{PayloadKind::kException, Bytes(std::string(error.what())), {}};
      executed.application_error = true;
    } catch (const std::exception& thrown) {
      result.value =
          Payload{PayloadKind::kException, EncodeException(run.spec.header->name, thrown), {}};
      executed.application_error = true;
    }
  }
  executed.results.push_back(std::move(result));
  session->process->Post(std::move(executed));
}

}  // namespace mobula::api
