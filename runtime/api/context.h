// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/api/codec.h"
#include "runtime/core/worker/process.h"

namespace mobula::api {

/// What calls of one function have in common: tasks of equal kinds share a header.
struct CallKind {
  /// By the place of its name, in the registry or in the session.
  const std::string* function = nullptr;
  Language language = Language::kCpp;
  /// Nil for a normal task, which holds one CPU.
  ActorId actor = {};
  int max_retries = 0;
  bool retry_exceptions = false;

  bool operator==(const CallKind&) const = default;
  template <class H>
  friend H AbslHashValue(H state, const CallKind& kind) {
    return H::combine(std::move(state), kind.function, kind.language, kind.actor.high,
                      kind.actor.low, kind.max_retries, kind.retry_exceptions);
  }
};

/// What the C++ layer keeps for one process, from its first task (a driver: from its start) to its
/// end.
struct Session {
  /// Null once the process is gone: what is left of its references is then without effect.
  worker::Process* process = nullptr;
  /// The actor that lives here, if any, and its class.
  std::shared_ptr<void> actor;
  std::type_index actor_class = typeid(void);
  /// Of the actor: the numbers of its GPUs, and whether it was started again.
  std::vector<std::uint32_t> actor_gpus;
  bool actor_was_restarted = false;
  /// Of an actor whose calls may run at once, each on a thread of its own.
  bool calls_overlap = false;
  std::mutex mutex;
  /// What is read and written below: those calls share it.
  [[nodiscard]] std::unique_lock<std::mutex> Lock() {
    return calls_overlap ? std::unique_lock(mutex) : std::unique_lock<std::mutex>();
  }
  /// What is called here of other languages: names stay where they are.
  std::set<std::string> foreign_names;
  absl::flat_hash_map<CallKind, Shared<TaskHeader>> headers;
};

/// One local reference of this process to an object. Shared by the copies of a `Ref`; the last one
/// tells the machine.
class Reference {
 public:
  /// Takes over a reference that the machine counts already.
  Reference(std::shared_ptr<Session> session, const ObjectRef& object)
      : session_(std::move(session)), object_(object) {}
  ~Reference();
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  [[nodiscard]] const ObjectRef& Object() const { return object_; }

 private:
  std::shared_ptr<Session> session_;
  ObjectRef object_;
};
using SharedReference = std::shared_ptr<const Reference>;

/// A fetched value: its bytes, valid as long as this lives.
class Value {
 public:
  /// Throws what stands in the place of a value: the application's exception or the system's error.
  Value(std::shared_ptr<Session> session, worker::FetchedValue fetched);
  ~Value();
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  [[nodiscard]] EncodedSource Source() const;

 private:
  void ReleaseBuffer();
  [[nodiscard]] std::string_view Bytes() const;

  std::shared_ptr<Session> session_;
  worker::FetchedValue fetched_;
};

/// The task that runs on this thread (or fiber), and what it may ask of its process. Names the
/// tasks it submits and the objects it puts: by its own name, its attempt and a counter.
class Context {
 public:
  /// The driver's root task.
  static Context ForDriver(std::shared_ptr<Session> session);
  /// REQUIRES: `run` outlives it.
  static Context ForTask(std::shared_ptr<Session> session, const worker::RunTask& run);
  /// Whether a task of mobula runs here.
  static bool RunsHere();
  /// Throws Error when none does.
  static Context& Current();

  /// Makes this the current one, until the end of the scope.
  class Scope {
   public:
    explicit Scope(Context& context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Context* outer_;
  };

  /// A header with everything filled in that follows from who submits it.
  [[nodiscard]] TaskHeader NewHeader(TaskKind kind, Language language,
                                     const std::string& function) const;
  /// The place of the name of a function of another language; see CallKind.
  const std::string* PlaceOf(const std::string& name);
  /// The same header each time.
  Shared<TaskHeader> HeaderOf(const CallKind& kind);
  TaskSpec NewTask(Shared<TaskHeader> header);
  /// The name of what the running task makes next.
  [[nodiscard]] TaskId NextChild() { return ChildTask(task_, attempt_, tasks_submitted_++); }
  /// The reference to the task's result. REQUIRES: it has one.
  SharedReference Submit(TaskSpec spec);
  SharedReference Put(Encoded value);
  /// As Put, for an argument too large for a message: held until the next `Submit`.
  ObjectRef PutArgument(Encoded&& value);
  /// In the order asked for. Throws GetTimeoutError.
  std::vector<worker::FetchedValue> Get(const std::vector<ObjectId>& objects,
                                        std::optional<Duration> timeout);
  std::vector<ObjectId> Wait(const std::vector<ObjectId>& objects, std::uint32_t num_returns,
                             std::optional<Duration> timeout);
  Message AskGcs(Message question);
  /// Nothing when the time is over.
  std::optional<Message> AskGcs(Message question, std::optional<Duration> timeout);
  /// Returns when the GCS has done it, for good.
  void Kill(ActorId actor, bool no_restart);
  void Cancel(ObjectId object, bool force, bool recursive);
  /// The answer to a request that was posted to `Process()`.
  worker::Completion Await(worker::RequestId request);
  void Sleep(Duration span);
  [[nodiscard]] Instant Now() const { return Process().Now(); }

  /// Writes a large result or `put` into the node's store. kNone on success.
  ErrorInfo WriteToStore(const ObjectRef& object, std::string_view data);
  /// A reference that came out of a value; see worker::ReferenceAdded.
  SharedReference Adopt(const ObjectRef& object, const EncodedSource& source);
  /// The same from its bytes. Throws SerializationError when they are none.
  SharedReference Adopt(std::string_view encoded, const Reader& in);

  /// The numbers of the GPUs that the running task holds, or its actor.
  [[nodiscard]] const std::vector<std::uint32_t>& Gpus() const {
    static const std::vector<std::uint32_t> kNone;
    return gpus_ == nullptr ? kNone : *gpus_;
  }
  /// The driver's root task counts as one.
  [[nodiscard]] TaskId Task() const { return task_; }
  /// Counts the task's executions from 0.
  [[nodiscard]] std::uint32_t Attempt() const { return attempt_; }
  [[nodiscard]] bool IsDriver() const { return !is_task_; }
  [[nodiscard]] worker::Process& Process() const { return *session_->process; }
  [[nodiscard]] const std::shared_ptr<Session>& GetSession() const { return session_; }

 private:
  Context(std::shared_ptr<Session> session, TaskId task, std::uint32_t attempt, bool is_task)
      : session_(std::move(session)), task_(task), attempt_(attempt), is_task_(is_task) {}

  std::shared_ptr<Session> session_;
  TaskId task_;
  std::uint32_t attempt_;
  /// Not the driver: it holds a CPU, which it gives back while it waits.
  bool is_task_;
  /// Null in the driver, as the next.
  const std::vector<std::uint32_t>* gpus_ = nullptr;
  /// Of the running task: what it submits has it, too. Empty for the job's own.
  const std::string* runtime_env_ = nullptr;
  std::uint64_t tasks_submitted_ = 0;
  std::uint32_t objects_put_ = 0;
  /// Put for the call that is being made; the machine holds them once it is submitted.
  std::vector<SharedReference> arguments_put_;
};

}  // namespace mobula::api
