// SPDX-License-Identifier: Apache-2.0
/// Python functions and actors, called from C++:
///
///     auto sum = mobula::Task(mobula::PyFunction<int>{"statistics", "mean"}).Remote(numbers);
///     auto counter = mobula::Actor(mobula::PyActorClass{"counters", "Counter"}).Remote(10);
///     mobula::Get(counter.Task(mobula::PyActorMethod<int>{"add"}).Remote(1));
///
/// The module must be found by Python workers: beside the program's library, or where
/// `mobula_cpp_run --python-path` says. Arguments and results are what codec.h can serialise.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/api/actor.h"
#include "runtime/api/ref.h"
#include "runtime/api/task.h"

namespace mobula {

/// A function of a Python module whose results are read as `R`.
template <class R>
struct PyFunction {
  std::string module_name;
  std::string function_name;
};

struct PyActorClass {
  std::string module_name;
  std::string class_name;
};

/// A method whose results are read as `R`.
template <class R>
struct PyActorMethod {
  std::string method_name;
};

namespace api {

/// As which type an argument travels to a language that has no declarations: text as a string, and
/// a reference as what it refers to, which the callee receives.
template <class Argument>
struct Travelling {
  using Decayed = std::decay_t<Argument>;
  using Type =
      std::conditional_t<std::is_convertible_v<Decayed, std::string>, std::string, Decayed>;
};
template <class T>
struct Travelling<Ref<T>> {
  using Type = T;
};

template <class... Given>
void AddForeignArguments(TaskSpec& spec, Context& context, const Given&... arguments) {
  AddArguments<std::tuple<typename Travelling<Given>::Type...>>(spec, context, arguments...);
}

template <class R>
class PyTaskCall : public TaskOptions<PyTaskCall<R>> {
 public:
  explicit PyTaskCall(const PyFunction<R>& function)
      : name_(function.module_name + ":" + function.function_name) {}

  template <class... Given>
  Ref<R> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const CallKind kind{.function = context.PlaceOf(name_),
                        .language = Language::kPython,
                        .max_retries = this->max_retries_,
                        .retry_exceptions = this->retry_exceptions_};
    TaskSpec spec = context.NewTask(this->HeaderFor(context, kind));
    AddForeignArguments(spec, context, arguments...);
    return Ref<R>(context.Submit(std::move(spec)));
  }

 private:
  std::string name_;
};

template <class R>
class PyActorCall : public CallOptions<PyActorCall<R>> {
 public:
  PyActorCall(PyActorMethod<R> method, const ActorTarget& target)
      : method_(std::move(method)), target_(target) {}

  template <class... Given>
  Ref<R> Remote(const Given&... arguments) {
    Context& context = Context::Current();
    const CallKind kind{.function = context.PlaceOf(method_.method_name),
                        .language = Language::kPython,
                        .actor = target_.actor,
                        .max_retries = target_.max_task_retries};
    TaskSpec spec = context.NewTask(this->HeaderFor(context, kind));
    AddForeignArguments(spec, context, arguments...);
    return Ref<R>(context.Submit(std::move(spec)));
  }

 private:
  PyActorMethod<R> method_;
  ActorTarget target_;
};

}  // namespace api

/// Calls an actor of a Python class. May be passed on, to Python, too.
class PyActorHandle {
 public:
  PyActorHandle() = default;
  explicit PyActorHandle(api::PackedActor actor) : actor_(std::move(actor)) {}

  template <class R>
  [[nodiscard]] api::PyActorCall<R> Task(PyActorMethod<R> method) const {
    return api::PyActorCall<R>(std::move(method), actor_.target);
  }
  /// As ActorHandle::Kill.
  void Kill(bool no_restart = true) const {
    api::Context::Current().Kill(actor_.target.actor, no_restart);
  }
  [[nodiscard]] ActorId Id() const { return actor_.target.actor; }

 private:
  friend struct Codec<PyActorHandle>;

  api::PackedActor actor_;
};

template <>
struct Codec<PyActorHandle> {
  static void Write(const PyActorHandle& handle, Encoded& out) {
    const api::PackedActor& actor = handle.actor_;
    api::PackActor(actor.target, actor.reference, actor.description, out);
  }
  static PyActorHandle Read(Reader& in) { return PyActorHandle(api::TakeActor(in)); }
};

namespace api {

class PyActorCreation : public CreationOptions<PyActorCreation> {
 public:
  explicit PyActorCreation(PyActorClass actor_class) : class_(std::move(actor_class)) {}

  template <class... Given>
  PyActorHandle Remote(const Given&... arguments) {
    Context& context = Context::Current();
    TaskSpec spec = NewCreation(context, Language::kPython,
                                class_.module_name + ":" + class_.class_name, class_.class_name);
    AddForeignArguments(spec, context, arguments...);
    const ActorTarget target = TargetOf(spec);
    std::string description(spec.header->actor_options->handle_description.View());
    return PyActorHandle(
        PackedActor{target, context.Submit(std::move(spec)), std::move(description)});
  }

 private:
  PyActorClass class_;
};

}  // namespace api

template <class R>
api::PyTaskCall<R> Task(const PyFunction<R>& function) {
  return api::PyTaskCall<R>(function);
}

inline api::PyActorCreation Actor(PyActorClass actor_class) {
  return api::PyActorCreation(std::move(actor_class));
}

/// As GetActor, of a Python class.
inline std::optional<PyActorHandle> GetPyActor(
    const std::string& name, const std::optional<std::string>& ray_namespace = std::nullopt) {
  auto found = api::FindActor(name, ray_namespace);
  if (!found) return std::nullopt;
  return PyActorHandle(*std::move(found));
}

}  // namespace mobula
