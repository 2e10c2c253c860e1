// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/generators.h"

#include <cstring>
#include <sstream>
#include <utility>

namespace mobula::sim {
namespace {

Bytes Encoded(const GeneratorCall& call) {
  std::ostringstream text;
  text << call.items << ' ' << call.size << ' ' << call.seed << ' ' << call.pause.nanoseconds << ' '
       << call.raises;
  return Bytes(text.str());
}
GeneratorCall Decoded(const Bytes& data) {
  std::istringstream text{std::string(data.View())};
  GeneratorCall call;
  text >> call.items >> call.size >> call.seed >> call.pause.nanoseconds >> call.raises;
  return call;
}

/// A large one is written to the store.
TaskResult ResultOf(worker::Process& process, const TaskSpec& spec, std::uint32_t index,
                    const std::string& data) {
  TaskResult result;
  result.object = spec.Return(index);
  result.size = data.size();
  if (data.size() <= Payload::kInlineLimit) {
    result.value.data = Bytes(data);
    return result;
  }
  const worker::RequestId request = process.NextRequest();
  process.Post(worker::BufferRequested{request, {result.object, spec.header->owner}, data.size()});
  const auto created = std::get<worker::FulfilCreate>(process.Await(request));
  if (created.error.Ok()) {
    std::memcpy(process.StoreAt(created.offset, data.size()), data.data(), data.size());
  }
  // What exists here already, from an execution before, is the item, too.
  result.in_store = created.error.Ok() || created.error.kind == ErrorKind::kInvalid;
  if (!result.in_store) result.value = Payload::Error(created.error);
  return result;
}

}  // namespace

Stream::Stream(const GeneratorCall& call) {
  api::Context& context = api::Context::Current();
  TaskHeader header = context.NewHeader(TaskKind::kNormal, Language::kCpp, "generator");
  header.max_retries = call.max_retries;
  header.resources = call.resources;
  header.stream = call.options;
  TaskSpec spec = context.NewTask(Shared<TaskHeader>(std::move(header)));
  spec.arguments.emplace_back().value.data = Encoded(call);
  session_ = context.GetSession();
  end_ = context.Submit(std::move(spec));
}

Stream::~Stream() {
  // Null when the process has died, and its fibers are unwound.
  worker::Process* process = session_->process;
  if (process != nullptr) process->Post(worker::StreamDropped{end_->Object().id.task});
}

std::optional<api::SharedReference> Stream::Next() {
  api::Context& context = api::Context::Current();
  worker::Process& process = context.Process();
  const TaskId task = end_->Object().id.task;
  const worker::RequestId request = process.NextRequest();
  process.Post(worker::NextRequested{request, task, std::nullopt, !context.IsDriver()});
  const auto answer = std::get<worker::FulfilStream>(context.Await(request));
  if (answer.step == worker::StreamStep::kEnd) return std::nullopt;
  process.Post(worker::NextTaken{task});
  return std::make_shared<const api::Reference>(
      session_, ObjectRef{ObjectId{task, ++taken_}, end_->Object().owner});
}

void RunGenerator(worker::Process& process, const worker::RunTask& run, const ItemMaker& make) {
  const TaskSpec& spec = run.spec;
  const GeneratorCall call = Decoded(run.arguments.front().value.data);
  worker::TaskExecuted executed{spec.task, spec.attempt, {}, false, false};
  executed.results.push_back(ResultOf(process, spec, 0, "end"));
  auto step = worker::StreamStep::kNext;
  for (std::uint32_t i = 1; i <= call.items && step == worker::StreamStep::kNext; ++i) {
    process.Sleep(call.pause);
    TaskResult item = ResultOf(process, spec, i, make(call, i));
    const worker::RequestId request = process.NextRequest();
    process.Post(worker::ItemYielded{request, spec.task, spec.attempt, std::move(item), true});
    step = std::get<worker::FulfilStream>(process.Await(request)).step;
  }
  if (step == worker::StreamStep::kCancelled) {
    ErrorInfo error;
    error.kind = ErrorKind::kTaskCancelled;
    error.task = spec.task;
    executed.results.front().value = Payload::Error(std::move(error));
  } else if (step == worker::StreamStep::kNext && call.raises) {
    executed.application_error = true;
    TaskResult& raised = executed.results.emplace_back();
    raised.object = spec.Return(call.items + 1);
    raised.value = Payload{PayloadKind::kException, Bytes("raised"), {}};
  }
  process.Post(std::move(executed));
}

}  // namespace mobula::sim
