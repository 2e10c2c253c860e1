// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/api/ref.h"
#include "runtime/api/task.h"

namespace mobula {

template <class T>
class ActorHandle;

namespace api {

/// What a handle knows of its actor.
struct ActorTarget {
  ActorId actor;
  std::int32_t max_task_retries = 0;
  MOBULA_FIELDS(ActorTarget, actor, max_task_retries)
};

/// A call of an actor's method that is being put together.
template <class Method>
class ActorCall : public CallOptions<ActorCall<Method>> {
 public:
  using Result = std::decay_t<typename Signature<Method>::Result>;

  ActorCall(Method method, const ActorTarget& target) : method_(method), target_(target) {}

  template <class... Given>
  Ref<Result> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const CallKind kind{&Registry::Get().NameOf(method_), target_.actor, target_.max_task_retries};
    TaskSpec spec = context.NewTask(this->HeaderFor(context, kind));
    AddArguments<typename Signature<Method>::Arguments>(spec, context, arguments...);
    return Ref<Result>(context.Submit(std::move(spec)));
  }

 private:
  Method method_;
  ActorTarget target_;
};

/// The creation of an actor that is being put together. Unless SetResource says what it holds, it
/// goes where there is a CPU, and holds none.
template <class Factory>
class ActorCreation : public CallOptions<ActorCreation<Factory>> {
 public:
  using Class = typename Made<typename Signature<Factory>::Result>::Class;

  explicit ActorCreation(Factory factory) : factory_(factory) {}

  /// How often it is started again when its process dies; -1 for without end. Its state starts
  /// anew.
  ActorCreation& SetMaxRestarts(int restarts) {
    options_.max_restarts = restarts;
    return *this;
  }
  /// How often a call that was lost with the process is made again.
  ActorCreation& SetMaxTaskRetries(int retries) {
    options_.max_task_retries = retries;
    return *this;
  }
  /// Found by GetActor; also what people see.
  ActorCreation& SetName(std::string name) {
    options_.name = name;
    return CallOptions<ActorCreation>::SetName(std::move(name));
  }
  /// Lives until it is killed, not until its handles are gone.
  ActorCreation& SetDetached() {
    options_.detached = true;
    return *this;
  }

  template <class... Given>
  ActorHandle<Class> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    TaskSpec spec = context.NewTask(
        context.NewHeader(TaskKind::kActorCreation, Registry::Get().NameOf(factory_)));
    AddArguments<typename Signature<Factory>::Arguments>(spec, context, arguments...);
    TaskHeader& header = spec.header.Edit();
    this->FillIn(header);
    header.max_retries = 0;
    header.actor = ActorOf(spec.task);
    header.actor_options = options_;
    if (header.resources.IsEmpty())
      header.actor_options->placement_resources.SetUnits(ResourceSet::kCpu, ResourceSet::kUnit);
    header.actor_options->ray_namespace = context.Process().Identity().job_config.ray_namespace;
    const ActorTarget target{header.actor, options_.max_task_retries};
    return ActorHandle<Class>(target, context.Submit(std::move(spec)));
  }

 private:
  Factory factory_;
  ActorOptions options_;
};

}  // namespace api

/// Calls an actor. May be passed to tasks and other actors; the actor ends when no handle is left.
template <class T>
class ActorHandle {
 public:
  ActorHandle() = default;
  ActorHandle(const api::ActorTarget& target, api::SharedReference reference)
      : target_(target), reference_(std::move(reference)) {}

  /// `handle.Task(&Counter::Add).Remote(1)`.
  template <class Method>
    requires std::is_base_of_v<typename api::Signature<Method>::Class, T>
  [[nodiscard]] api::ActorCall<Method> Task(Method method) const {
    return api::ActorCall<Method>(method, target_);
  }
  /// Ends it at once, and returns when the GCS has done so for good. With `no_restart` false it is
  /// started again if it may be.
  void Kill(bool no_restart = true) const {
    api::Context::Current().Kill(target_.actor, no_restart);
  }
  [[nodiscard]] ActorId Id() const { return target_.actor; }

 private:
  friend struct Codec<ActorHandle<T>>;

  api::ActorTarget target_;
  /// Counts the handles, as references to the creation's result.
  api::SharedReference reference_;
};

template <class T>
struct Codec<ActorHandle<T>> {
  static void Write(const ActorHandle<T>& handle, Encoded& out) {
    CHECK(handle.reference_ != nullptr) << "an ActorHandle of no actor was passed on";
    mobula::Write(handle.target_, out);
    mobula::Write(handle.reference_->Object(), out);
    out.contained.push_back(handle.reference_->Object());
    out.held.push_back(handle.reference_);
  }
  static ActorHandle<T> Read(Reader& in) {
    const auto target = mobula::Read<api::ActorTarget>(in);
    const auto object = mobula::Read<ObjectRef>(in);
    return ActorHandle<T>(target, api::Context::Current().Adopt(object, in.Source()));
  }
};

/// `Actor(MakeCounter).Remote(10)`: an actor from a function that returns a pointer to a new
/// object.
template <class R, class... A>
api::ActorCreation<R (*)(A...)> Actor(R (*factory)(A...)) {
  return api::ActorCreation<R (*)(A...)>(factory);
}

/// The actor of this name; nothing when there is none.
template <class T>
std::optional<ActorHandle<T>> GetActor(const std::string& name) {
  api::Context& context = api::Context::Current();
  GetNamedActor question;
  question.name = name;
  question.ray_namespace = context.Process().Identity().job_config.ray_namespace;
  const auto reply = std::get<NamedActorReply>(context.AskGcs(question));
  if (!reply.found) return std::nullopt;
  return ActorHandle<T>({reply.actor.actor, reply.actor.max_task_retries},
                        context.Adopt(reply.actor.handle, {}));
}

}  // namespace mobula
