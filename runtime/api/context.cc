// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/context.h"

#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "runtime/api/exception_bytes.h"
#include "runtime/base/check.h"
#include "runtime/core/protocol/foreign.h"
#include "runtime/core/protocol/reference_bytes.h"
#include "runtime/host/local/parallel_copy.h"

namespace mobula::api {
namespace {

constexpr std::uint64_t kRootSalt = 0x726F6F74;
constexpr std::size_t kHeadersMax = 4096;

// Saved and restored around every wait: fibers of a simulation share the thread.
thread_local Context* current = nullptr;

}  // namespace

Reference::~Reference() {
  if (session_->process != nullptr) session_->process->Post(worker::ReferenceRemoved{object_.id});
}

// Value

Value::Value(std::shared_ptr<Session> session, worker::FetchedValue fetched)
    : session_(std::move(session)), fetched_(std::move(fetched)) {
  const PayloadKind kind = fetched_.stored ? fetched_.stored->kind : fetched_.value.kind;
  if (kind == PayloadKind::kError) Throw(fetched_.value.Problem());
  if (kind == PayloadKind::kException) {
    const std::string text = DecodeException(Bytes());
    ReleaseBuffer();
    throw TaskError(text);
  }
}

Value::~Value() { ReleaseBuffer(); }

void Value::ReleaseBuffer() {
  if (!fetched_.stored || session_->process == nullptr) return;
  fetched_.stored.reset();
  session_->process->Post(worker::BufferReleased{fetched_.object});
}

std::string_view Value::Bytes() const {
  if (!fetched_.stored) return fetched_.value.data.View();
  const auto& stored = *fetched_.stored;
  const std::byte* start = session_->process->StoreAt(stored.offset, stored.size);
  return {reinterpret_cast<const char*>(start), stored.size};
}

EncodedSource Value::Source() const { return EncodedSource{Bytes(), fetched_.object, false}; }

// Context

Context Context::ForDriver(std::shared_ptr<Session> session) {
  const TaskId root = TaskId::Derive(session->process->Identity().job, kRootSalt, 0);
  return Context(std::move(session), root, 0, false);
}

Context Context::ForTask(std::shared_ptr<Session> session, const worker::RunTask& run) {
  Context context(std::move(session), run.spec.task, run.spec.attempt, true);
  const bool is_call = run.spec.header->kind == TaskKind::kActorCall;
  context.gpus_ = is_call ? &context.session_->actor_gpus : &run.gpus;
  context.runtime_env_ = &run.spec.header->runtime_env;
  return context;
}

bool Context::RunsHere() { return current != nullptr; }

Context& Context::Current() {
  if (current == nullptr) {
    throw TaskError(
        "mobula is not running here: run the program with mobula_cpp_sim or mobula_cpp_run, and "
        "call it from the thread of the driver or of a task");
  }
  return *current;
}

Context::Scope::Scope(Context& context) : outer_(std::exchange(current, &context)) {}
Context::Scope::~Scope() { current = outer_; }

worker::Completion Context::Await(worker::RequestId request) {
  Context* const mine = current;
  current = nullptr;
  worker::Completion completion = Process().Await(request);
  current = mine;
  return completion;
}

void Context::Sleep(Duration span) {
  Context* const mine = current;
  current = nullptr;
  Process().Sleep(span);
  current = mine;
}

TaskHeader Context::NewHeader(TaskKind kind, Language language, const std::string& function) const {
  const WorkerRegistered& identity = Process().Identity();
  TaskHeader header;
  header.kind = kind;
  header.job = identity.job;
  header.owner = identity.address;
  const bool is_foreign = language != Language::kCpp;
  header.function = {language, is_foreign ? kForeignFunction : FunctionId{}, function};
  header.name = function;
  if (runtime_env_ != nullptr) header.runtime_env = *runtime_env_;
  return header;
}

const std::string* Context::PlaceOf(const std::string& name) {
  const auto lock = session_->Lock();
  return &*session_->foreign_names.insert(name).first;
}

Shared<TaskHeader> Context::HeaderOf(const CallKind& kind) {
  const auto lock = session_->Lock();
  auto& headers = session_->headers;
  const auto found = headers.find(kind);
  if (found != headers.end()) return found->second;
  const bool is_call = !kind.actor.IsNil();
  TaskHeader header =
      NewHeader(is_call ? TaskKind::kActorCall : TaskKind::kNormal, kind.language, *kind.function);
  header.actor = kind.actor;
  header.max_retries = kind.max_retries;
  header.retry_exceptions = kind.retry_exceptions;
  if (!is_call) header.resources.SetUnits(ResourceSet::kCpu, ResourceSet::kUnit);
  // Any number of actors may be called; what is forgotten is made again.
  if (headers.size() >= kHeadersMax) headers.clear();
  return headers.emplace(kind, std::move(header)).first->second;
}

TaskSpec Context::NewTask(Shared<TaskHeader> header) {
  TaskSpec spec;
  spec.task = NextChild();
  spec.parent = task_;
  spec.header = std::move(header);
  return spec;
}

SharedReference Context::Submit(TaskSpec spec) {
  CHECK(spec.header->num_returns == 1);
  auto result =
      std::make_shared<const Reference>(session_, ObjectRef{spec.Return(0), spec.header->owner});
  Process().Post(worker::TaskSubmitted{std::move(spec)});
  arguments_put_.clear();
  return result;
}

ErrorInfo Context::WriteToStore(const ObjectRef& object, std::string_view data) {
  const worker::RequestId request = Process().NextRequest();
  Process().Post(worker::BufferRequested{request, object, data.size()});
  const auto created = std::get<worker::FulfilCreate>(Await(request));
  if (!created.error.Ok()) return created.error;
  host::ParallelCopy({Process().StoreAt(created.offset, data.size()), data.size()},
                     std::as_bytes(std::span(data)));
  return {};
}

SharedReference Context::Put(Encoded value) {
  const ObjectRef object{PutObject(task_, attempt_, objects_put_++), Process().Identity().address};
  if (value.data.size() <= Payload::kInlineLimit) {
    Process().Post(worker::ObjectPut{object.id,
                                     Payload{PayloadKind::kValue, Bytes(std::move(value.data)), {}},
                                     std::move(value.contained)});
  } else {
    const ErrorInfo error = WriteToStore(object, value.data);
    if (!error.Ok()) Throw(error);
    Process().Post(worker::BufferSealed{object.id, PayloadKind::kValue, value.data.size(),
                                        std::move(value.contained)});
  }
  return std::make_shared<Reference>(session_, object);
}

ObjectRef Context::PutArgument(Encoded&& value) {
  arguments_put_.push_back(Put(std::move(value)));
  return arguments_put_.back()->Object();
}

std::vector<worker::FetchedValue> Context::Get(const std::vector<ObjectId>& objects,
                                               std::optional<Duration> timeout) {
  const worker::RequestId request = Process().NextRequest();
  Process().Post(worker::GetRequested{request, objects, timeout, is_task_});
  auto fulfilled = std::get<worker::FulfilGet>(Await(request));
  if (fulfilled.timed_out) {
    ErrorInfo error;
    error.kind = ErrorKind::kGetTimeout;
    error.message = "not all of the objects were there when the timeout of get passed";
    Throw(error);
  }
  return std::move(fulfilled.values);
}

std::vector<ObjectId> Context::Wait(const std::vector<ObjectId>& objects, std::uint32_t num_returns,
                                    std::optional<Duration> timeout) {
  const worker::RequestId request = Process().NextRequest();
  worker::WaitRequested wait;
  wait.request = request;
  wait.objects = objects;
  wait.num_returns = num_returns;
  wait.timeout = timeout;
  wait.releases_cpu = is_task_;
  Process().Post(std::move(wait));
  return std::get<worker::FulfilWait>(Await(request)).ready;
}

Message Context::AskGcs(Message question) { return *AskGcs(std::move(question), std::nullopt); }

std::optional<Message> Context::AskGcs(Message question, std::optional<Duration> timeout) {
  const worker::RequestId request = Process().NextRequest();
  Process().Post(worker::GcsRequested{request, std::move(question), timeout});
  auto fulfilled = std::get<worker::FulfilGcs>(Await(request));
  if (fulfilled.timed_out) return std::nullopt;
  return std::move(fulfilled.answer);
}

void Context::Kill(ActorId actor, bool no_restart) {
  const worker::RequestId request = Process().NextRequest();
  Process().Post(worker::ActorKillRequested{request, actor, no_restart});
  Await(request);
}

void Context::Cancel(ObjectId object, bool force, bool recursive) {
  Process().Post(worker::CancelRequested{object, force, recursive});
}

SharedReference Context::Adopt(const ObjectRef& object, const EncodedSource& source) {
  Process().Post(worker::ReferenceAdded{object, source.container, source.container_is_task});
  return std::make_shared<Reference>(session_, object);
}

SharedReference Context::Adopt(std::string_view encoded, const Reader& in) {
  const auto object = DecodeReference(encoded);
  if (!object) throw SerializationError("a reference inside a value is damaged");
  return Adopt(*object, in.Source());
}

}  // namespace mobula::api
