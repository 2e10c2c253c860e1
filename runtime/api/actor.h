// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
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
};

/// The handle of an actor inside a value, and what a reader of any language needs of it. Without a
/// reference it was looked up: it keeps no actor alive, nor do copies of it.
void PackActor(const ActorTarget& target, const SharedReference& reference,
               std::string_view description, Encoded& out);
struct PackedActor {
  ActorTarget target;
  SharedReference reference;
  std::string description;
};
PackedActor TakeActor(Reader& in);

/// What other languages must know of an actor to call it: the language that it lives in, its class,
/// and the default of `max_task_retries`.
std::string DescribeActor(Language language, const std::string& class_name,
                          std::int32_t max_task_retries);

/// The living actor of this name, which stays alive for others only; nothing when there is none.
/// Without a namespace: the job's.
std::optional<PackedActor> FindActor(const std::string& name,
                                     const std::optional<std::string>& ray_namespace);

/// A call of an actor's method that is being put together.
template <class Method>
class ActorCall : public CallOptions<ActorCall<Method>> {
 public:
  using Result = std::decay_t<typename Signature<Method>::Result>;

  ActorCall(Method method, const ActorTarget& target) : method_(method), target_(target) {}

  template <class... Given>
  Ref<Result> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const CallKind kind{.function = &Registry::Get().NameOf(method_),
                        .actor = target_.actor,
                        .max_retries = target_.max_task_retries};
    TaskSpec spec = context.NewTask(this->HeaderFor(context, kind));
    AddArguments<typename Signature<Method>::Arguments>(spec, context, arguments...);
    return Ref<Result>(context.Submit(std::move(spec)));
  }

 private:
  Method method_;
  ActorTarget target_;
};

/// The options of an actor that is being made. Unless SetResource says what it holds, it goes where
/// there is a CPU, and holds none.
template <class Self>
class CreationOptions : public CallOptions<Self> {
 public:
  /// How often it is started again when its process dies; -1 for without end. Its state starts
  /// anew.
  Self& SetMaxRestarts(int restarts) {
    options_.max_restarts = restarts;
    return Me();
  }
  /// How often a call that was lost with the process is made again.
  Self& SetMaxTaskRetries(int retries) {
    options_.max_task_retries = retries;
    return Me();
  }
  /// How many of its calls may run at once, each on a thread of its own.
  Self& SetMaxConcurrency(int calls) {
    if (calls < 1) throw std::invalid_argument("an actor runs one call at once at least");
    options_.max_concurrency = static_cast<std::uint32_t>(calls);
    return Me();
  }
  /// Found by GetActor; also what people see. Without a namespace: in the job's.
  Self& SetName(std::string name, std::optional<std::string> ray_namespace = std::nullopt) {
    options_.name = name;
    ray_namespace_ = std::move(ray_namespace);
    return CallOptions<Self>::SetName(std::move(name));
  }
  /// Lives until it is killed, not until its handles are gone.
  Self& SetDetached() {
    options_.detached = true;
    return Me();
  }

 protected:
  /// The task that makes it, which has no arguments yet.
  TaskSpec NewCreation(Context& context, Language language, const std::string& factory,
                       const std::string& class_name) const {
    TaskSpec spec = context.NewTask(context.NewHeader(TaskKind::kActorCreation, language, factory));
    TaskHeader& header = spec.header.Edit();
    this->FillIn(header);
    header.max_retries = 0;
    header.actor = ActorOf(spec.task);
    ActorOptions options = options_;
    if (header.resources.IsEmpty())
      options.placement_resources.SetUnits(ResourceSet::kCpu, ResourceSet::kUnit);
    options.ray_namespace =
        ray_namespace_.value_or(context.Process().Identity().job_config.ray_namespace);
    options.handle_description =
        Bytes(DescribeActor(language, class_name, options.max_task_retries));
    header.actor_options = std::move(options);
    return spec;
  }
  /// Of what NewCreation made.
  [[nodiscard]] static ActorTarget TargetOf(const TaskSpec& spec) {
    return {spec.header->actor, spec.header->actor_options->max_task_retries};
  }

 private:
  Self& Me() { return static_cast<Self&>(*this); }

  ActorOptions options_;
  std::optional<std::string> ray_namespace_;
};

/// The creation of an actor that is being put together.
template <class Factory>
class ActorCreation : public CreationOptions<ActorCreation<Factory>> {
 public:
  using Class = typename Made<typename Signature<Factory>::Result>::Class;

  explicit ActorCreation(Factory factory) : factory_(factory) {}

  template <class... Given>
  ActorHandle<Class> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const Registry& registry = Registry::Get();
    TaskSpec spec = this->NewCreation(context, Language::kCpp, registry.NameOf(factory_),
                                      registry.ClassName(typeid(Class)));
    AddArguments<typename Signature<Factory>::Arguments>(spec, context, arguments...);
    const ActorTarget target = this->TargetOf(spec);
    return ActorHandle<Class>(target, context.Submit(std::move(spec)));
  }

 private:
  Factory factory_;
};

}  // namespace api

/// Calls an actor. May be passed to tasks and other actors; the actor ends when no handle is left
/// that came from whoever made it.
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
  /// Counts the handles, as references to the creation's result. Null when it was looked up.
  api::SharedReference reference_;
};

template <class T>
struct Codec<ActorHandle<T>> {
  static void Write(const ActorHandle<T>& handle, Encoded& out) {
    const std::string class_name = api::Registry::Get().ClassName(typeid(T));
    const auto description =
        api::DescribeActor(Language::kCpp, class_name, handle.target_.max_task_retries);
    api::PackActor(handle.target_, handle.reference_, description, out);
  }
  static ActorHandle<T> Read(Reader& in) {
    const api::PackedActor actor = api::TakeActor(in);
    return ActorHandle<T>(actor.target, actor.reference);
  }
};

/// `Actor(MakeCounter).Remote(10)`: an actor from a function that returns a pointer to a new
/// object.
template <class R, class... A>
api::ActorCreation<R (*)(A...)> Actor(R (*factory)(A...)) {
  return api::ActorCreation<R (*)(A...)>(factory);
}

/// The actor of this name, which it does not keep alive; nothing when there is none. Without a
/// namespace: the job's.
template <class T>
std::optional<ActorHandle<T>> GetActor(
    const std::string& name, const std::optional<std::string>& ray_namespace = std::nullopt) {
  const auto found = api::FindActor(name, ray_namespace);
  if (!found) return std::nullopt;
  return ActorHandle<T>(found->target, found->reference);
}

}  // namespace mobula
